"""The cost of an objective's rules in Prometheus."""
