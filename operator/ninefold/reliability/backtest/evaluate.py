"""Evaluates PromQL at every time of a grid at once: the part of the language that rules of objectives use. Pure.

An unsupported part raises CannotEvaluate with its name; no value is approximated.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import promql_parser as promql

from ninefold.reliability.backtest import arithmetic, calendar, ranges
from ninefold.reliability.backtest.aggregation import TooManyValues, aggregate
from ninefold.reliability.backtest.grid import Array, CannotEvaluate, Grid, Vector, joined, labels_of, present, put
from ninefold.reliability.backtest.labels import anchored, nameless, replaced
from ninefold.reliability.backtest.matching import combined
from ninefold.reliability.backtest.recordings import Recordings, constant_labels

Value: TypeAlias = Vector | Array
Range: TypeAlias = promql.MatrixSelector | promql.SubqueryExpr

_SHORTEST = 60
"""A grid with at most this many points is not divided further."""


class Evaluator:
    """Evaluates expressions against recordings."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._evaluations = recordings.grid
        self._functions: dict[str, Callable[[promql.Call, Grid], Value]] = {
            "time": lambda _, grid: grid.times / 1000,
            "pi": lambda _, grid: np.full(grid.count, np.pi),
            "vector": lambda call, grid: {(): self._scalar(call.args[0], grid)},
            "scalar": self._scalar_of,
            "absent": self._absent,
            "label_replace": self._label_replace,
            **dict.fromkeys(ranges.FUNCTIONS, self._over_time),
            **dict.fromkeys(calendar.NAMES, self._dates),
            **dict.fromkeys(arithmetic.FUNCTIONS, self._elementwise),
        }

    def vector(self, expression: promql.Expr, grid: Grid) -> Vector:
        """The value of an expression as in a rule; a scalar becomes a series without labels. Raises CannotEvaluate.

        If a label has another value each hour, the vector over months would be wide and mostly empty: such a grid is
        evaluated in parts.
        """
        self._evaluations = grid
        try:
            with np.errstate(all="ignore"):
                value = self._value(expression, grid)
        except TooManyValues:
            if grid.count <= _SHORTEST:
                raise
            return joined([self.vector(expression, half) for half in grid.halves()], grid.halves())
        return value if isinstance(value, dict) else {(): value}

    def _value(self, node: promql.Expr, grid: Grid) -> Value:
        match node:
            case promql.NumberLiteral():
                return np.full(grid.count, node.val)
            case promql.ParenExpr():
                return self._value(node.expr, grid)
            case promql.UnaryExpr():
                return self._negated(node, grid)
            case promql.VectorSelector():
                return self._moved(node, grid, lambda at: self._recordings.at(node, at))
            case promql.BinaryExpr():
                return self._binary(node, grid)
            case promql.AggregateExpr():
                parameter = node.param.val if isinstance(node.param, promql.StringLiteral) else ""
                return aggregate(str(node.op), node.modifier, self._vector(node.expr, grid), parameter)
            case promql.Call() if node.func.name in self._functions:
                return self._functions[node.func.name](node, grid)
        name = f"{node.func.name}()" if isinstance(node, promql.Call) else type(node).__name__
        raise CannotEvaluate(f"{name} is not supported here: {node.prettify()}")

    def _vector(self, node: promql.Expr, grid: Grid) -> Vector:
        value = self._value(node, grid)
        assert isinstance(value, dict)  # noqa: S101 - the parser has checked the types
        return value

    def _scalar(self, node: promql.Expr, grid: Grid) -> Array:
        value = self._value(node, grid)
        assert not isinstance(value, dict)  # noqa: S101 - the parser has checked the types
        return value

    def _negated(self, node: promql.UnaryExpr, grid: Grid) -> Value:
        value = self._value(node.expr, grid)
        return _mapped(value, np.negative, "the unary minus") if isinstance(value, dict) else -value

    def _binary(self, node: promql.BinaryExpr, grid: Grid) -> Value:
        operator, left, right = str(node.op), self._value(node.lhs, grid), self._value(node.rhs, grid)
        as_number = bool(node.modifier and node.modifier.return_bool)

        def single(a: Array, b: Array, shown: Array) -> Array:
            if operator in arithmetic.ARITHMETIC:
                return arithmetic.ARITHMETIC[operator](a, b)
            return arithmetic.compared(operator, a, b, shown, as_number=as_number)

        drops = operator in arithmetic.ARITHMETIC or as_number
        if isinstance(left, dict):
            if isinstance(right, dict):
                return combined(operator, node.modifier, left, right)
            return _mapped(left, lambda values: single(values, right, values), operator, drops)
        if isinstance(right, dict):
            return _mapped(right, lambda values: single(left, values, values), operator, drops)
        return single(left, right, left)

    def _elementwise(self, node: promql.Call, grid: Grid) -> Vector:
        name, (vector, *scalars) = node.func.name, node.args
        parameters = [self._scalar(scalar, grid) for scalar in scalars]
        function = arithmetic.FUNCTIONS[name]
        return _mapped(self._vector(vector, grid), lambda values: function(values, *parameters), f"{name}()")

    def _dates(self, node: promql.Call, grid: Grid) -> Vector:
        name = node.func.name
        of: Vector = self._vector(node.args[0], grid) if node.args else {(): grid.times / 1000}
        return _mapped(of, lambda values: calendar.part(name, values), f"{name}()")

    def _over_time(self, node: promql.Call, grid: Grid) -> Vector:
        name, argument = node.func.name, node.args[0]
        function, length = ranges.FUNCTIONS[name], milliseconds(argument.range)

        def read(at: Grid) -> Vector:
            samples, series = self._ranged(argument, at, length)
            windows = ranges.Windows.of(at.times, length, samples)
            return _mapped(series, lambda values: function(values, windows), f"{name}()", name != "last_over_time")

        moved = argument.vector_selector if isinstance(argument, promql.MatrixSelector) else argument
        return self._moved(moved, grid, read)

    def _moved(
        self, node: promql.VectorSelector | promql.SubqueryExpr, grid: Grid, read: Callable[[Grid], Vector]
    ) -> Vector:
        """Reads a node at the times that its `offset` and `@` name. Before the time of `@` there are no values."""
        offset = milliseconds(node.offset)
        if offset < 0:
            raise CannotEvaluate(f"a rule cannot read the future: {node.prettify()}")
        if node.at is None:
            return read(grid.shifted(-offset))
        if grid is not self._evaluations:
            raise CannotEvaluate(f"@ in a subquery is not supported here: {node.prettify()}")
        at = moment(node.at, node)
        past = grid.times >= at
        fixed = read(Grid(at - offset, 1, 1))
        return {labels: np.where(past, values[0], np.nan) for labels, values in fixed.items()}

    def _ranged(self, argument: Range, at: Grid, length: int) -> tuple[Grid, Vector]:
        """The samples in the windows (t - length, t] of all times t."""
        if isinstance(argument, promql.MatrixSelector):
            return self._recordings.within(argument.vector_selector, at, length)
        if argument.step is None:
            raise CannotEvaluate(f"a subquery without a step is not supported here: {argument.prettify()}")
        samples = at.multiples(milliseconds(argument.step), length)
        return samples, self._vector(argument.expr, samples)

    def _scalar_of(self, node: promql.Call, grid: Grid) -> Array:
        series = list(self._vector(node.args[0], grid).values())
        if not series:
            return np.full(grid.count, np.nan)
        alone = np.sum([present(values) for values in series], axis=0) == 1
        return np.where(alone, np.fmax.reduce(series), np.nan)

    def _absent(self, node: promql.Call, grid: Grid) -> Vector:
        there = np.zeros(grid.count, dtype=np.bool_)
        for values in self._vector(node.args[0], grid).values():
            there |= present(values)
        selector = node.args[0]
        labels = constant_labels(selector) if isinstance(selector, promql.VectorSelector) else {}
        return {labels_of(labels): np.where(there, np.nan, 1.0)}

    def _label_replace(self, node: promql.Call, grid: Grid) -> Vector:
        vector, target, replacement, source, pattern = node.args
        expression = anchored(pattern.val)
        result: Vector = {}
        for labels, values in self._vector(vector, grid).items():
            made = replaced(labels, target.val, replacement.val, source.val, expression)
            put(result, made, values, "label_replace()")
        return result


def _mapped(vector: Vector, function: Callable[[Array], Array], what: str, drops_name: bool = True) -> Vector:
    """The function applied to each series."""
    result: Vector = {}
    for labels, values in vector.items():
        put(result, nameless(labels) if drops_name else labels, function(values), what)
    return result


def milliseconds(length: timedelta | None) -> int:
    """The milliseconds of a duration in PromQL; 0 for None."""
    return 0 if length is None else round(length / timedelta(milliseconds=1))


def moment(at: promql.AtModifier, node: promql.Expr) -> int:
    """The time of `@` in Unix milliseconds. Raises CannotEvaluate for start() and end()."""
    if at.at is None:
        raise CannotEvaluate(f"@ start() and @ end() are not supported here: {node.prettify()}")
    return round(at.at.timestamp() * 1000)
