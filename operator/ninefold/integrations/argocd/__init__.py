"""Argo CD: how it judges our kinds, and what its users may do with them."""
