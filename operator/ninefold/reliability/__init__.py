"""Reliability: what a service promises, and what happens to change when the promise is spent."""
