"""Sloth's specifications, `prometheus/v1` and the CRD PrometheusServiceLevel, read into our resource. Pure."""

from ninefold.integrations.sloth.reading import SERVICE, SLO, recognizes, translate

__all__ = ["SERVICE", "SLO", "recognizes", "translate"]
