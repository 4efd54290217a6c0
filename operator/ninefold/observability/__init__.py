"""Seeing: what people look at."""
