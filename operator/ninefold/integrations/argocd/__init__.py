"""Argo CD: how it assesses Ninefold's kinds, and what its users may do with them."""
