"""From a change of one object to the keys that are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import Controller
from ninefold.kube.dispatch import Dispatcher, Item
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store
from tests.kube.test_rbac import Lamp

API = Lamp.api


class Switched(Controller[Lamp, None]):
    """Lamps of which all others are looked at when one goes."""

    resource = Lamp

    def concerned(self, manifest: Manifest, store: Store) -> Iterable[Key]:
        return store.keys(API) if store.get(API, Key.of(manifest)) is None else ()


def lamp(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"namespace": "hall", "name": name, "resourceVersion": str(version)}}


def test_a_kind_says_whom_else_a_change_concerns() -> None:
    async def scenario() -> None:
        queue: WorkQueue[Item] = WorkQueue()
        dispatcher = Dispatcher([Switched()], Store(), queue)

        async def woken() -> set[str]:
            names = set()
            while queue.depth:
                item = await queue.get()
                queue.done(item)
                names.add(item.key.name)
            return names

        for version, name in enumerate("abc", 1):
            dispatcher.seen(API, lamp(name, version))
        assert await woken() == {"a", "b", "c"}
        dispatcher.seen(API, lamp("b", 4))
        assert await woken() == {"b"}
        dispatcher.gone(API, lamp("b", 5))
        assert await woken() == {"a", "b", "c"}

    asyncio.run(scenario())
