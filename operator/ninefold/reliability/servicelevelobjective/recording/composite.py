"""Composites: the error ratio from those of the components, and the share of each component in it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import reduce
from operator import mul
from typing import Any

from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.resource import Composite, ServiceLevelObjective


def rules(composite: Composite, namespace: str, series: RecordedSeries) -> Iterator[dict[str, Any]]:
    """The error ratio of every component, then events and bad events of the whole.

    A component without traffic has no errors. A component without data makes the whole unknown.
    """
    names = [str(Key(namespace, component.objective)) for component in composite.components]
    of = [RecordedSeries(name) for name in names]
    aggregated = series.aggregate("sum")
    for name, component in zip(names, of, strict=True):
        errors, events = (
            series.named(f"{aggregated}({component(f'slo:{what}:rate5m')})") for what in ("errors", "events")
        )
        ratio = f"{errors} / ({events} > 0) or {events} * 0"
        yield {"record": "slo:component:error_ratio", "expr": ratio, "labels": {"component": name}}
    each = [series("slo:component:error_ratio", f'component="{name}"') for name in names]
    yield {"record": "slo:counted:rate5m", "expr": _whole(composite, each)}
    counted = series("slo:counted:rate5m")
    events = f"{counted} * 0 + 1"
    if composite.traffic_of is not None:
        theirs = RecordedSeries(str(Key(namespace, composite.traffic_of)))
        traffic = series.named(f"{aggregated}({theirs('slo:events:rate5m')})")
        events = f"{traffic} and on ({series.groups}) {counted}"
    yield {"record": "slo:events:rate5m", "expr": events}
    yield {"record": "slo:errors:rate5m", "expr": f"{counted} * {series('slo:events:rate5m')}"}
    yield {"record": "slo:blame:rate5m", "expr": _blame(composite, series, each)}


def components(slo: ServiceLevelObjective) -> list[Key]:
    """The components of a composite; empty for any other objective."""
    composite = slo.spec.indicator.composite
    return [Key(slo.key.namespace, component.objective) for component in composite.components] if composite else []


def check(slo: ServiceLevelObjective, find: Callable[[Key], ServiceLevelObjective | None]) -> list[Key]:
    """The components that do not exist. Raises Stalled for an objective that contains itself, directly or indirectly.

    `find` looks an objective up.
    """
    waiting, seen = [(key, f"{slo.key.name} -> {key.name}") for key in components(slo)], set[Key]()
    missing = []
    while waiting:
        key, path = waiting.pop()
        if key == slo.key:
            raise Stalled("CompositeOfItself", f"spec.indicator.composite: {path}: leave one of these components out")
        found = find(key)
        if found is None and key in components(slo):
            missing.append(key)
        if found is not None and key not in seen:
            waiting += [(part, f"{path} -> {part.name}") for part in components(found)]
        seen.add(key)
    return sorted(missing)


def attainable(composite: Composite, objectives: Sequence[Decimal]) -> Decimal:
    """The share of good events of the composite if each component just meets its objective; all from 0 to 1."""
    match composite.mode:
        case "Serial":
            return reduce(mul, objectives, Decimal(1))
        case "Parallel":
            return 1 - reduce(mul, (1 - objective for objective in objectives), Decimal(1))
        case "Weighted":
            weights = [Decimal(component.weight) for component in composite.components]
            return sum((w * o for w, o in zip(weights, objectives, strict=True)), Decimal(0)) / sum(weights)


def _whole(composite: Composite, each: list[str]) -> str:
    """The error ratio of the whole; absent if that of a component is absent."""
    times = " * ignoring (component) "
    match composite.mode:
        case "Serial":
            return f"1 - {times.join(f'(1 - {ratio})' for ratio in each)}"
        case "Parallel":
            return times.join(each)
        case "Weighted":
            parts = " + ignoring (component) ".join(
                f"{weight} * {ratio}" for weight, ratio in zip(_weights(composite), each, strict=True)
            )
            total = sum((Decimal(component.weight) for component in composite.components), Decimal(0))
            return f"({parts}) / {total.normalize():f}"


def _blame(composite: Composite, series: RecordedSeries, each: list[str]) -> str:
    """The bad events per second that each component causes: in proportion to its (weighted) error ratio."""
    share = series("slo:component:error_ratio")
    if composite.mode == "Weighted":
        share = " or ".join(f"{weight} * {ratio}" for weight, ratio in zip(_weights(composite), each, strict=True))
    whole = f"{series('slo:errors:rate5m')} / (sum by ({series.by}) ({share}) > 0)"
    return f"({share}) * on ({series.by}) group_left () ({whole})"


def _weights(composite: Composite) -> list[str]:
    return [f"{Decimal(component.weight).normalize():f}" for component in composite.components]
