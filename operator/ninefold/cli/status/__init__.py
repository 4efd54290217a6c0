"""`ninefold status`."""
