"""`ninefold run`."""
