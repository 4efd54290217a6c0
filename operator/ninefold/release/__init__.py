"""Release: whether changes may pass now, and the outcome of each release."""
