"""`ninefold gate`."""
