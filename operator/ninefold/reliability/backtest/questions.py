"""Which rules only Prometheus can evaluate, since they read scraped series, and how to ask it. Pure."""

from __future__ import annotations

import json

import promql_parser as promql

from ninefold.kube import promqltext
from ninefold.reliability.backtest.grid import CannotEvaluate
from ninefold.reliability.backtest.rulefile import FileRule, Makers


def question(rule: FileRule, makers: Makers) -> str | None:
    """The query that replaces a rule; None if the rule reads only series that other rules record.

    Prometheus may not have these rules yet, or older ones: a recording in the expression is replaced by the expression
    that makes it. Raises CannotEvaluate if that is not possible.
    """
    if all(makers.of(selector) for selector in rule.selectors):
        return None
    return _inlined(rule.expression, makers).prettify()


def _inlined(expression: promql.Expr, makers: Makers) -> promql.Expr:
    def visit(node: promql.Expr) -> promql.Expr | None:
        if isinstance(node, promql.MatrixSelector) and makers.of(node.vector_selector):
            raise CannotEvaluate(f"cannot be asked of Prometheus, since {node.prettify()} is recorded by a rule")
        if not isinstance(node, promql.VectorSelector):
            return None
        rules = makers.of(node)
        if rules and (node.offset is not None or node.at is not None):
            raise CannotEvaluate(f"cannot be asked of Prometheus, since {node.prettify()} is recorded by a rule")
        return promqltext.parse(" or ".join(_made(rule, makers) for rule in rules)) if rules else None

    return promql.transform(expression, visit)


def _made(rule: FileRule, makers: Makers) -> str:
    """The series that a rule records, with its labels, as an expression in parentheses, which fits into any other."""
    made = _inlined(rule.expression, makers).prettify()
    for name, value in rule.labels.items():
        # A dollar would refer to a group of the pattern.
        made = f'label_replace({made}, {json.dumps(name)}, {json.dumps(value.replace("$", "$$"))}, "", "")'
    return f"({made})"
