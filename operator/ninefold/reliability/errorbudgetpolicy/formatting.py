"""Values and sentences for people. Pure.

A shown value stays unchanged until the measurement has moved enough to matter, so that a steady state writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ninefold.domain.wording.dead_bands import budget_moved, burn_moved
from ninefold.domain.wording.numbers import burn_rate, percent
from ninefold.kube.fields import percentage, seconds
from ninefold.reliability.errorbudgetpolicy.resource import Recovery
from ninefold.reliability.errorbudgetpolicy.rules import FORECAST, When
from ninefold.reliability.errorbudgetpolicy.status import ObjectiveState

_PERIODS = {"Week": "weekly", "Month": "monthly", "Quarter": "quarterly"}
_UNITS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}


def show_budget(left: float, shown: str | None) -> str:
    """A share of the budget as a percentage.

    >>> show_budget(0.3824, None), show_budget(0.3850, "38.2 %"), show_budget(-0.04, "38.2 %")
    ('38.2 %', '38.2 %', '-4.0 %')
    """
    points = left * 100
    return percent(points) if shown is None or budget_moved(percentage(shown), points) else shown


def show_burn(rate: float, window: str, shown: str | None) -> str:
    """A burn rate to two significant digits.

    >>> show_burn(22.4, "1h", None), show_burn(23.1, "1h", "22x over 1h"), show_burn(0.04, "6h", "0.05x over 6h")
    ('22x over 1h', '22x over 1h', '0.05x over 6h')
    """
    if shown is not None and shown.endswith(f"x over {window}") and not burn_moved(float(shown.split("x")[0]), rate):
        return shown
    return f"{burn_rate(rate)} over {window}"


def adjective(window: str) -> str:
    """A window before a noun.

    >>> adjective("30d"), adjective("1h30m"), adjective("Month")
    ('30-day', '1h30m', 'monthly')
    """
    if window in _PERIODS:
        return _PERIODS[window]
    single = re.fullmatch(r"([0-9]+)([wdhms])", window)
    return f"{single[1]}-{_UNITS[single[2]]}" if single else window


def standing(objective: ObjectiveState, window: str) -> str:
    """The budget as a clause: "checkout has spent 104 % of its 30-day error budget, burning 22x over 1h"."""
    budget = f"its {adjective(window)} error budget" if window else "its error budget"
    burning = f", burning {objective.burn}" if objective.burn and float(objective.burn.split("x")[0]) > 1 else ""
    if objective.budget_left is None:
        return f"{objective.name} has no value of {budget} yet{burning}"
    left = percentage(objective.budget_left)
    if left < 0:
        return f"{objective.name} has spent {100 - left:.0f} % of {budget}{burning}"
    return f"{objective.name} has {objective.budget_left} of {budget} left{burning}{_lasting(objective, bool(burning))}"


def _lasting(objective: ObjectiveState, burning: bool) -> str:
    """A clause such as ", which lasts 14h to 3d at this rate"; "" unless every window agrees that the budget will be
    spent, and the budget burns or a rule asks for a forecast."""
    exhaustion = objective.exhaustion
    asked = burning or any(rule.rule.startswith(FORECAST) for rule in objective.active)
    if exhaustion is None or exhaustion.latest == "never" or not asked:
        return ""
    if exhaustion.earliest == exhaustion.latest:
        return f", which lasts {exhaustion.latest} at this rate"
    return f", which lasts {exhaustion.earliest} to {exhaustion.latest} at this rate"


def end_of(when: When, recovery: Recovery) -> str:
    """What must come true for a rule to end: "its budget has been at least 1 % for 15m"."""
    if when.burn_rate is not None:
        rate, windows = when.burn_rate.above, " or ".join(when.burn_rate.windows)
        return f"it has burned at most {rate}x over {windows} for {recovery.for_}"
    if when.exhausted_within is not None:
        spare = "" if float(recovery.margin) == 0 else f" with {float(recovery.margin):.10g} % to spare"
        return f"its budget has been forecast to last longer than {when.exhausted_within}{spare} for {recovery.for_}"
    least = f"{float(when.budget_left_below or 0) + float(recovery.margin):.10g}"
    return f"its budget left has been at least {least} % for {recovery.for_}"


def last_to_end(whens: Sequence[When]) -> list[When]:
    """Leaves out each condition that ends earlier than another: a budget above 35 % is above 5 %, too."""
    last: dict[tuple[str, ...], When] = {}
    for when in whens:
        value, distance = _to_go(when)
        if value not in last or distance > _to_go(last[value])[1]:
            last[value] = when
    return list(last.values())


def _to_go(when: When) -> tuple[tuple[str, ...], float]:
    """The value that a condition is about, and how far it must recover: a greater distance ends later."""
    if when.burn_rate is not None:
        return when.burn_rate.windows, -float(when.burn_rate.above)
    if when.exhausted_within is not None:
        return ("exhausted",), seconds(when.exhausted_within)
    return ("budget",), float(when.budget_left_below or 0)
