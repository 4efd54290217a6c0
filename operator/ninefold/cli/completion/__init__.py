"""`ninefold completion`."""
