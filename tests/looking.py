"""Whoever sees something else after an event is looked at: a property of the watches of any kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

Event = tuple[str, str, tuple[Api, Manifest]]
"""Whether the object is put or removed, its namespace, and the rest of it."""


class _Queue(WorkQueue[QueueItem]):
    """Notes what is added."""

    def __init__(self) -> None:
        super().__init__()
        self.added: set[QueueItem] = set()

    def add(self, item: QueueItem) -> None:
        self.added.add(item)


def after(events: Iterable[Event], controllers: Sequence[AnyController]) -> Store:
    """What the store holds in the end; fails at an event after which somebody is not looked at who sees it."""
    store, queue = Store(), _Queue()
    dispatcher = Dispatcher(controllers, store, queue)
    for number, (event, namespace, (api, made)) in enumerate(events, 1):
        metadata = {"uid": "u", **made["metadata"], "namespace": namespace, "resourceVersion": str(number)}
        before = _seen(store, controllers)
        queue.added.clear()
        whole = {"apiVersion": api.api_version, "kind": api.kind, **made, "metadata": metadata}
        (dispatcher.seen if event == "put" else dispatcher.gone)(api, whole)
        now = _seen(store, controllers)
        assert {item for item in now if item in before and now[item] != before[item]} <= queue.added
    return store


def _seen(store: Store, controllers: Sequence[AnyController]) -> dict[QueueItem, str]:
    """What a look at each object sees that can be read."""

    async def look() -> dict[QueueItem, str]:
        return {
            QueueItem(controller.resource.api, each.key): repr(await controller.observe(each, store, NOW))
            for controller in controllers
            for each in store.resources(controller.resource)
        }

    return asyncio.run(look())


def key(api: Api, manifest: Manifest) -> tuple[str, Key]:
    """To compare by."""
    return api.kind, Key.of(manifest)
