"""Whether a classic histogram has the bucket that a latency objective needs.

A threshold between two bounds cannot be measured, and would look like missing data forever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal, InvalidOperation

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.recording.indicator import UNITS, bound, check_unit
from ninefold.reliability.servicelevelobjective.resource import Latency, ServiceLevelObjective

FIELD = "spec.indicator.latency"


class Buckets:
    """Asks once for each revision of the rules, and again as long as the bucket is missing."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._found: dict[str, str] = {}

    async def missing(self, slo: ServiceLevelObjective, group: Group) -> str:
        """A sentence that says what to write instead; "" if the bucket exists, is not needed, or is not known."""
        latency = slo.spec.indicator.latency
        if latency is None or self._found.get(group.name) == group.revision:
            return ""
        try:
            words = await missing(self._prometheus, latency)
        except (Unreachable, QueryRefused):
            return ""
        if words == "":
            self._found[group.name] = group.revision
        return words or ""


async def missing(prometheus: Prometheus, latency: Latency) -> str | None:
    """A sentence that says what to write instead of a threshold without a bucket; "" if it has a bucket or needs none,
    None while the histogram has no series. Raises Unreachable, Refused, and Stalled if the selector is not a histogram
    or the histogram has another unit."""
    if latency.buckets == "Native":
        return ""
    name, matchers = promql.histogram(latency.histogram, f"{FIELD}.histogram")
    check_unit(name, latency.threshold)
    samples = await prometheus.query(f"count by (le) ({name}_bucket{{{matchers}}})")
    bounds = _bounds(sample.labels.get("le", "") for sample in samples)
    return advice(latency, bounds) if bounds else None


def advice(latency: Latency, bounds: Collection[Decimal]) -> str:
    """A sentence that says what to write instead of a threshold that is not one of these bounds; "" if it is."""
    wanted = Decimal(bound(latency.threshold))
    # Compare both as Prometheus stores them.
    if float(wanted) in {float(known) for known in bounds}:
        return ""
    if meant := _in_another_unit(latency, wanted, bounds):
        return f"{FIELD}.threshold: the histogram has no bucket with the bound {latency.threshold}, and {meant}"
    below = max((known for known in bounds if known < wanted), default=None)
    above = min((known for known in bounds if known > wanted), default=None)
    nearest = [_written(found, latency.threshold) for found in (below, above) if found is not None]
    return (
        f"{FIELD}.threshold: the histogram has no bucket with the bound {latency.threshold}: write "
        f"{' or '.join(nearest)}, the nearest that it has, or add a bucket to the service"
    )


def _in_another_unit(latency: Latency, wanted: Decimal, bounds: Collection[Decimal]) -> str:
    """The bound that the threshold would have if the histogram counts in another unit, as a clause; "" if there is
    none."""
    there = {float(known) for known in bounds}
    if latency.threshold[-1].isdigit():
        # Milliseconds, for a histogram in seconds.
        found = wanted / 1000
        return (
            f'one with {found.normalize():f}: if it counts seconds, write "{wanted:f}ms"'
            if float(found) in there
            else ""
        )
    if "seconds" in latency.histogram.partition("{")[0]:
        return ""
    for unit, length in UNITS.items():
        found = wanted / length
        if float(found) in there:
            return f'one with {found.normalize():f}: if it counts {unit}, write "{found.normalize():f}"'
    return ""


def _bounds(texts: Iterable[str]) -> list[Decimal]:
    """The finite bounds."""
    found = []
    for text in texts:
        try:
            value = Decimal(text)
        except InvalidOperation:
            continue
        if value.is_finite():
            found.append(value)
    return found


def _written(value: Decimal, like: str) -> str:
    """A bound in the notation of a threshold."""
    if like[-1].isdigit():
        return f"{value.normalize():f}"
    if value < 1:
        return f"{(value * 1000).normalize():f}ms"
    return f"{value.normalize():f}s"
