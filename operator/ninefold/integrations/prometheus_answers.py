"""The answers of Prometheus as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one series; `at` in Unix seconds. The labels hold the name as `__name__`."""

    labels: Mapping[str, str]
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class RangeSeries:
    """One series of a range query: pairs of Unix seconds and value, oldest first."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """A group that Prometheus has loaded. `error` is the error of the first failing rule, "" if there is none."""

    name: str
    error: str
    evaluated: bool
    """Whether every rule has been evaluated at least once."""


@dataclass(frozen=True, slots=True)
class LoadedRecording:
    """A recording rule that Prometheus has loaded: its name, the labels that it sets, and its origin."""

    name: str
    labels: Mapping[str, str]
    group: str
    file: str
    interval: float
    """The interval of the group's evaluations in seconds; 0 if the server does not report it."""
    error: str = ""
    """The error of the last evaluation; "" if there was none."""
