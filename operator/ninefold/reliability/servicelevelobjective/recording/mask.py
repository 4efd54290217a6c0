"""Excludes time that does not count from the rules of an objective: from recordings and from windows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ninefold.reliability.servicelevelobjective.recording.corrections import (
    SEAM,
    SETTLED,
    Corrections,
    active,
    stretches,
)
from ninefold.reliability.servicelevelobjective.recording.indicator import Rule, record
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.target import Target

ACTIVE = "slo:correction:active"
_RATES = ("slo:events:rate5m", "slo:errors:rate5m")
_FAULTS = ("slo:indicator_excess:ratio",)


class Mask:
    """The corrections of an objective; without any, the mask changes nothing."""

    def __init__(self, target: Target, series: RecordedSeries, corrections: Corrections) -> None:
        self._series, self._today = series, corrections.today
        self._all = stretches(corrections.occurrences, SEAM + target.slice_length)

    def over(self, rules: Iterable[Rule]) -> Iterator[Rule]:
        """The base recordings, 0 for every label set while a correction is active."""
        coming = [occurrence for occurrence in self._all if occurrence.clear > self._today]
        if not coming:
            yield from rules
            return
        yield record(ACTIVE, active(coming))
        now = self._series.single(ACTIVE)
        for rule in rules:
            text = rule["expr"]
            if rule["record"] in _RATES:
                text = f"({text}) * on () group_left () ({now} * 0 or on () vector(1))"
            elif rule["record"] in _FAULTS:
                text = f"({text}) unless on () {now}"
            yield {**rule, "expr": text}

    def within(self, length: int) -> RecordedSeries:
        """The series without the time that does not count in a window of this length in seconds."""
        today = self._today
        return self._series.without(
            [
                occurrence
                for occurrence in self._all
                if today - length < occurrence.until and occurrence.after < today + SETTLED
            ]
        )
