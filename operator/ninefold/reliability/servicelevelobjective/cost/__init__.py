"""What the rules of an objective cost Prometheus."""
