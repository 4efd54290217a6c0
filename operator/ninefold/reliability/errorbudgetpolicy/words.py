"""Figures and sentences for people. Pure.

A figure that is shown stays as it is until it has moved enough to matter, so that a steady state writes nothing.
"""

from __future__ import annotations

import re

from ninefold.reliability.errorbudgetpolicy.resource import ObjectiveState, Recovery, When

BUDGET_BAND = 0.5
"""Percentage points that a budget may move before it is shown anew."""
BURN_BAND = 0.1
"""The share of itself that a burn rate may move before it is shown anew; below 1x, a tenth of 1x."""

_UNITS = {"w": "week", "d": "day", "h": "hour", "m": "minute", "s": "second"}


def show_budget(left: float, shown: str | None) -> str:
    """A share of the budget as a percentage.

    >>> show_budget(0.3824, None), show_budget(0.3850, "38.2 %"), show_budget(-0.04, "38.2 %")
    ('38.2 %', '38.2 %', '-4.0 %')
    """
    percent = left * 100
    if shown is not None and abs(percent - percentage(shown)) < BUDGET_BAND:
        return shown
    # Adding 0.0 turns a negative zero into a plain one.
    return f"{round(percent, 1) + 0.0:.1f} %"


def percentage(shown: str) -> float:
    """The number in "38.2 %"."""
    return float(shown.removesuffix(" %"))


def show_burn(rate: float, window: str, shown: str | None) -> str:
    """A burn rate to two significant digits.

    >>> show_burn(22.4, "1h", None), show_burn(23.1, "1h", "22x over 1h"), show_burn(0.04, "6h", "0.05x over 6h")
    ('22x over 1h', '22x over 1h', '0.05x over 6h')
    """
    if shown is not None and shown.endswith(f"x over {window}"):
        before = float(shown.split("x")[0])
        if abs(rate - before) < BURN_BAND * max(before, 1):
            return shown
    return f"{significant(rate)}x over {window}"


def significant(number: float) -> str:
    """Two significant digits without an exponent: 0.063, 0.63, 6.3, 63, 630."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")


def adjective(window: str) -> str:
    """A window before a noun.

    >>> adjective("30d"), adjective("1h30m")
    ('30-day', '1h30m')
    """
    single = re.fullmatch(r"([0-9]+)([wdhms])", window)
    return f"{single[1]}-{_UNITS[single[2]]}" if single else window


def standing(objective: ObjectiveState, window: str) -> str:
    """As a clause: "checkout has spent 104 % of its 30-day error budget, burning 22x over 1h"."""
    budget = f"its {adjective(window)} error budget" if window else "its error budget"
    burning = f", burning {objective.burn}" if objective.burn and float(objective.burn.split("x")[0]) > 1 else ""
    if objective.budget_left is None:
        return f"{objective.name} has no figure of {budget} yet{burning}"
    left = percentage(objective.budget_left)
    if left < 0:
        return f"{objective.name} has spent {100 - left:.0f} % of {budget}{burning}"
    return f"{objective.name} has {objective.budget_left} of {budget} left{burning}"


def end_of(when: When, recovery: Recovery) -> str:
    """What must come true for a rule to end: "its budget has been at least 1 % for 15m"."""
    if when.burn_rate is not None:
        return f"it has burnt at most {when.burn_rate.above}x over {when.burn_rate.over} for {recovery.for_}"
    least = f"{float(when.budget_left_below or 0) + float(recovery.margin):.10g}"
    return f"its budget left has been at least {least} % for {recovery.for_}"
