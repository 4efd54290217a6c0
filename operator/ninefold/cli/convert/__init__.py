"""`ninefold import` and `ninefold export`."""
