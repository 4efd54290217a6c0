"""What `ninefold gate` asks of a cluster, in somebody's name."""

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
"""Seconds between two looks at an object."""


class Desk:
    """One namespace of a cluster, or the cluster itself (""), asked in somebody's name."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    @property
    def api(self) -> Api:
        """Of the gates that are meant."""
        return ReleaseGate.api if self.namespace else ClusterReleaseGate.api

    async def gate(self, name: str) -> Gate:
        found = await self.cluster.get(self.api, Key(self.namespace, name))
        return ReleaseGate.parse(found) if self.namespace else ClusterReleaseGate.parse(found)

    async def kept(self) -> list[ReleaseGate]:
        """The gates of the namespace that are kept for the whole cluster; none for who may not list gates."""
        try:
            found = await self.cluster.list(ReleaseGate.api, namespace=self.namespace) if self.namespace else []
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return []
        return [ReleaseGate.parse(each) for each in found if Key.of(each).name.startswith(PREFIX)]

    async def over(self, workload: tuple[Api, str]) -> list[Gate]:
        """The gates of the namespace that a workload is under, but for those that are kept for the whole cluster."""
        api, name = workload
        manifest = await self.cluster.get(api, Key(self.namespace, name))
        found = [ReleaseGate.parse(each) for each in await self.cluster.list(ReleaseGate.api, namespace=self.namespace)]
        return [
            each
            for each in found
            if not each.key.name.startswith(PREFIX) and concerns(each.spec.workloads, api.kind, manifest)
        ]

    async def pending(self, gate: Gate) -> list[Override]:
        """The Overrides of a gate that do not count yet; none for who may not list them."""
        try:
            found = await self.cluster.list(Override.api, namespace=self.namespace) if self.namespace else []
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return []
        overrides = [Override.parse(each) for each in found]
        meant = [each for each in overrides if each.spec.gate in (None, gate.metadata.name)]
        return [each for each in meant if each.status.state == "Pending"]

    async def policies(self, gate: Gate) -> dict[str, ErrorBudgetPolicyStatus]:
        """The statuses of those that have a say and exist, as the gate names them."""
        found = {}
        for name, key in _policies(gate).items():
            try:
                found[name] = ErrorBudgetPolicy.parse(await self.cluster.get(ErrorBudgetPolicy.api, key)).status
            except NotFound:
                continue
        return found

    async def gateless(self, gate: ClusterReleaseGate) -> list[str]:
        """The namespaces in which the gate that is to be kept is not there yet."""
        namespaces = await self.cluster.list(NAMESPACE)
        gates = {Key.of(each) for each in await self.cluster.list(ReleaseGate.api) if made_for(gate, each)}
        names = (Key.of(each).name for each in namespaces if selects(gate.spec.namespaces, each))
        return [name for name in names if key_of(gate.metadata.name, name) not in gates]

    async def change(self, workload: tuple[Api, str] | None, images: Sequence[str]) -> TemplateChange | ImagesAsked:
        """To these images, of a workload if one is named: then with what it runs."""
        if workload is None or not self.namespace:
            return ImagesAsked(images)
        api, name = workload
        runs = read(api.kind, await self.cluster.get(api, Key(self.namespace, name)))
        return TemplateChange(runs.name, runs.parts, replaced(runs.parts, images))

    async def looked_at(self, made: MadeT, patience: timedelta) -> MadeT:
        """An object once the operator has looked at it, or as it is when patience ends."""
        end = datetime.now(UTC) + patience
        found = made
        while is_unseen(found) and datetime.now(UTC) < end:
            await asyncio.sleep(_POLL)
            found = made.parse(await self.cluster.get(made.api, made.key))
        return found

    async def me(self) -> str:
        """Who the API server takes us for."""
        api = SELF_SUBJECT_REVIEW
        body = {"apiVersion": api.api_version, "kind": api.kind, "metadata": {"name": ""}}
        review = await self.cluster.create(api, body)
        return str(review["status"]["userInfo"]["username"])


def is_unseen(resource: ReleaseGate | ClusterReleaseGate | Override | ErrorBudgetPolicy) -> bool:
    """Whether the operator has yet to look at it as it is now."""
    return resource.status.observed_generation != resource.metadata.generation


def _policies(gate: Gate) -> dict[str, Key]:
    if isinstance(gate, ClusterReleaseGate):
        references = [each.error_budget_policy for each in gate.spec.sources if each.error_budget_policy]
        return {policy_name(each): Key(each.namespace, each.name) for each in references}
    names = [source.error_budget_policy for source in gate.spec.sources if source.error_budget_policy]
    return {name: Key(gate.metadata.namespace, name) for name in names}
