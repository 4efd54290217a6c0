"""Sloth's `prometheus/v1` and PrometheusServiceLevel, converted to ServiceLevelObjectives. Pure."""

from ninefold.integrations.sloth.reading import SERVICE, SLO, recognizes, translate

__all__ = ["SERVICE", "SLO", "recognizes", "translate"]
