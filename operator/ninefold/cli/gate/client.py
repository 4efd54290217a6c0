"""The requests of `ninefold gate` to a cluster, on behalf of the user."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from ninefold.kube.api import NAMESPACE, SELF_SUBJECT_REVIEW, Api, Key
from ninefold.kube.client import ApiError, Cluster, NotFound
from ninefold.release.clusterreleasegate.keeping import key_of, made_for, selects
from ninefold.release.clusterreleasegate.plan import policy_name
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate
from ninefold.release.gate.effective import ImagesAsked, TemplateChange
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.workload import concerns, read, replaced
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

Gate = ReleaseGate | ClusterReleaseGate
MadeT = TypeVar("MadeT", Override, ErrorBudgetPolicy)
_POLL = 0.5
"""Seconds between two reads of an object."""


class Desk:
    """One namespace of a cluster, or the cluster itself (""), on behalf of the user."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    @property
    def api(self) -> Api:
        """The resource of the gates: namespaced or cluster-scoped."""
        return ReleaseGate.api if self.namespace else ClusterReleaseGate.api

    async def gate(self, name: str) -> Gate:
        found = await self.cluster.get(self.api, Key(self.namespace, name))
        return ReleaseGate.parse(found) if self.namespace else ClusterReleaseGate.parse(found)

    async def kept(self) -> list[ReleaseGate]:
        """The namespace's gates that the operator keeps for ClusterReleaseGates; none if they may not be listed."""
        try:
            found = await self.cluster.list(ReleaseGate.api, namespace=self.namespace) if self.namespace else []
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return []
        return [ReleaseGate.parse(gate) for gate in found if Key.of(gate).name.startswith(PREFIX)]

    async def over(self, workload: tuple[Api, str]) -> list[Gate]:
        """The gates of the namespace that cover a workload, except those kept for ClusterReleaseGates."""
        api, name = workload
        manifest = await self.cluster.get(api, Key(self.namespace, name))
        found = [ReleaseGate.parse(each) for each in await self.cluster.list(ReleaseGate.api, namespace=self.namespace)]
        return [
            gate
            for gate in found
            if not gate.key.name.startswith(PREFIX) and concerns(gate.spec.workloads, api.kind, manifest)
        ]

    async def pending(self, gate: Gate) -> list[Override]:
        """The pending Overrides of a gate; none if the user may not list Overrides."""
        try:
            found = await self.cluster.list(Override.api, namespace=self.namespace) if self.namespace else []
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return []
        overrides = [Override.parse(each) for each in found]
        of_gate = [override for override in overrides if override.spec.gate in (None, gate.metadata.name)]
        return [override for override in of_gate if override.status.state == "Pending"]

    async def policies(self, gate: Gate) -> dict[str, ErrorBudgetPolicyStatus]:
        """The statuses of the existing policies that the gate names, by these names."""
        statuses = {}
        for name, key in _policies(gate).items():
            try:
                statuses[name] = ErrorBudgetPolicy.parse(await self.cluster.get(ErrorBudgetPolicy.api, key)).status
            except NotFound:
                continue
        return statuses

    async def gateless(self, gate: ClusterReleaseGate) -> list[str]:
        """The selected namespaces without the gate that the operator keeps there."""
        namespaces = await self.cluster.list(NAMESPACE)
        gates = {Key.of(kept) for kept in await self.cluster.list(ReleaseGate.api) if made_for(gate, kept)}
        names = (Key.of(item).name for item in namespaces if selects(gate.spec.namespaces, item))
        return [name for name in names if key_of(gate.metadata.name, name) not in gates]

    async def change(self, workload: tuple[Api, str] | None, images: Sequence[str]) -> TemplateChange | ImagesAsked:
        """A change to these images; if a workload is named, together with the images that it runs."""
        if workload is None or not self.namespace:
            return ImagesAsked(images)
        api, name = workload
        runs = read(api.kind, await self.cluster.get(api, Key(self.namespace, name)))
        return TemplateChange(runs.name, runs.parts, replaced(runs.parts, images))

    async def looked_at(self, made: MadeT, patience: timedelta) -> MadeT:
        """The object once the operator has reconciled it, or its state when `patience` ends."""
        end = datetime.now(UTC) + patience
        found = made
        while is_unseen(found) and datetime.now(UTC) < end:
            await asyncio.sleep(_POLL)
            found = made.parse(await self.cluster.get(made.api, made.key))
        return found

    async def me(self) -> str:
        """The user name that the API server knows the user by."""
        api = SELF_SUBJECT_REVIEW
        body = {"apiVersion": api.api_version, "kind": api.kind, "metadata": {"name": ""}}
        review = await self.cluster.create(api, body)
        return str(review["status"]["userInfo"]["username"])


def is_unseen(resource: ReleaseGate | ClusterReleaseGate | Override | ErrorBudgetPolicy) -> bool:
    """Whether the operator has not reconciled the present generation yet."""
    return resource.status.observed_generation != resource.metadata.generation


def _policies(gate: Gate) -> dict[str, Key]:
    if isinstance(gate, ClusterReleaseGate):
        references = [source.error_budget_policy for source in gate.spec.sources if source.error_budget_policy]
        return {policy_name(reference): Key(reference.namespace, reference.name) for reference in references}
    names = [source.error_budget_policy for source in gate.spec.sources if source.error_budget_policy]
    return {name: Key(gate.metadata.namespace, name) for name in names}
