"""Release: whether change may happen now, and what became of it."""
