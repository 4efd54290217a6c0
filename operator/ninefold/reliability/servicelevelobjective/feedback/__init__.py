"""Feedback of Prometheus about an objective and its rules."""
