"""Whether Prometheus evaluates the rules of an objective. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a group of rules: whether Prometheus has evaluated all of them, and the first error, "" for
    none."""

    evaluated: bool
    error: str
