"""Plans a ClusterReleaseGate: merges the opinions of its sources into one decision. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ninefold.domain.wording.numbers import counted
from ninefold.kube.plan import Plan, Verdict
from ninefold.release.clusterreleasegate.resource import (
    ClusterReleaseGate,
    ClusterReleaseGateStatus,
    PolicyReference,
)
from ninefold.release.gate.decide import decide, moments, turned
from ninefold.release.gate.opinion import Opinion
from ninefold.release.gate.source_budget import of_policy
from ninefold.release.gate.source_stop_and_freeze import of_freeze, of_stop
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

_PASSES = "In each namespace a rollback to an image that is known to be good there passes."


@dataclass(frozen=True, slots=True)
class Observed:
    """The selected namespaces, those of them without a gate yet, and the statuses of the policies by "namespace/name"
    (None if there is no such policy)."""

    namespaces: Collection[str]
    missing: Collection[str]
    policies: Mapping[str, ErrorBudgetPolicyStatus | None]


def policy_name(reference: PolicyReference) -> str:
    """Returns the name of a policy for messages: "namespace/name"."""
    return f"{reference.namespace}/{reference.name}"


def plan(gate: ClusterReleaseGate, observed: Observed, now: datetime) -> Plan[ClusterReleaseGateStatus]:
    """Returns the most severe decision of all sources. Raises Stalled if the schedule of a freeze is invalid."""
    opinions = list(_opinions(gate, observed, now))
    status = ClusterReleaseGateStatus(
        **vars(decide(opinions, gate.status, now, _PASSES)),
        namespaces=len(observed.namespaces),
    )
    return Plan(
        status=status,
        ready=_ready(observed),
        events=turned(gate.status, status),
        due=min(moments(opinions), default=None),
    )


def _opinions(gate: ClusterReleaseGate, observed: Observed, now: datetime) -> Iterator[Opinion]:
    yield of_stop(gate.spec.stop, now)
    for number, source in enumerate(gate.spec.sources):
        if source.freeze is not None:
            yield of_freeze(source.freeze, now, f"spec.sources[{number}].freeze")
        elif source.error_budget_policy is not None:
            name = policy_name(source.error_budget_policy)
            yield of_policy(name, observed.policies[name], gate.spec.fail_mode, gate.status, now)


def _ready(observed: Observed) -> Verdict:
    if absent := [name for name, status in observed.policies.items() if status is None]:
        return Verdict(
            "False",
            "PolicyMissing",
            f"There is no ErrorBudgetPolicy {absent[0]}: create it, or change spec.sources.",
        )
    if not observed.namespaces:
        return Verdict("True", "NoNamespaces", "No namespace is selected: see spec.namespaces.")
    if observed.missing:
        # No names and no number: each new gate would change them, and each change causes a reconciliation of every
        # kept gate.
        return Verdict(
            "False", "Spreading", "Not every namespace has its gate yet: ninefold gate explain --cluster names them."
        )
    return Verdict("True", "Decided", f"Ninefold keeps a gate in {counted(len(observed.namespaces), 'namespace')}.")
