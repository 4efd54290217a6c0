"""The resources of a replay: gates, policies, objectives and releases, from files or from a cluster."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ninefold.cli.shared import cluster, files, resources
from ninefold.cli.shared.findings import Finding, in_order
from ninefold.cli.shared.progress import Failed
from ninefold.domain.selectors.objectives import selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.client import ApiError, Cluster, NotFound
from ninefold.kube.errors import Stalled
from ninefold.kube.model import Resource
from ninefold.release.clusterreleasegate.resource import PREFIX
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.replay.history import PastRecord
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

ResourceT = TypeVar("ResourceT", bound=Resource)


@dataclass(frozen=True, slots=True)
class Scene:
    """The resources, by key."""

    slos: dict[Key, ServiceLevelObjective] = field(default_factory=dict)
    policies: dict[Key, ErrorBudgetPolicy] = field(default_factory=dict)
    gates: dict[Key, ReleaseGate] = field(default_factory=dict)
    corrections: dict[Key, Correction] = field(default_factory=dict)
    """Only --recompute uses them: recordings are corrected already."""

    def only(self, name: str) -> Scene:
        """The scene with only the gates of this name and their policies. Raises Failed if there is none."""
        gates = {key: gate for key, gate in self.gates.items() if key.name == name}
        if not gates:
            present = ", ".join(sorted({key.name for key in self.gates})) or "none"
            raise Failed(f"there is no ReleaseGate {name}: name one of these: {present}")
        named = {Key(key.namespace, name) for key, gate in gates.items() for name in policies_of(gate)}
        return replace(
            self, gates=gates, policies={key: policy for key, policy in self.policies.items() if key in named}
        )

    def changed(self, other: Scene) -> Scene:
        """The scene with the other scene's policies and gates instead of those of the same name."""
        return replace(self, policies=self.policies | other.policies, gates=self.gates | other.gates)

    def selected(self, key: Key) -> list[Manifest]:
        """The objectives that a policy selects, in stored form."""
        wanted = self.policies[key].spec.objectives.wire()
        stored = (slo.wire() for at, slo in self.slos.items() if at.namespace == key.namespace)
        return [slo for slo in stored if selects(wanted, slo)]

    def check(self) -> None:
        """Raises Failed, with what is missing, if a replay has no result."""
        if not self.policies and not self.gates:
            raise Failed("there is neither a ReleaseGate nor an ErrorBudgetPolicy: name their files with -f")
        for key, gate in self.gates.items():
            for name in policies_of(gate):
                if Key(key.namespace, name) not in self.policies:
                    raise Failed(f"ReleaseGate {key} names ErrorBudgetPolicy {name}, which is missing: add its file")
        for key in self.policies:
            if not self.selected(key):
                raise Failed(
                    f"ErrorBudgetPolicy {key} selects no present ServiceLevelObjective: add one, or name a gate"
                )


def policies_of(gate: ReleaseGate) -> list[str]:
    return [source.error_budget_policy for source in gate.spec.sources if source.error_budget_policy]


def of_options(options: argparse.Namespace) -> tuple[Scene, list[PastRecord]]:
    """The scene of the first replay, and the records of releases. Raises Failed."""
    if options.filename:
        return _of_files(options.filename, options), _records(options)
    scene, manifests = _of_cluster(options)
    return scene, _records(options) if options.releases else _read(manifests)


def against(options: argparse.Namespace) -> Scene:
    """The resources that replace others in the second replay. Raises Failed."""
    found = _of_files(options.against, options)
    if found.slos:
        raise Failed("--against accepts policies and gates: replay another ServiceLevelObjective separately, with -f")
    return found


def _of_files(names: Sequence[str], options: argparse.Namespace) -> Scene:
    documents, findings = files.read(names, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace or "default")
    _refuse([*findings, *parsed.findings])
    return Scene(
        _by_key(resources.of_kind(ServiceLevelObjective, parsed.found)),
        _by_key(resources.of_kind(ErrorBudgetPolicy, parsed.found)),
        _by_key(resources.of_kind(ReleaseGate, parsed.found)),
        _by_key(resources.of_kind(Correction, parsed.found)),
    )


def _refuse(findings: Iterable[Finding]) -> None:
    found = in_order(findings)
    for finding in found:
        print(finding, file=sys.stderr)
    if found:
        raise Failed("nothing is replayed while files have faults")


def _of_cluster(options: argparse.Namespace) -> tuple[Scene, list[Manifest]]:
    namespace = cluster.namespace(options)

    async def ask(cluster: Cluster) -> list[list[Manifest]]:
        kinds = (ServiceLevelObjective, ErrorBudgetPolicy, ReleaseGate, Correction, Release)
        return await asyncio.gather(*(cluster.list(kind.api, namespace=namespace) for kind in kinds))

    try:
        slos, policies, gates, corrections, releases = asyncio.run(cluster.answered(options.context, ask))
    except NotFound:
        raise Failed("the cluster does not have Ninefold's CRDs: kubectl apply --server-side -f crds/") from None
    except ApiError as error:
        raise Failed(error.message) from None
    scene = Scene(
        _by_key(_parsed(ServiceLevelObjective, slos)),
        _by_key(_parsed(ErrorBudgetPolicy, policies)),
        # A gate that the operator keeps for a ClusterReleaseGate only repeats its decisions.
        _by_key(gate for gate in _parsed(ReleaseGate, gates) if not gate.key.name.startswith(PREFIX)),
        _by_key(_parsed(Correction, corrections)),
    )
    return scene, releases


def _parsed(kind: type[ResourceT], manifests: Iterable[Manifest]) -> list[ResourceT]:
    found = []
    for manifest in manifests:
        try:
            found.append(kind.parse(manifest))
        except Stalled as stalled:
            name = f"{kind.api.kind} {Key.of(manifest)}"
            print(f"ninefold: {name} is skipped, since it cannot be read: {stalled.message}", file=sys.stderr)
    return found


def _records(options: argparse.Namespace) -> list[PastRecord]:
    if not options.releases:
        return []
    documents, findings = files.read(options.releases, recursive=options.recursive)
    _refuse(findings)
    named = [_named(document.manifest, options) for document in documents]
    return _read(manifest for manifest in named if manifest["kind"] == Release.api.kind)


def _named(manifest: Manifest, options: argparse.Namespace) -> Manifest:
    metadata = manifest.get("metadata") or {}
    return {**manifest, "metadata": {"namespace": options.namespace or "default", **metadata}}


def _read(manifests: Iterable[Manifest]) -> list[PastRecord]:
    found = []
    for manifest in manifests:
        try:
            found.append(PastRecord.read(manifest))
        except Stalled as stalled:
            name = manifest["metadata"].get("name")
            raise Failed(f"Release {name} cannot be read: {stalled.message}") from None
    return found


def _by_key(found: Iterable[ResourceT]) -> dict[Key, ResourceT]:
    return {resource.key: resource for resource in found}
