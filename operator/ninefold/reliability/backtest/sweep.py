"""The same history under other targets, and which of them to promise. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from ninefold.domain.wording.lengths import length
from ninefold.reliability.backtest.judgement import LEAST, Suggestion, Summary, TargetJudgement
from ninefold.reliability.backtest.text import rate
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_LADDER = ("90", "95", "97", "98", "99", "99.5", "99.7", "99.9", "99.95", "99.97", "99.99", "99.995", "99.999")
_BESIDE = 2
"""Targets looked at on each side of the present one, if none are named."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a target must achieve: kept for this share of the time, with so many pages a week at most."""

    kept: float = 0.99
    pages_per_week: float = 2.0
    doubt: str = ""
    """Why the figures of the objective allow no suggestion, as a clause; "" if they do."""


def around(objective: str) -> list[str]:
    """The present target between usual ones.

    >>> around("99.9")
    ['99.5', '99.7', '99.9', '99.95', '99.97']
    """
    below = [each for each in _LADDER if Decimal(each) < Decimal(objective)]
    above = [each for each in _LADDER if Decimal(each) > Decimal(objective)]
    return [*below[-_BESIDE:], objective, *above[:_BESIDE]]


def retargeted(slo: ServiceLevelObjective, objective: str) -> ServiceLevelObjective:
    """The same objective with another target."""
    return slo.model_copy(update={"spec": slo.spec.model_copy(update={"objective": objective})})


def suggestion(targets: Sequence[TargetJudgement], wishes: Wishes, data: timedelta) -> Suggestion | None:
    """The strictest target that would have been what is wished for, and why; None where nothing was measured.

    `data` is how long there were events.
    """
    measured = [
        (each, each.summary) for each in _in_order(targets) if each.summary and each.summary.exhausted is not None
    ]
    if not measured:
        return None
    if wishes.doubt:
        return Suggestion(None, wishes.doubt)
    if data < LEAST:
        return Suggestion(None, f"there is data of {length(data)}, and a suggestion takes {length(LEAST)} at least")
    fitting = [(target, summary) for target, summary in measured if _fits(summary, wishes)]
    if not fitting:
        target, summary = measured[0]
        return Suggestion(None, f"none of these fits: even {target.objective} {_was(summary)}")
    target, summary = fitting[-1]
    reason = f"{target.objective} {_was(summary)}"
    stricter = [(each, its) for each, its in measured if Decimal(each.objective) > Decimal(target.objective)]
    if stricter:
        next_, its = stricter[0]
        reason += f"; {next_.objective} {_was(its)}"
    return Suggestion(target.objective, reason)


def _in_order(targets: Sequence[TargetJudgement]) -> list[TargetJudgement]:
    return sorted(targets, key=lambda target: Decimal(target.objective))


def _fits(summary: Summary, wishes: Wishes) -> bool:
    return 1 - (summary.exhausted or 0.0) >= wishes.kept and (summary.pages_per_week or 0.0) <= wishes.pages_per_week


def _was(summary: Summary) -> str:
    kept = 100 * (1 - (summary.exhausted or 0.0))
    # Rounded down: 99.96 % is not always.
    shown = int(kept * 10) / 10
    return f"would have been kept {shown:g} % of the time with {rate(summary.pages_per_week)} pages a week"
