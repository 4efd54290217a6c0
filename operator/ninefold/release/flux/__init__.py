"""Flux: what it would apply waits while a gate is closed."""
