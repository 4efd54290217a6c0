"""From "this object changed" to "look at these keys": the one way by which anything reaches the store and the queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ninefold.kube.api import MANAGED_BY, OPERATOR, Api, Key, Manifest
from ninefold.kube.controller import AnyController, Watch
from ninefold.kube.follower import Follower
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store


@dataclass(frozen=True, slots=True)
class Item:
    """A key of a kind: what the queue holds."""

    kind: str
    key: Key

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Dispatcher:
    """Takes in versions of objects and adds the keys that they concern to the queue."""

    def __init__(
        self,
        controllers: Iterable[AnyController],
        store: Store,
        queue: WorkQueue[Item],
        followers: Iterable[Follower] = (),
    ) -> None:
        self.store = store
        self.queue = queue
        self.watched: dict[Api, str] = {}
        """Every resource to watch, with the label selector to watch it by."""
        self.own: dict[Api, Callable[[Manifest, Store], Iterable[Key]]] = {}
        """What is looked at itself when it changes, with whom else of its kind that concerns."""
        self._children: dict[Api, set[str]] = defaultdict(set)
        self._routes: dict[Api, list[tuple[str, Watch]]] = defaultdict(list)
        self._optional: set[Api] = set()
        # Of the status of others' objects what is read alone.
        self._status: dict[Api, tuple[str, ...]] = {}
        for controller in controllers:
            self._register(controller)
        for follower in followers:
            self._follow(follower)

    def seen(self, api: Api, manifest: Manifest, *, by: Item | None = None) -> None:
        """A version of an object, from a watch, a sweep, or the answer to a write made for `by`."""
        if api in self._status:
            manifest = _with_status(manifest, self._status[api])
        if self.store.put(api, manifest):
            self.store.serve(api, True)
            self._wake(api, manifest, by)

    def gone(self, api: Api, manifest: Manifest) -> None:
        """An object was deleted; `manifest` is its last version."""
        if self.store.remove(api, manifest):
            self._wake(api, manifest, None)

    def optional(self, api: Api) -> bool:
        """Whether the cluster may do without this resource."""
        return api in self._optional

    def enqueue(self, kind: str, key: Key) -> None:
        self.queue.add(Item(kind, key))

    def _register(self, controller: AnyController) -> None:
        own = controller.resource.api
        self.own[own] = controller.concerned
        self._watch(own, "")
        for child in controller.children:
            self._watch(child, f"{MANAGED_BY}={OPERATOR}")
            self._children[child].add(own.kind)
        for watch in controller.watches:
            self._watch(watch.api, watch.labels)
            self._routes[watch.api].append((own.kind, watch))
            if watch.status is not None:
                self._status[watch.api] = watch.status
            if watch.optional:
                self._optional.add(watch.api)
        self._optional.update(controller.optional)

    def _follow(self, follower: Follower) -> None:
        self._watch(follower.api, "")
        self._optional.add(follower.api)
        self.own[follower.api] = _nobody
        if not follower.reads_status:
            self._status.setdefault(follower.api, ())
        self._watch(follower.leader, "")
        self._routes[follower.leader].append((follower.api.kind, Watch(follower.leader, follower.of_leader)))

    def _watch(self, api: Api, labels: str) -> None:
        # Two interests with different selectors need the union: everything.
        self.watched[api] = labels if self.watched.get(api, labels) == labels else ""

    def _wake(self, api: Api, manifest: Manifest, by: Item | None) -> None:
        if api in self.own:
            self._add(Item(api.kind, Key.of(manifest)), by)
            for key in self.own[api](manifest, self.store):
                self._add(Item(api.kind, key), by)
        for owner in manifest["metadata"].get("ownerReferences", ()):
            if owner["kind"] in self._children.get(api, ()):
                self._add(Item(owner["kind"], Key(Key.of(manifest).namespace, owner["name"])), by)
        for kind, watch in self._routes.get(api, ()):
            for key in watch.keys(manifest, self.store):
                self._add(Item(kind, key), by)

    def _add(self, item: Item, by: Item | None) -> None:
        # Whoever wrote it has seen it.
        if item != by:
            self.queue.add(item)


def _with_status(manifest: Manifest, fields: tuple[str, ...]) -> Manifest:
    """The object with these fields of its status alone."""
    kept = {name: value for name, value in (manifest.get("status") or {}).items() if name in fields}
    rest = {name: value for name, value in manifest.items() if name != "status"}
    return {**rest, "status": kept} if kept else rest


def _nobody(manifest: Manifest, store: Store) -> Iterable[Key]:
    return ()
