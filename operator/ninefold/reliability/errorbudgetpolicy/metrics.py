"""The metrics of ErrorBudgetPolicies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isfinite
from typing import Any, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.export import one_of
from ninefold.kube.fields import moment, number
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.projection import length
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import State

_POLICY = ("namespace", "policy")
_ENDS = ("earliest", "latest")


class PolicyMetrics(Collector):
    """Reads everything from the statuses, since counters must outlive the process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "ninefold_policy_state",
            "1 for the state of the ErrorBudgetPolicy: Healthy, Caution, Exhausted, Exempt or Unknown.",
            labels=(*_POLICY, "state"),
        )
        since = GaugeMetricFamily(
            "ninefold_policy_state_timestamp_seconds",
            "When the state of the ErrorBudgetPolicy last changed, as Unix time.",
            labels=_POLICY,
        )
        entered = CounterMetricFamily(
            "ninefold_policy_transitions",
            "How often the ErrorBudgetPolicy entered the state.",
            labels=(*_POLICY, "state"),
        )
        lasted = CounterMetricFamily(
            "ninefold_policy_state_seconds",
            "For how long the ErrorBudgetPolicy was in the state, up to the last change of its state.",
            labels=(*_POLICY, "state"),
        )
        pace = GaugeMetricFamily(
            "ninefold_policy_pace_ratio",
            "The share of the usual step size that the ErrorBudgetPolicy allows deliveries: 1 is full size, 0.5 is "
            "half.",
            labels=_POLICY,
        )
        exhaustion = GaugeMetricFamily(
            "ninefold_policy_exhaustion_seconds",
            "Time until the first budget of the ErrorBudgetPolicy is spent, at the highest (earliest) and the lowest "
            "(latest) of the burn rates over several windows; absent if the budget lasts.",
            labels=(*_POLICY, "bound"),
        )
        for manifest in self._store.all(ErrorBudgetPolicy.api):
            key, status = Key.of(manifest), manifest.get("status", {})
            labels = (key.namespace, key.name)
            one_of(state, labels, get_args(State), status.get("state"))
            if entered_at := moment(status.get("since")):
                since.add_metric(labels, entered_at.timestamp())
            for stay in status.get("totals", ()):
                entered.add_metric((*labels, stay["state"]), stay.get("entered", 0))
                lasted.add_metric((*labels, stay["state"]), stay.get("seconds", 0))
            if status:
                pace.add_metric(labels, (number(status.get("pace")) or 100) / 100)
            for bound, seconds in _exhaustion(status).items():
                exhaustion.add_metric((*labels, bound), seconds)
        yield from (state, since, entered, lasted, pace, exhaustion)


def _exhaustion(status: Mapping[str, Any]) -> dict[str, float]:
    """Both ends of the interval in seconds, each of the objective that reaches it first; no entry if none does."""
    shown = [objective["exhaustion"] for objective in status.get("objectives", ()) if objective.get("exhaustion")]
    ends = {end: min((_length(interval.get(end)) for interval in shown), default=inf) for end in _ENDS}
    return {end: seconds for end, seconds in ends.items() if isfinite(seconds)}


def _length(shown: Any) -> float:
    try:
        return length(shown)
    except (TypeError, ValueError):
        return inf
