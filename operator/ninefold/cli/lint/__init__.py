"""`ninefold lint`."""
