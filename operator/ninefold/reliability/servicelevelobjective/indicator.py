"""The two expressions that an indicator comes down to: all events and bad events per second, over 5 m. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

from ninefold.reliability.servicelevelobjective import promql
from ninefold.reliability.servicelevelobjective.resource import Boolean, Indicator, Latency, Ratio

_SCALE = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), None: Decimal(1)}


def expressions(indicator: Indicator, events: str) -> tuple[str, str]:
    """PromQL of all events and of bad events; `events` selects the recording of the former.

    Bad events are 0 where their series are missing, and absent where the total is. Raises Stalled.
    """
    if indicator.ratio is not None:
        return _ratio(indicator.ratio, events)
    if indicator.latency is not None:
        return _latency(indicator.latency, events)
    assert indicator.boolean is not None  # noqa: S101 - the model holds exactly one
    return _boolean(indicator.boolean)


def _ratio(ratio: Ratio, events: str) -> tuple[str, str]:
    field = "spec.indicator.ratio"
    total = promql.rate(ratio.total, f"{field}.total")
    if ratio.bad is not None:
        bad = promql.rate(ratio.bad, f"{field}.bad")
        return total, f"({bad} or on () vector(0)) and on () {events}"
    good = promql.rate(ratio.good or "", f"{field}.good")
    return total, f"clamp_min({events} - on () ({good} or on () vector(0)), 0)"


def _latency(latency: Latency, events: str) -> tuple[str, str]:
    """Without the bucket there is no total either: else a wrong threshold would look like an outage."""
    name, matchers = promql.histogram(latency.histogram, "spec.indicator.latency.histogram")
    labels = ",".join(filter(None, (matchers, f'le=~"{_bound(latency.threshold)}"')))
    bucket = f"sum(rate({name}_bucket{{{labels}}}[5m]))"
    count = f"sum(rate({name}_count{{{matchers}}}[5m]))"
    field = "spec.indicator.latency"
    return promql.verified(f"{count} and on () {bucket}", field), f"clamp_min({events} - on () {bucket}, 0)"


def _bound(threshold: str) -> str:
    r"""The regular expression of the bucket's le, as the text of a PromQL string.

    Prometheus 3 stores whole numbers as "1.0" where Prometheus 2 kept the "1" of the exposition; a window across
    an upgrade holds both.

    >>> _bound("300ms"), _bound("1s")
    ('0\\\\.3', '1(\\\\.0)?')
    """
    match = re.fullmatch(r"([0-9.]+)(ms|s|m)?", threshold)
    assert match is not None  # noqa: S101 - the model holds the same pattern
    bound = Decimal(match[1]) * _SCALE[match[2]]
    text = f"{bound.normalize():f}"
    escaped = text.replace(".", r"\\.")
    return escaped if "." in text else escaped + r"(\\.0)?"


def _boolean(boolean: Boolean) -> tuple[str, str]:
    selector = promql.selector(boolean.selector, "spec.indicator.boolean.selector")
    # The share of the last 5 m that each series was 0; the comparison drops NaN.
    bad = promql.verified(f"1 - clamp(avg_over_time({selector}[5m]), 0, 1) >= 0", "spec.indicator.boolean.selector")
    return f"count({bad})", f"sum({bad})"
