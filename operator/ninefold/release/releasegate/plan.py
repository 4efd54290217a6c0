"""What a ReleaseGate means: from what its sources say to one decision and the sentence that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

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
"""A condition: whether a gate that selects workloads is about any."""

_NAMED = 3
"""How many rollbacks a message names."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The statuses of the policies that the gate names, by name (None: no such policy), and the workloads under it."""

    policies: Mapping[str, ErrorBudgetPolicyStatus | None]
    workloads: Sequence[Workload]
    overrides: Sequence[Override] = ()
    """Those that are meant for the gate."""
    releases: Sequence[Manifest] = ()
    """The records of the workloads."""
    above: Mapping[str, GateStatus | None] = field(default_factory=dict)
    """The statuses of the ClusterReleaseGates that the gate names, by name (None: no such gate)."""
    unwanted: bool = False
    """Whether it was kept for a ClusterReleaseGate that does not want it any more."""
    unguarded: Sequence[tuple[str, str]] = ()
    """Of the workloads the Rollouts that run the template of a Deployment which is not under the gate, with it."""


def plan(gate: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
    """One decision out of those of all sources: the most severe. Raises Stalled for a freeze that is no schedule."""
    old, spec = gate.status, gate.spec
    blamed = blame(observed.releases, observed.policies)
    opinions = _opinions(gate, observed, blamed, now)
    trusted = all(each.trusted for each in opinions)
    suspects = {image for each in blamed for image in each.images}
    good, learning = learn(spec.known_good, old, observed.workloads, trusted=trusted, now=now, blamed=suspects)
    hashes = {found for each in blamed for found in each.hashes}
    known, begun = templates.learn(spec.known_good, old, observed.workloads, trusted=trusted, now=now, blamed=hashes)
    learning = [*learning, *begun][:MAX_LEARNING]
    passes = _rollback(good, observed.workloads) + _restored(known, observed.workloads)
    decided = decide(opinions, old, now, passes)
    closed = current(decided.closures, now)
    overrides = [each for each in observed.overrides if in_force(each, gate.metadata.name, spec.overrides, closed, now)]
    status = ReleaseGateStatus(
        **vars(decided),
        overrides=[_shown(each) for each in overrides][:MAX_OVERRIDES],
        blamed=blamed,
        workloads=len(observed.workloads),
        known_good_revisions=good,
        # Until there is a workload to which it can be given.
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
    found = [of_stop(gate.spec.stop, now)]
    for number, source in enumerate(gate.spec.sources):
        if source.freeze is not None:
            found.append(of_freeze(source.freeze, now, f"spec.sources[{number}].freeze"))
        elif source.error_budget_policy is not None:
            name = source.error_budget_policy
            policy = observed.policies[name]
            said = of_policy(name, policy, gate.spec.fail_mode, gate.status, now)
            found.append(_with_suspect(said, policy, blamed, now))
        elif source.cluster_release_gate is not None:
            name = source.cluster_release_gate
            found += of_cluster(name, observed.above[name], gate.spec.fail_mode, gate.status, now)
    return found


def _with_suspect(
    said: Opinion, policy: ErrorBudgetPolicyStatus | None, blamed: Sequence[Blame], now: datetime
) -> Opinion:
    names = {objective.name for objective in closing(policy)} if policy else set()
    return replace(said, message=said.message + suspected(blamed, names, now))


def _shown(override: Override) -> OverrideInForce:
    spec = override.spec
    return OverrideInForce(name=override.metadata.name, by=spec.by, until=spec.until, images=spec.images)


def _rollback(good: Good, workloads: Sequence[Workload]) -> str:
    found = [(each.name, target) for each in workloads for target in targets(good.get(each.name, ""), each.images)]
    if not found and any(each.name in good for each in workloads):
        return "The image that runs is known to be good."
    if not found:
        return "No image is known to be good to roll back to."
    if len(workloads) == 1:
        return f"A rollback to {' or '.join(target for _, target in found)} passes."
    named = [f"of {name} to {target}" for name, target in found[:_NAMED]]
    return f"A rollback {' or '.join(named)} passes."


def _restored(known: Iterable[GoodTemplate], workloads: Iterable[Workload]) -> str:
    """What is said of templates that are known to be good and do not run."""
    earlier = {(each.workload, each.hash) for each in known}
    running = {(each.name, fingerprint(each.kind, each.template)) for each in workloads} if earlier else set()
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
            "No workload of this namespace is under the gate yet.",
        )
    return Verdict("True", "Decided", _under(observed))


def _found(wanted: Workloads, observed: Observed) -> Verdict:
    """A gate that waits for its workload is as it should be; one with a label that is written wrong looks the same."""
    for rollout, template in observed.unguarded:
        runs = f"{rollout} runs the template of {template}, which the gate does not select: a change of it passes."
        return Verdict("False", "TemplateNotSelected", f"{runs} Have spec.workloads select it, too.")
    if observed.workloads or wanted.scope is not None:
        return Verdict("True", "Found", _under(observed))
    said = wanted.wire()
    ((name, value),) = said.items()
    meant = f"spec.workloads.{name} says ({_short(value)})"
    return Verdict("False", "NoWorkloads", f"The gate holds nothing: no workload of this namespace is what {meant}.")


def _under(observed: Observed) -> str:
    count = len(observed.workloads)
    return f"{count} {'workload is' if count == 1 else 'workloads are'} under the gate."


def _short(value: Any) -> str:
    pairs = [f"{name}={each}" for name, each in value.items()] if isinstance(value, dict) else value
    return ", ".join(pairs) if isinstance(pairs, list) else str(pairs)


def _events(old: ReleaseGateStatus, new: ReleaseGateStatus) -> tuple[Note, ...]:
    return (*turned(old, new), *_overridden(old, new))


def _overridden(old: ReleaseGateStatus, new: ReleaseGateStatus) -> Iterable[Note]:
    known = {each.name for each in old.overrides}
    for each in new.overrides:
        if each.name not in known:
            what = ", ".join(map(short, each.images)) or "all change"
            yield Note(
                "Warning", "Overridden", f"{each.by} lets {what} pass until {rfc3339(each.until)} ({each.name})."
            )


def _due(
    spec: ReleaseGateSpec,
    opinions: Iterable[Opinion],
    learning: Iterable[Learning],
    overrides: Iterable[Override],
    now: datetime,
) -> datetime | None:
    """When data will be missing for too long, a source or an override ends, or a revision is known to be good."""
    stood = (entry.since + lasting(spec.known_good) for entry in learning)
    ends = [each.spec.until for each in overrides]
    # What has stood its time and is not good yet waits for pods or a run, of which an event tells.
    return min([*moments(opinions), *ends, *(moment for moment in stood if moment > now)], default=None)
