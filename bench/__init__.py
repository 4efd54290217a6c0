"""Measures Ninefold beside a peer or a floor in the same run: `make bench`. docs/performance.md explains it."""
