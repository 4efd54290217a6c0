"""Ninefold: one Kubernetes operator for site reliability engineering."""

__version__ = "0.1.0"
