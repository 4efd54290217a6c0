"""The gates as Prometheus metrics, for tools that query only Prometheus: two metrics and simple selectors. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promql_parser import Call, MatchOp, NumberLiteral, VectorSelector

from ninefold.kube import promqltext
from ninefold.kube.api import Key
from ninefold.kube.store import Store
from ninefold.release.gate_api.answer import Answer, answer
from ninefold.release.gate_api.question import Question
from ninefold.release.releasegate.resource import ReleaseGate

METRIC = "ninefold_gate_open"
"""1 if the gate's decision is Allow, 0 if it is Hold or Deny. Unknown has no sample."""
PACE = "ninefold_gate_pace_ratio"
"""How large the steps of a delivery may be: 1 is the usual size, 0.5 is half of it, 0 means that the gate is closed."""

_OPEN = {"Allow": "1", "Hold": "0", "Deny": "0"}
_LONGEST = 4096
_PRESENT = 300.0
"""How many seconds the time of a query may differ from now."""

Sample = tuple[Mapping[str, str], str]


class QueryError(Exception):
    """The query cannot be answered. `kind` is Prometheus' name for the kind of error."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def evaluate(query: str, time: str, store: Store, age: float, now: datetime) -> dict[str, Any]:
    """Returns the `data` of Prometheus' answer to an instant query. `time` has the format that Prometheus accepts; ""
    means now.

    Raises QueryError.
    """
    if not 0 < len(query.strip()) <= _LONGEST:
        raise QueryError("bad_data", f'invalid parameter "query": give 1 to {_LONGEST} characters')
    if time and abs(_timestamp(time) - now.timestamp()) > _PRESENT:
        raise QueryError(
            "execution", "only the present time can be queried here: ask Prometheus for ninefold_gate_decision"
        )
    if too_much := promqltext.excess(query):
        raise QueryError("bad_data", f'invalid parameter "query": {too_much}')
    try:
        expression = promqltext.parse(query)
    except ValueError as error:
        raise QueryError("bad_data", f'invalid parameter "query": {error}') from None
    if isinstance(expression, Call) and expression.func.name == "vector":
        argument = expression.args[0]
        if isinstance(argument, NumberLiteral):
            return _vector([({}, f"{argument.val:g}")], now)
    if (
        isinstance(expression, VectorSelector)
        and expression.name in (METRIC, PACE)
        and not (expression.offset or expression.at)
    ):
        return _vector(_select(expression, store, age, now), now)
    raise QueryError(
        "execution", f'only a selector such as {METRIC}{{namespace="shop",gate="checkout"}} and vector(1) are supported'
    )


def _select(selector: VectorSelector, store: Store, age: float, now: datetime) -> list[Sample]:
    equal, unequal = _tests(selector)
    metric = str(selector.name)
    namespace, name = equal.get("namespace"), equal.get("gate")
    keys = [Key(namespace, name)] if namespace and name else store.keys(ReleaseGate.api, namespace)
    samples: list[Sample] = []
    for key in keys:
        labels = {"__name__": metric, "namespace": key.namespace, "gate": key.name}
        matches = all(labels.get(label, "") == value for label, value in equal.items())
        if matches and not any(labels.get(label, "") == value for label, value in unequal):
            reply = answer(store, Question(key.namespace, "gate", key.name), age, now)
            if reply.decision in _OPEN:
                samples.append((labels, _value(metric, reply)))
    return samples


def _value(metric: str, reply: Answer) -> str:
    opened = _OPEN[reply.decision]
    return f"{reply.pace / 100:g}" if metric == PACE and opened == "1" else opened


def _tests(selector: VectorSelector) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Returns the values that labels must have, and those that they must not have."""
    if selector.matchers.or_matchers:
        raise QueryError("execution", '"or" between matchers is not supported: send two queries')
    equal: dict[str, str] = {}
    unequal = []
    for matcher in selector.matchers.matchers:
        if matcher.op == MatchOp.Equal:
            if equal.setdefault(matcher.name, matcher.value) != matcher.value:
                raise QueryError("execution", f"{matcher.name} cannot have two values")
        elif matcher.op == MatchOp.NotEqual:
            unequal.append((matcher.name, matcher.value))
        else:
            # A pattern from a caller could keep this process busy forever.
            raise QueryError(
                "execution", f"patterns are not supported: write {matcher.name}=... or {matcher.name}!=..."
            )
    return equal, unequal


def _timestamp(time: str) -> float:
    try:
        return float(time)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        raise QueryError(
            "bad_data", f'invalid parameter "time": {time[:64]!r} is neither a number nor RFC 3339'
        ) from None


def _vector(samples: Sequence[Sample], now: datetime) -> dict[str, Any]:
    at = round(now.timestamp(), 3)
    return {
        "resultType": "vector",
        "result": [{"metric": dict(labels), "value": [at, value]} for labels, value in samples],
    }
