"""What Prometheus has measured for objectives, for each stage that goes by it."""
