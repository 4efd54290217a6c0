"""Children: apply those that differ, prune those that are no longer wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.children import adopt, contains, hash_of, is_ours, made_for
from ninefold.kube.client import Cluster, NotFound
from ninefold.kube.conditions import NAME_TAKEN
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import Stalled
from ninefold.kube.model import ObjectRef, Resource
from ninefold.kube.refusal import naming


class Applier:
    """Makes the cluster hold exactly a plan's children. Writes nothing that the store already shows."""

    def __init__(self, cluster: Cluster, dispatcher: Dispatcher, children: Sequence[Api]) -> None:
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._apis = {(api.api_version, api.kind): api for api in children}
        # The version that the last write of a child made. Where the server normalises a field, the live object never
        # equals the wanted one; it is nevertheless right until someone else writes it.
        self._written: dict[tuple[Api, Key], tuple[int, str]] = {}

    async def apply(self, owner: Resource, children: Sequence[Manifest], by: QueueItem) -> list[ObjectRef]:
        """Apply and prune; returns the inventory to record. The next call repairs what a crash left undone."""
        wanted: dict[tuple[Api, Key], Manifest] = {}
        for child in children:
            adopted = adopt(owner, child)
            wanted[self._apis[adopted["apiVersion"], adopted["kind"]], Key.of(adopted)] = adopted
        for (api, key), manifest in wanted.items():
            if not self._is_applied(api, key, manifest):
                await self._check_name(owner, api, key)
                with naming("apply", api, key):
                    result = await self._cluster.apply(api, manifest)
                self._written[api, key] = (hash_of(manifest), result["metadata"]["resourceVersion"])
                self._dispatcher.seen(api, result, by=by)
        await self._prune(owner, set(wanted))
        return [ObjectRef(api_version=api.api_version, kind=api.kind, name=key.name) for api, key in sorted(wanted)]

    async def _check_name(self, owner: Resource, api: Api, key: Key) -> None:
        """Never take over another owner's object of that name: deleting this owner would delete it too."""
        live = self._dispatcher.store.get(api, key)
        if live is None:
            try:
                live = await self._cluster.get(api, key)
            except NotFound:
                return
        if not made_for(live, owner):
            raise Stalled(
                NAME_TAKEN,
                f"The {api.kind} {key} already exists and was not made for this {owner.api.kind}:"
                f" delete or rename it, or rename this {owner.api.kind}.",
            )

    def _is_applied(self, api: Api, key: Key, wanted: Manifest) -> bool:
        live = self._dispatcher.store.get(api, key)
        if live is None:
            return False
        version = live["metadata"].get("resourceVersion")
        return contains(live, wanted) or self._written.get((api, key)) == (hash_of(wanted), version)

    async def _prune(self, owner: Resource, wanted: set[tuple[Api, Key]]) -> None:
        """Delete each child that the inventory or an owner reference names and that the plan does not want.

        The owner reference finds a child that was applied just before a crash, and that the inventory misses.
        """
        namespace = owner.metadata.namespace
        owned = self._dispatcher.store.owned_by(owner.metadata.uid)
        # The plan says nothing about other resources: another controller makes them.
        children = {(api, Key.of(manifest)) for api, manifest in owned if api in self._apis.values()}
        for ref in owner.status.inventory:
            api = self._apis.get((ref.api_version, ref.kind))
            if api is not None:
                children.add((api, Key(namespace, ref.name)))
        for api, key in sorted(children - wanted):
            live = self._dispatcher.store.get(api, key)
            if live is None or not is_ours(live, owner):
                continue
            self._written.pop((api, key), None)
            with naming("delete", api, key):
                try:
                    await self._cluster.delete(api, key, live["metadata"]["uid"])
                except NotFound:
                    self._dispatcher.gone(api, live)
