"""Which alerts an objective gets, and when they fire."""
