"""Observability: what people look at."""
