"""Measurements of objectives from the samples of one query. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from ninefold.domain.measurements.contested import foreign_label
from ninefold.domain.measurements.measurement import Measurement, worst
from ninefold.domain.measurements.series import BURN, FIGURES, INFO, PARTS
from ninefold.integrations.prometheus_answers import Sample


def _query(names: Iterable[str], matcher: str) -> str:
    return f'{{__name__=~"{BURN}.+|{INFO}|{"|".join(names)}|ALERTS",{matcher},alertstate!="pending"}}'


QUERY = _query((*FIGURES, *PARTS), 'slo_id!=""')
"""The query for the measurements of every objective, and for the labels that show their writer."""


def query_of(slo_id: str) -> str:
    """The query for the measurements of one objective."""
    return _query(FIGURES, f'slo_id="{slo_id}"')


_FIELDS = {
    "slo:error_budget_left:ratio": "budget_left",
    "slo:error_ratio:window": "error_ratio",
    "slo:coverage:ratio": "coverage",
    "slo:events:rate5m": "events_per_second",
    "slo:time_to_exhaustion:seconds": "exhausted_in",
    "slo:indicator_excess:ratio": "excess",
    "slo:agreement:error_ratio": "agreed_error_ratio",
}
"""The fields of a Measurement, by the recordings that hold their values."""


def read(samples: Iterable[Sample], causes: Mapping[str, str] | None = None) -> dict[str, Measurement]:
    """Measurements by slo_id from the samples of `QUERY`. Values that are not numbers are left out; `causes` gives by
    slo_id why measurements are contested."""
    by_id: dict[str, list[Sample]] = {}
    for sample in samples:
        by_id.setdefault(sample.labels["slo_id"], []).append(sample)
    return {
        slo_id: _contested(of_id, (causes or {}).get(slo_id, "")) or _figure(of_id) for slo_id, of_id in by_id.items()
    }


def _contested(samples: Sequence[Sample], cause: str) -> Measurement | None:
    """None if Ninefold's rules wrote the samples. Alerts do not count: anyone may alert on Ninefold's series."""
    recorded = [sample for sample in samples if sample.labels["__name__"] != "ALERTS"]
    cause = foreign_label(recorded) or cause
    return Measurement(contested=cause, revision=_about(samples).get("revision")) if cause else None


def _about(samples: Iterable[Sample]) -> Mapping[str, str]:
    """The labels of slo:info."""
    return next((sample.labels for sample in samples if sample.labels["__name__"] == INFO), {})


def _figure(samples: list[Sample]) -> Measurement:
    info = _about(samples)
    groups = info.get("group_by", "")
    known: dict[str, Any] = {"revision": info.get("revision"), "promised": _share(info.get("objective"))}
    if not groups:
        return replace(_plain(samples), **known)
    by_group: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.labels["__name__"] != INFO:
            values = [sample.labels.get(label, "") for label in groups.split(",")]
            # A sample that lacks a label was recorded before the objective had these groups.
            if all(values):
                by_group.setdefault("/".join(values), []).append(sample)
    return replace(worst({name: _plain(by_group[name]) for name in sorted(by_group)}), **known)


def _share(text: str | None) -> float | None:
    """A share between 0 and 1, both excluded; None for anything else."""
    try:
        share = float(text or "")
    except ValueError:
        return None
    return share if 0 < share < 1 else None


def _plain(samples: list[Sample]) -> Measurement:
    """The measurements of one group, or of an objective without groups."""
    values: dict[str, Any] = {}
    burn: dict[str, float] = {}
    blame: dict[str, float] = {}
    firing = set()
    for sample in samples:
        name = sample.labels["__name__"]
        if name == "ALERTS":
            firing.add(sample.labels.get("burn_tier", ""))
        elif not isfinite(sample.value):
            continue
        elif name.startswith(BURN):
            burn[name.removeprefix(BURN)] = sample.value
        elif name == "slo:blame:ratio":
            blame[sample.labels.get("component", "")] = sample.value
        elif name in _FIELDS:
            values[_FIELDS[name]] = sample.value
    return replace(Measurement(burn=burn, blame=blame, firing=frozenset(firing)), **values)
