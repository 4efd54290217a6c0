"""Selectors of objects in a namespace."""
