"""`ninefold render`."""
