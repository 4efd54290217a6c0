"""PromQL limited to the series of one cluster: external labels as matchers of every selector. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

import promql_parser as promql

from ninefold.kube import promqltext


def scoped(expression: str, labels: Mapping[str, str]) -> str:
    """The expression with these labels as matchers of each of its selectors; unchanged without labels.

    Raises ValueError for text that is not PromQL.
    """
    if not labels:
        return expression
    matchers = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(labels.items()))

    def narrowed(node: promql.Expr) -> promql.Expr | None:
        # The selector of a range is visited too.
        return promqltext.parse(_narrowed(node, matchers)) if isinstance(node, promql.VectorSelector) else None

    return str(promql.transform(promqltext.parse(expression), None, narrowed).prettify())


def _narrowed(selector: promql.VectorSelector, matchers: str) -> str:
    text, name = selector.prettify(), selector.name or ""
    rest = text.removeprefix(name)
    if not rest.startswith("{"):
        return f"{name}{{{matchers}}}{rest}"
    if selector.matchers.or_matchers:
        raise ValueError(f"`or` between matchers cannot be limited to a cluster: {text}")
    return f"{name}{{{matchers},{rest[1:]}"
