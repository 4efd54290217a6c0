"""The same history under other targets, and which target to promise. Pure."""

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
_NEIGHBOURS = 2
"""Targets to try on each side of the present target, if none are named."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a target must achieve: kept for this share of the time, with at most this many pages a week."""

    kept: float = 0.99
    pages_per_week: float = 2.0
    doubt: str = ""
    """Why the data of the objective allow no suggestion, as a clause; "" if they allow one."""


def around(objective: str) -> list[str]:
    """The present target between usual targets.

    >>> around("99.9")
    ['99.5', '99.7', '99.9', '99.95', '99.97']
    """
    below = [target for target in _LADDER if Decimal(target) < Decimal(objective)]
    above = [target for target in _LADDER if Decimal(target) > Decimal(objective)]
    return [*below[-_NEIGHBOURS:], objective, *above[:_NEIGHBOURS]]


def retargeted(slo: ServiceLevelObjective, objective: str) -> ServiceLevelObjective:
    """The same objective with another target."""
    return slo.model_copy(update={"spec": slo.spec.model_copy(update={"objective": objective})})


def suggestion(targets: Sequence[TargetJudgement], wishes: Wishes, data: timedelta) -> Suggestion | None:
    """The strictest target that meets the wishes, and why; None if nothing was measured.

    `data` is how long there were events.
    """
    measured = [
        (target, target.summary)
        for target in _in_order(targets)
        if target.summary and target.summary.exhausted is not None
    ]
    if not measured:
        return None
    if wishes.doubt:
        return Suggestion(None, wishes.doubt)
    if data < LEAST:
        return Suggestion(
            None, f"there are only {length(data)} of data, and a suggestion needs at least {length(LEAST)}"
        )
    fitting = [(target, summary) for target, summary in measured if _fits(summary, wishes)]
    if not fitting:
        target, summary = measured[0]
        return Suggestion(None, f"none of these fits: even {target.objective} {_was(summary)}")
    target, summary = fitting[-1]
    reason = f"{target.objective} {_was(summary)}"
    stricter = [pair for pair in measured if Decimal(pair[0].objective) > Decimal(target.objective)]
    if stricter:
        next_target, next_summary = stricter[0]
        reason += f"; {next_target.objective} {_was(next_summary)}"
    return Suggestion(target.objective, reason)


def _in_order(targets: Sequence[TargetJudgement]) -> list[TargetJudgement]:
    return sorted(targets, key=lambda target: Decimal(target.objective))


def _fits(summary: Summary, wishes: Wishes) -> bool:
    return 1 - (summary.exhausted or 0.0) >= wishes.kept and (summary.pages_per_week or 0.0) <= wishes.pages_per_week


def _was(summary: Summary) -> str:
    kept = 100 * (1 - (summary.exhausted or 0.0))
    # Rounded down: 99.96 % of the time is not all of the time.
    shown = int(kept * 10) / 10
    return f"would have been kept {shown:g} % of the time with {rate(summary.pages_per_week)} pages a week"
