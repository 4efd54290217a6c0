"""Aggregations of PromQL: combine the series of each group of labels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import promql_parser as promql

from ninefold.reliability.backtest.grid import NAME, Array, CannotEvaluate, Labels, Vector, labels_of, present, put
from ninefold.reliability.backtest.labels import drop, keep

_MOST_VALUES = 12


class TooManyValues(CannotEvaluate):
    """count_values yields more series than it is worthwhile to hold at once."""


def aggregate(operator: str, modifier: promql.AggModifier | None, vector: Vector, parameter: str = "") -> Vector:
    """sum, min, max, avg, count, group, and count_values, whose label is `parameter`. Raises CannotEvaluate."""
    if operator == "count_values":
        return _count_values(parameter, modifier, vector)
    combine = _AGGREGATIONS.get(operator)
    if combine is None:
        raise CannotEvaluate(f"the aggregation {operator} is not supported here")
    groups: dict[Labels, list[Array]] = {}
    for labels, values in vector.items():
        groups.setdefault(_group(labels, modifier), []).append(values)
    return {labels: combine(members) for labels, members in groups.items()}


def _group(labels: Labels, modifier: promql.AggModifier | None) -> Labels:
    if modifier is None:
        return ()
    names = set(modifier.labels)
    return keep(labels, names) if modifier.type == promql.AggModifierType.By else drop(labels, names | {NAME})


def _sum(members: Sequence[Array]) -> Array:
    if len(members) == 1:
        return members[0]
    total = sum(np.where(np.isnan(values), 0.0, values) for values in members)
    return np.where(_counted(members) > 0, total, np.nan)


def _counted(members: Sequence[Array]) -> Array:
    counted: Array = np.sum([present(values) for values in members], axis=0, dtype=np.float64)
    return counted


def _count(members: Sequence[Array]) -> Array:
    counted = _counted(members)
    return np.where(counted > 0, counted, np.nan)


_AGGREGATIONS: dict[str, Callable[[Sequence[Array]], Array]] = {
    "sum": _sum,
    "avg": lambda members: _sum(members) / _counted(members),
    "min": np.fmin.reduce,
    "max": np.fmax.reduce,
    "count": _count,
    "group": lambda members: np.where(_counted(members) > 0, 1.0, np.nan),
}


def _count_values(label: str, modifier: promql.AggModifier | None, vector: Vector) -> Vector:
    """A series for each value, with the value as its label. Few values occur: calendar periods, versions."""
    counted: dict[Labels, list[Array]] = {}
    for labels, values in vector.items():
        group = dict(_group(labels, modifier))
        # Values last: a new value can only occur at a change.
        changed = np.concatenate(([True], values[1:] != values[:-1])) & present(values)
        distinct = np.unique(values[changed])
        if len(distinct) > _MOST_VALUES:
            raise TooManyValues(f"count_values({label!r}, …) yields {len(distinct)} series, one for each value")
        for value in distinct:
            member = labels_of({**group, label: _written(float(value))})
            counted.setdefault(member, []).append(np.where(values == value, 1.0, np.nan))
    result: Vector = {}
    for labels, members in counted.items():
        put(result, labels, _count(members), "count_values")
    return result


def _written(value: float) -> str:
    """A float as Go prints it, with as few digits as are exact and no exponent."""
    if np.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(value, trim="-")
