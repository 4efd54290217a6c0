"""Correction: time that does not count."""
