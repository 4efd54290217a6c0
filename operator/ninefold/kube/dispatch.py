"""Turns "this object changed" into "reconcile these keys": the only way into the store and the queue."""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ninefold.kube.api import MANAGED_BY, OPERATOR, Api, Key, Manifest
from ninefold.kube.controller import AnyController, Watch
from ninefold.kube.errors import UNREADABLE
from ninefold.kube.follower import Follower
from ninefold.kube.queue import WorkQueue
from ninefold.kube.refusals import Refusals
from ninefold.kube.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A key of a kind: what the queue holds. By `Api`, since kinds of two groups may have the same name."""

    api: Api
    key: Key

    def __str__(self) -> str:
        return f"{self.api.kind} {self.key}"


Concerned = Callable[[Manifest | None, Manifest | None, Store], Iterable[Key]]


class Dispatcher:
    """Takes in versions of objects and queues the keys that they affect."""

    def __init__(
        self,
        controllers: Iterable[AnyController],
        store: Store,
        queue: WorkQueue[QueueItem],
        followers: Iterable[Follower] = (),
    ) -> None:
        self.store = store
        self.queue = queue
        self.refusals: Refusals[QueueItem] = Refusals(queue.add)
        self.watched: dict[Api, str] = {}
        """Every resource to watch, with the label selector to watch it by."""
        self.own: dict[Api, Concerned] = {}
        """The kinds that are reconciled when they change, each with the function that lists other affected objects."""
        self._owners: dict[Api, set[Api]] = defaultdict(set)
        """The kinds that make a child, by the child's resource."""
        self._routes: dict[Api, list[tuple[Api, Watch]]] = defaultdict(list)
        self._required: set[Api] = set()
        self._status: dict[Api, frozenset[str] | None] = {}
        """The fields of the status that a controller reads, None for all: other owners' statuses may be large."""
        for controller in controllers:
            self._register(controller)
        for follower in followers:
            self._follow(follower)

    def seen(self, api: Api, manifest: Manifest, *, by: QueueItem | None = None) -> None:
        """A version of an object, from a watch, a sweep, or the answer to a write made for `by`."""
        if (fields := self._status.get(api)) is not None:
            manifest = _with_status(manifest, fields)
        before = self.store.get(api, Key.of(manifest))
        if self.store.put(api, manifest):
            self.store.serve(api, True)
            self._wake(api, before, manifest, by)

    def gone(self, api: Api, manifest: Manifest) -> None:
        """An object was deleted; `manifest` is its last version, which may differ from the stored version."""
        known = self.store.get(api, Key.of(manifest))
        if self.store.remove(api, manifest):
            self._wake(api, known, None, None)

    def optional(self, api: Api) -> bool:
        """Whether this resource may be missing from the cluster: no controller that watches it requires it."""
        return api not in self._required

    def enqueue(self, api: Api, key: Key) -> None:
        self.queue.add(QueueItem(api, key))

    def _register(self, controller: AnyController) -> None:
        own = controller.resource.api
        self.own[own] = controller.concerned
        self._watch(own)
        for child in controller.children:
            self._watch(child, f"{MANAGED_BY}={OPERATOR}", optional=child in controller.optional)
            self._owners[child].add(own)
        for index in controller.indexes:
            self.store.keep(index)
        for watch in controller.watches:
            self._watch(watch.api, watch.labels, watch.status, optional=watch.optional)
            self._routes[watch.api].append((own, watch))

    def _follow(self, follower: Follower) -> None:
        self.own[follower.api] = _none
        self._watch(follower.api, status=None if follower.reads_status else (), optional=True)
        self._watch(follower.leader)
        self._routes[follower.leader].append((follower.api, Watch(follower.leader, follower.of_leader)))

    def _watch(
        self, api: Api, labels: str = "", status: tuple[str, ...] | None = None, *, optional: bool = False
    ) -> None:
        """Several watches of one resource are joined: each controller sees at least what it asked for."""
        self.watched[api] = labels if self.watched.get(api, labels) == labels else ""
        known = self._status.get(api, frozenset())
        self._status[api] = None if status is None or known is None else known | set(status)
        if not optional:
            self._required.add(api)

    def _wake(self, api: Api, before: Manifest | None, now: Manifest | None, by: QueueItem | None) -> None:
        manifest = now or before or {}
        if api in self.own:
            self._add(QueueItem(api, Key.of(manifest)), by)
            for key in self._concerned(functools.partial(self.own[api], before, now, self.store), manifest):
                self._add(QueueItem(api, key), by)
        for reference in manifest["metadata"].get("ownerReferences", ()):
            for owner in self._owners.get(api, ()):
                if owner.is_kind_of(reference):
                    namespace = Key.of(manifest).namespace if owner.namespaced else ""
                    self._add(QueueItem(owner, Key(namespace, reference["name"])), by)
        for own, watch in self._routes.get(api, ()):
            for key in self._concerned(functools.partial(watch.concerns, before, now, self.store), manifest):
                self._add(QueueItem(own, key), by)

    def _concerned(self, keys: Callable[[], Iterable[Key]], manifest: Manifest) -> Iterable[Key]:
        """The keys that an object affects; none if it cannot be read: it must not end the watch of all others."""
        try:
            return list(keys())
        except UNREADABLE:
            about = {"kind": manifest.get("kind"), "object": str(Key.of(manifest))}
            logger.exception("Cannot determine which objects an object affects", extra=about)
            return ()

    def _add(self, item: QueueItem, by: QueueItem | None) -> None:
        # The item that wrote this version has seen it already.
        if item != by:
            self.queue.add(item)


def _with_status(manifest: Manifest, fields: Collection[str]) -> Manifest:
    """The object with only these fields of its status."""
    status = manifest.get("status")
    # The status of a custom resource may have any type.
    kept = {name: value for name, value in status.items() if name in fields} if isinstance(status, Mapping) else {}
    rest = {name: value for name, value in manifest.items() if name != "status"}
    return {**rest, "status": kept} if kept else rest


def _none(before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
    return ()
