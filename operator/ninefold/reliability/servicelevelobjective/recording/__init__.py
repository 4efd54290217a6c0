"""The recordings of an objective: events, errors, and averages over windows."""
