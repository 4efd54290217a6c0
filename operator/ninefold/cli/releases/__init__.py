"""`ninefold releases`."""
