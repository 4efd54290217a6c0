"""Objects for tests, one builder a kind: `manifest` for what is applied, and the model under the name of the kind."""
