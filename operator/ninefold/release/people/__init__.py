"""Who may write what: admission policies about the authors of gates, overrides, records and forgiveness."""
