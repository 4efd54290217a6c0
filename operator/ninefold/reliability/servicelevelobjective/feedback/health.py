"""Whether Prometheus evaluates the rules of an objective. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """How Prometheus fares with a group of rules: whether it tried them all, and the first error, "" for none."""

    evaluated: bool
    error: str
