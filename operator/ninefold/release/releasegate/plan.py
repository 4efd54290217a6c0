"""Plans a ReleaseGate: merges the opinions of its sources into one decision and the sentence that explains it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ninefold.domain.wording.numbers import counted
from ninefold.kube.api import Manifest
from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.release.gate.decide import decide, moments, turned
from ninefold.release.gate.effective import current, targets
from ninefold.release.gate.opinion import Opinion
from ninefold.release.gate.source_budget import closing, of_policy
from ninefold.release.gate.source_stop_and_freeze import of_freeze, of_stop
from ninefold.release.gate.status import (
    MAX_LEARNING,
    MAX_OVERRIDES,
    Blame,
    GateStatus,
    GoodTemplate,
    Learning,
    OverrideInForce,
    ReleaseGateStatus,
)
from ninefold.release.override.resource import Override
from ninefold.release.override.validity import in_force
from ninefold.release.releasegate.blame import blame, suspected
from ninefold.release.releasegate.known_good import templates
from ninefold.release.releasegate.known_good.revisions import Good, learn
from ninefold.release.releasegate.known_good.trial import lasting
from ninefold.release.releasegate.resource import ReleaseGate, ReleaseGateSpec
from ninefold.release.releasegate.source_cluster_gate import of_cluster
from ninefold.release.workloads.selector import Workloads
from ninefold.release.workloads.workload import Workload, fingerprint, short
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

WORKLOADS_FOUND = "WorkloadsFound"
"""A condition: whether the gate covers any workload."""

_NAMED = 3
"""How many rollbacks a message names."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The statuses of the policies that the gate names, by name (None if a policy is missing), and its workloads."""

    policies: Mapping[str, ErrorBudgetPolicyStatus | None]
    workloads: Sequence[Workload]
    overrides: Sequence[Override] = ()
    """The Overrides for this gate, whether they count or not."""
    releases: Sequence[Manifest] = ()
    """The Releases of the workloads."""
    above: Mapping[str, GateStatus | None] = field(default_factory=dict)
    """The statuses of the ClusterReleaseGates that the gate names, by name (None if there is no such gate)."""
    unwanted: bool = False
    """Whether the gate was kept for a ClusterReleaseGate that no longer wants it."""
    unguarded: Sequence[tuple[str, str]] = ()
    """The Rollouts under the gate that run the template of a Deployment which is not under it, each with that
    Deployment."""


def plan(gate: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
    """Returns the most severe decision of all sources. Raises Stalled if the schedule of a freeze is invalid."""
    old, spec = gate.status, gate.spec
    blamed = blame(observed.releases, observed.policies)
    opinions = _opinions(gate, observed, blamed, now)
    trusted = all(opinion.trusted for opinion in opinions)
    suspects = {image for entry in blamed for image in entry.images}
    good, learning = learn(spec.known_good, old, observed.workloads, trusted=trusted, now=now, blamed=suspects)
    hashes = {name for entry in blamed for name in entry.hashes}
    known, begun = templates.learn(spec.known_good, old, observed.workloads, trusted=trusted, now=now, blamed=hashes)
    learning = [*learning, *begun][:MAX_LEARNING]
    passes = _rollback(good, observed.workloads) + _restored(known, observed.workloads)
    decided = decide(opinions, old, now, passes)
    closed = current(decided.closures, now)
    overrides = [
        override
        for override in observed.overrides
        if in_force(override, gate.metadata.name, spec.overrides, closed, now)
    ]
    status = ReleaseGateStatus(
        **vars(decided),
        overrides=[_shown(override) for override in overrides][:MAX_OVERRIDES],
        blamed=blamed,
        workloads=len(observed.workloads),
        known_good_revisions=good,
        # The images stay here until there is a workload to assign them to.
        known_good_images=[] if observed.workloads else old.known_good_images,
        known_good_templates=known,
        learning=learning,
    )
    return Plan(
        status=status,
        ready=_ready(observed),
        conditions={WORKLOADS_FOUND: _found(spec.workloads, observed)},
        events=_events(old, status),
        due=_due(spec, opinions, learning, overrides, now),
        discard=observed.unwanted,
    )


def _opinions(gate: ReleaseGate, observed: Observed, blamed: Sequence[Blame], now: datetime) -> list[Opinion]:
    opinions = [of_stop(gate.spec.stop, now)]
    for number, source in enumerate(gate.spec.sources):
        if source.freeze is not None:
            opinions.append(of_freeze(source.freeze, now, f"spec.sources[{number}].freeze"))
        elif source.error_budget_policy is not None:
            name = source.error_budget_policy
            policy = observed.policies[name]
            opinion = of_policy(name, policy, gate.spec.fail_mode, gate.status, now)
            opinions.append(_with_suspect(opinion, policy, blamed, now))
        elif source.cluster_release_gate is not None:
            name = source.cluster_release_gate
            opinions += of_cluster(name, observed.above[name], gate.spec.fail_mode, gate.status, now)
    return opinions


def _with_suspect(
    opinion: Opinion, policy: ErrorBudgetPolicyStatus | None, blamed: Sequence[Blame], now: datetime
) -> Opinion:
    names = {objective.name for objective in closing(policy)} if policy else set()
    return replace(opinion, message=opinion.message + suspected(blamed, names, now))


def _shown(override: Override) -> OverrideInForce:
    spec = override.spec
    return OverrideInForce(name=override.metadata.name, by=spec.by, until=spec.until, images=spec.images)


def _rollback(good: Good, workloads: Sequence[Workload]) -> str:
    rollbacks = [
        (workload.name, target)
        for workload in workloads
        for target in targets(good.get(workload.name, ""), workload.images)
    ]
    if not rollbacks and any(workload.name in good for workload in workloads):
        return "The image that runs is known to be good."
    if not rollbacks:
        return "No image is known to be good to roll back to."
    if len(workloads) == 1:
        return f"A rollback to {' or '.join(target for _, target in rollbacks)} passes."
    named = [f"of {name} to {target}" for name, target in rollbacks[:_NAMED]]
    return f"A rollback {' or '.join(named)} passes."


def _restored(known: Iterable[GoodTemplate], workloads: Iterable[Workload]) -> str:
    """Returns a sentence if templates are known to be good that do not run now; "" otherwise."""
    earlier = {(template.workload, template.hash) for template in known}
    running: set[tuple[str, str]] = set()
    if earlier:
        running = {(workload.name, fingerprint(workload.kind, workload.template)) for workload in workloads}
    return " A rollback to an earlier configuration passes, too." if earlier - running else ""


def _ready(observed: Observed) -> Verdict:
    if absent := [name for name, status in observed.policies.items() if status is None]:
        return Verdict(
            "False",
            "PolicyMissing",
            f"There is no ErrorBudgetPolicy {absent[0]} in this namespace: create it, or change spec.sources.",
        )
    if absent := [name for name, status in observed.above.items() if status is None]:
        return Verdict(
            "False",
            "ClusterReleaseGateMissing",
            f"There is no ClusterReleaseGate {absent[0]}: create it, or change spec.sources.",
        )
    if not observed.workloads:
        return Verdict(
            "True",
            "NoWorkloads",
            "The gate covers no workload of this namespace yet.",
        )
    return Verdict("True", "Decided", _under(observed))


def _found(wanted: Workloads, observed: Observed) -> Verdict:
    """The condition WorkloadsFound. A gate that waits for its workload is healthy, but a gate with a misspelled label
    looks the same: so the condition shows both, and leaves Ready alone."""
    for rollout, template in observed.unguarded:
        runs = f"{rollout} runs the template of {template}, which the gate does not select: a change of it passes."
        return Verdict("False", "TemplateNotSelected", f"{runs} Select it in spec.workloads, too.")
    if observed.workloads or wanted.scope is not None:
        return Verdict("True", "Found", _under(observed))
    ((name, value),) = wanted.wire().items()
    selector = f"spec.workloads.{name} ({_short(value)})"
    return Verdict(
        "False", "NoWorkloads", f"The gate covers nothing: no workload of this namespace matches {selector}."
    )


def _under(observed: Observed) -> str:
    return f"The gate covers {counted(len(observed.workloads), 'workload')}."


def _short(value: Any) -> str:
    pairs = [f"{label}={expected}" for label, expected in value.items()] if isinstance(value, dict) else value
    return ", ".join(pairs) if isinstance(pairs, list) else str(pairs)


def _events(old: ReleaseGateStatus, new: ReleaseGateStatus) -> tuple[Note, ...]:
    return (*turned(old, new), *_overridden(old, new))


def _overridden(old: ReleaseGateStatus, new: ReleaseGateStatus) -> Iterable[Note]:
    known = {override.name for override in old.overrides}
    for override in new.overrides:
        if override.name not in known:
            what = ", ".join(map(short, override.images)) or "every change"
            until = rfc3339(override.until)
            yield Note("Warning", "Overridden", f"{override.by} lets {what} pass until {until} ({override.name}).")


def _due(
    spec: ReleaseGateSpec,
    opinions: Iterable[Opinion],
    learning: Iterable[Learning],
    overrides: Iterable[Override],
    now: datetime,
) -> datetime | None:
    """When data have been missing for too long, a source or an Override ends, or a revision is known to be good."""
    proven = (entry.since + lasting(spec.known_good) for entry in learning)
    ends = [override.spec.until for override in overrides]
    # A revision that has served long enough and is not good yet waits for pods or a run: a watch event reports these.
    return min([*moments(opinions), *ends, *(moment for moment in proven if moment > now)], default=None)
