"""What Prometheus has measured for objectives, for each stage that depends on it."""
