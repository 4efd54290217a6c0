"""Conditions on the figures of a judgement, under which a pipeline is to fail. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from ninefold.reliability.backtest.judgement import Judgement

FIGURES: dict[str, Callable[[Judgement], float | None]] = {
    "pages-per-week": lambda one: one.summary.pages_per_week,
    "tickets-per-week": lambda one: one.summary.tickets_per_week,
    "missed": lambda one: one.missed,
    "noise": lambda one: one.noise,
    "budget-spent": lambda one: None if one.budget_spent is None else one.budget_spent * 100,
    "exhausted": lambda one: None if one.summary.exhausted is None else one.summary.exhausted * 100,
    "coverage": lambda one: one.coverage * 100,
}
"""By name; shares in percent. None without events, which is neither above nor below anything, or without a week."""
_OF_A_WEEK = frozenset({"pages-per-week", "tickets-per-week"})

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """As "pages-per-week>2"."""

    text: str
    figure: str
    comparison: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Raises ValueError with a sentence."""
        match = re.fullmatch(r"\s*([a-z-]+)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*", text)
        if match is None or match[1] not in FIGURES:
            raise ValueError(f"{text!r}: write one of {', '.join(FIGURES)}, then >, >=, < or <=, and a number")
        return cls(text.strip(), match[1], match[2], float(match[3]))

    def broken(self, judgement: Judgement) -> str | None:
        """What to say if the condition holds for a judgement, or if nobody can tell whether it does."""
        value = FIGURES[self.figure](judgement)
        if value is None and self.figure in _OF_A_WEEK:
            return f"{self.figure} cannot be told from so little data, so that {self.text} cannot be ruled out"
        if value is None or not _COMPARISONS[self.comparison](value, self.value):
            return None
        return f"{self.figure} is {value:.4g}, and {self.text} is a failure"
