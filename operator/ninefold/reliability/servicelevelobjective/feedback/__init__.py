"""What comes back from Prometheus about an objective and its rules."""
