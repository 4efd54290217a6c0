"""The period of budgets and the tiers of alerts, which an AlertWindows holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ninefold.integrations.sloth.documents import check_kind
from ninefold.integrations.translation import ours
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import NotCarried

PERIOD = "30d"
"""Sloth's period, unless it was started with another."""


@dataclass(frozen=True, slots=True)
class SlothPeriod:
    """The window that Sloth would use, and the alert tiers if a document states them; `known` if a document does."""

    window: str = PERIOD
    tiers: list[dict[str, Any]] | None = None
    known: bool = False


def period_of(windows: Sequence[Node]) -> SlothPeriod:
    """The period of the only AlertWindows."""
    period = SlothPeriod()
    for node in windows:
        try:
            if len(windows) > 1:
                raise node.refused(
                    None,
                    "there are several AlertWindows",
                    f"none is used, and the period is {PERIOD}",
                    "import the specifications with only one of them",
                )
            period = _written_period(node)
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return period


def _written_period(node: Node) -> SlothPeriod:
    check_kind(node, "AlertWindows")
    ours.object_metadata(node, "")
    spec = node.child("spec")
    return SlothPeriod(ours.window(spec.text("sloPeriod")), list(_written_tiers(spec)), known=True)


def _written_tiers(spec: Node) -> Iterator[dict[str, Any]]:
    period = ours.length(spec.text("sloPeriod"))
    for severity in ("Page", "Ticket"):
        for speed in ("quick", "slow"):
            tier = spec.child(severity.lower()).child(speed)
            share, long, short = (tier.number("errorBudgetPercent"), tier.text("longWindow"), tier.text("shortWindow"))
            seconds = ours.length(long)
            if not period or not seconds or share is None or share <= 0:
                raise tier.refused(
                    None, "a window or its share is missing", f"the period is {PERIOD}", "write all of them"
                )
            burn_rate = (share * period / 100 / seconds).quantize(Decimal("0.000000001"))
            yield {
                "burnRate": ours.decimal(burn_rate),
                "long": ours.window(long),
                "short": ours.window(short),
                "severity": severity,
            }
