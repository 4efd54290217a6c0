"""Who may write what: admission policies about the authors of objects, for any kind."""
