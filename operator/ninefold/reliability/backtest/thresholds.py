"""Conditions on the values of a judgement under which a pipeline fails. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from ninefold.reliability.backtest.judgement import Judgement

FIGURES: dict[str, Callable[[Judgement], float | None]] = {
    "pages-per-week": lambda judgement: judgement.summary.pages_per_week,
    "tickets-per-week": lambda judgement: judgement.summary.tickets_per_week,
    "missed": lambda judgement: judgement.missed,
    "noise": lambda judgement: judgement.noise,
    "budget-spent": lambda judgement: None if judgement.budget_spent is None else judgement.budget_spent * 100,
    "exhausted": lambda judgement: None if judgement.summary.exhausted is None else judgement.summary.exhausted * 100,
    "coverage": lambda judgement: judgement.coverage * 100,
}
"""The values by name; shares in percent. None without events, which breaks no condition, or without a rate per week."""
_OF_A_WEEK = frozenset({"pages-per-week", "tickets-per-week"})

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition such as "pages-per-week>2"."""

    text: str
    figure: str
    comparison: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Parses a condition. Raises ValueError with a sentence."""
        match = re.fullmatch(r"\s*([a-z-]+)\s*(>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*", text)
        if match is None or match[1] not in FIGURES:
            raise ValueError(f"{text!r}: write one of {', '.join(FIGURES)}, then >, >=, < or <=, and a number")
        return cls(text.strip(), match[1], match[2], float(match[3]))

    def broken(self, judgement: Judgement) -> str | None:
        """A sentence if the condition is true for a judgement, or if there is too little data to know; otherwise
        None."""
        value = FIGURES[self.figure](judgement)
        if value is None and self.figure in _OF_A_WEEK:
            return f"there is too little data for {self.figure}, so {self.text} cannot be ruled out"
        if value is None or not _COMPARISONS[self.comparison](value, self.value):
            return None
        return f"{self.figure} is {value:.4g}, and {self.text} is a failure"
