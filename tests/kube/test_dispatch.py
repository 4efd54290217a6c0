"""From a change of one object to the keys that are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from ninefold.kube.api import CONFIG_MAP, Api, Key, Manifest
from ninefold.kube.controller import AnyController, Controller, Watch, written
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.follower import Follower
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store
from tests.kube.test_rbac import Lamp

API = Lamp.api


class Switched(Controller[Lamp, None]):
    """Lamps of which all others are looked at when one goes."""

    resource = Lamp

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        return store.keys(API) if now is None else ()


def lamp(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"namespace": "hall", "name": name, "resourceVersion": str(version)}}


def test_a_kind_says_whom_else_a_change_concerns() -> None:
    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
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


SHIP = Api("example.com", "v1", "Ship", "ships")
NAMESAKE = Api("example.com", "v1", Lamp.api.kind, "namesakes")


def watching(*, status: tuple[str, ...] | None, labels: str = "", optional: bool = True) -> AnyController:
    class Watcher(Controller[Lamp, None]):
        resource = Lamp
        watches = (Watch(SHIP, lambda manifest, store: (), labels, optional, status),)

    return Watcher()


class Following(Follower):
    api = SHIP
    leader = API


class FollowingByStatus(Following):
    reads_status = True


ALL = {"sync": 1, "health": 2, "history": 3}


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ([("sync",), ("health",)], {"sync": 1, "health": 2}),
        ([None, ("sync",)], ALL),
        ([("sync",), None], ALL),
        ([("sync",), ()], {"sync": 1}),
        ([()], {}),
    ],
)
def test_each_kind_that_watches_a_foreign_kind_sees_the_fields_that_it_reads(
    fields: list[tuple[str, ...] | None], kept: dict[str, int]
) -> None:
    dispatcher = Dispatcher([watching(status=each) for each in fields], Store(), WorkQueue())
    dispatcher.seen(SHIP, {**lamp("a", 1), "status": ALL})
    assert (dispatcher.store.get(SHIP, Key("hall", "a")) or {}).get("status", {}) == kept


@pytest.mark.parametrize("status", ["lost", ["sync"], 7, None])
def test_a_status_of_another_shape_is_none(status: object) -> None:
    dispatcher = Dispatcher([watching(status=("sync",))], Store(), WorkQueue())
    dispatcher.seen(SHIP, {**lamp("a", 1), "status": status})
    assert "status" not in (dispatcher.store.get(SHIP, Key("hall", "a")) or {})


@pytest.mark.parametrize("follower", [Following, FollowingByStatus])
def test_a_follower_takes_no_field_from_who_reads_it(follower: type[Follower]) -> None:
    async def scenario() -> None:
        dispatcher = Dispatcher([watching(status=("sync",))], Store(), WorkQueue(), [follower()])
        dispatcher.seen(SHIP, {**lamp("a", 1), "status": ALL})
        kept = (dispatcher.store.get(SHIP, Key("hall", "a")) or {})["status"]
        assert kept == (ALL if follower.reads_status else {"sync": 1})

    asyncio.run(scenario())


def test_an_event_that_changes_nothing_of_what_is_read_leads_to_no_look() -> None:
    class Watcher(Controller[Lamp, None]):
        resource = Lamp
        watches = (Watch(SHIP, lambda manifest, store: [Key("hall", "a")], reads=written),)

    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        dispatcher = Dispatcher([Watcher()], Store(), queue)
        for version, content, looks in (
            (1, {"spec": {"sails": 1}}, 1),
            (2, {"spec": {"sails": 1}, "status": {"at": "sea"}}, 0),
            (3, {"spec": {"sails": 2}, "status": {"at": "sea"}}, 1),
        ):
            dispatcher.seen(SHIP, {**lamp("s", version), **content})
            assert queue.depth == looks
            if looks:
                queue.done(await queue.get())
        dispatcher.gone(SHIP, lamp("s", 4))
        assert queue.depth == 1

    asyncio.run(scenario())


def test_what_leaves_a_selection_concerns_whom_it_concerned() -> None:
    """Whether by an edit, or by a deletion of which the last version is the first that is seen of an edit."""

    class Watcher(Controller[Lamp, None]):
        resource = Lamp
        watches = (Watch(SHIP, lambda manifest, store: [Key("hall", manifest["metadata"]["port"])], both=True),)

    def ship(name: str, version: int, port: str) -> Manifest:
        made = lamp(name, version)
        return {**made, "metadata": {**made["metadata"], "port": port}}

    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        dispatcher = Dispatcher([Watcher()], Store(), queue)

        async def woken() -> set[str]:
            found = {(await queue.get()).key.name for _ in range(queue.depth)}
            for name in found:
                queue.done(QueueItem(API, Key("hall", name)))
            return found

        dispatcher.seen(SHIP, ship("s", 1, "north"))
        assert await woken() == {"north"}
        dispatcher.seen(SHIP, ship("s", 2, "south"))
        assert await woken() == {"north", "south"}
        dispatcher.gone(SHIP, ship("s", 4, "east"))
        assert await woken() == {"south"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("selectors", "union"), [(["a=b", "a=b"], "a=b"), (["a=b", "a=c", "a=b"], ""), (["a=b", ""], ""), (["", "a=b"], "")]
)
def test_two_selectors_for_one_resource_give_both_what_they_select(selectors: list[str], union: str) -> None:
    kinds = [watching(status=(), labels=labels) for labels in selectors]
    assert Dispatcher(kinds, Store(), WorkQueue()).watched[SHIP] == union


@pytest.mark.parametrize("turned", [False, True])
def test_a_resource_is_optional_if_nobody_needs_it(turned: bool) -> None:
    kinds = [watching(status=(), optional=True), watching(status=(), optional=False)]
    assert Dispatcher(kinds[:1], Store(), WorkQueue()).optional(SHIP)
    assert not Dispatcher(kinds[::-1] if turned else kinds, Store(), WorkQueue()).optional(SHIP)


def test_a_child_of_another_groups_kind_of_the_same_name_is_not_ours() -> None:
    class Making(Controller[Lamp, None]):
        resource = Lamp
        children = (CONFIG_MAP,)

    async def woken(api_version: str) -> list[str]:
        queue: WorkQueue[QueueItem] = WorkQueue()
        reference = {"apiVersion": api_version, "kind": API.kind, "name": "owner", "uid": "1"}
        manifest = lamp("child", 1)
        manifest["metadata"]["ownerReferences"] = [reference]
        Dispatcher([Making()], Store(), queue).seen(CONFIG_MAP, manifest)
        return [str((await queue.get()).key) for _ in range(queue.depth)]

    assert asyncio.run(woken(API.api_version)) == ["hall/owner"]
    assert asyncio.run(woken("ninefold.dev/v1")) == ["hall/owner"], "the version may be another"
    assert asyncio.run(woken(NAMESAKE.api_version)) == []
