"""Binary operators between two vectors: how the series of both sides are matched. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import promql_parser as promql

from ninefold.reliability.backtest.arithmetic import ARITHMETIC, compared
from ninefold.reliability.backtest.grid import NAME, Array, CannotEvaluate, Labels, Vector, labels_of, present, put
from ninefold.reliability.backtest.labels import drop, keep, nameless

Signature = Callable[[Labels], Labels]


def combined(operator: str, modifier: promql.BinModifier | None, left: Vector, right: Vector) -> Vector:
    """The operator between all series that match. Raises CannotEvaluate where Prometheus would refuse."""
    if modifier is not None and (modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None):
        raise CannotEvaluate("fill, fill_left and fill_right are not supported here")
    signature = _signature(modifier.matching if modifier else None)
    if operator in _SETS:
        return _SETS[operator](signature, left, right)
    return _Pairs(operator, modifier, signature).of(left, right)


def _signature(matching: promql.LabelModifier | None) -> Signature:
    """The labels by which series of both sides are matched."""
    if matching is None:
        return nameless
    names = set(matching.labels)
    if matching.type == promql.LabelModifierType.Include:
        return lambda labels: keep(labels, names)
    return lambda labels: drop(labels, names | {NAME})


def _presence(signature: Signature, vector: Vector) -> dict[Labels, npt.NDArray[np.bool_]]:
    """The times at which any series of a signature has a sample."""
    times: dict[Labels, npt.NDArray[np.bool_]] = {}
    for labels, values in vector.items():
        key = signature(labels)
        times[key] = times[key] | present(values) if key in times else present(values)
    return times


def _and(signature: Signature, left: Vector, right: Vector) -> Vector:
    there = _presence(signature, right)
    return {
        labels: np.where(there[signature(labels)], values, np.nan)
        for labels, values in left.items()
        if signature(labels) in there
    }


def _unless(signature: Signature, left: Vector, right: Vector) -> Vector:
    there = _presence(signature, right)
    return {
        labels: np.where(there[signature(labels)], np.nan, values) if signature(labels) in there else values
        for labels, values in left.items()
    }


def _or(signature: Signature, left: Vector, right: Vector) -> Vector:
    result = dict(left)
    for labels, values in _unless(signature, right, left).items():
        put(result, labels, values, "or")
    return result


_SETS: dict[str, Callable[[Signature, Vector, Vector], Vector]] = {"and": _and, "or": _or, "unless": _unless}


class _Pairs:
    """Arithmetic or a comparison, one to one or many to one."""

    def __init__(self, operator: str, modifier: promql.BinModifier | None, signature: Signature) -> None:
        self._operator, self._signature = operator, signature
        self._matching = modifier.matching if modifier else None
        self._bool = bool(modifier and modifier.return_bool)
        card = modifier.card if modifier else promql.VectorMatchCardinality.OneToOne
        self._many_right = card == promql.VectorMatchCardinality.OneToMany
        self._one_to_one = card == promql.VectorMatchCardinality.OneToOne
        self._included = (modifier.group_labels or []) if modifier and not self._one_to_one else []

    def of(self, left: Vector, right: Vector) -> Vector:
        many, one = (right, left) if self._many_right else (left, right)
        partners = self._partners(one)
        result: Vector = {}
        for labels, values in many.items():
            for other, other_values in partners.get(self._signature(labels), ()):
                a, b = (other_values, values) if self._many_right else (values, other_values)
                put(result, self._labels(labels, other), self._values(a, b), f"matching by {self._operator}")
        return result

    def _partners(self, one: Vector) -> dict[Labels, list[tuple[Labels, Array]]]:
        """The series of the "one" side by signature. Raises CannotEvaluate if there are two at the same time."""
        partners: dict[Labels, list[tuple[Labels, Array]]] = {}
        for labels, values in one.items():
            known = partners.setdefault(self._signature(labels), [])
            if any(np.any(present(values) & present(other)) for _, other in known):
                raise CannotEvaluate(
                    f"found several series for one match of {self._operator}: {dict(self._signature(labels))}"
                )
            known.append((labels, values))
        return partners

    def _values(self, left: Array, right: Array) -> Array:
        if self._operator in ARITHMETIC:
            return ARITHMETIC[self._operator](left, right)
        return compared(self._operator, left, right, left, as_number=self._bool)

    def _labels(self, labels: Labels, other: Labels) -> Labels:
        made = nameless(labels) if self._operator in ARITHMETIC or self._bool else labels
        if self._one_to_one and self._matching is not None:
            names = set(self._matching.labels)
            include = self._matching.type == promql.LabelModifierType.Include
            made = keep(made, names) if include else drop(made, names)
        if not self._included:
            return made
        theirs = dict(other)
        return labels_of({**dict(made), **{name: theirs.get(name, "") for name in self._included}})
