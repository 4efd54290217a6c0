"""`ninefold policy`."""
