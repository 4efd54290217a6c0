"""Admission policies about the authors of gates, Overrides and records: which user may write which object."""
