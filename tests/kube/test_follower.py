"""What is ours in somebody else's object, and who is looked at when what it follows changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from ninefold.kube.api import HOLDER, Api, Key, Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.clock import SystemClock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.events import Recorder
from ninefold.kube.follower import Follower, LetGo, Wanted, covers, held
from ninefold.kube.holding import Holding
from ninefold.kube.model import Metadata
from ninefold.kube.plan import Note
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store, trim
from tests.kube.test_rbac import Lamp

SHADE = Api("example.com", "v1", "Shade", "shades")
OURS = {"manager": HOLDER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:drawn": {}}}}
THEIRS = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:cloth": {}}}}


class Shades(Follower):
    api = SHADE
    leader = Lamp.api

    def follows(self, manifest: Manifest) -> Key | None:
        lamp = manifest["metadata"].get("annotations", {}).get("lamp")
        return Key(Key.of(manifest).namespace, lamp) if lamp else None

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        lost = manifest["metadata"]["annotations"]["lamp"] == "lost"
        return Wanted(LetGo(), warning=Note("Warning", "NoLamp", "There is no such lamp.") if lost else None)


def shade(name: str, version: int, lamp: str = "", **parts: Any) -> dict[str, Any]:
    metadata = {"namespace": "hall", "name": name, "resourceVersion": str(version), "annotations": {"lamp": lamp}}
    return {"metadata": metadata, **parts}


class Told(Recorder):
    """Keeps what would be recorded."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def record(self, api: Api, about: Metadata, note: Note) -> None:
        self.reasons.append(note.reason)


class HeldClock(SystemClock):
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def test_of_managed_fields_only_our_own_record_is_kept() -> None:
    manifest = shade("a", 1)
    manifest["metadata"]["managedFields"] = [THEIRS, OURS]
    assert trim(manifest)["metadata"]["managedFields"] == [OURS]
    assert held(trim(manifest)) == {"f:spec": {"f:drawn": {}}}
    manifest["metadata"]["managedFields"] = [THEIRS]
    assert "managedFields" not in trim(manifest)["metadata"]
    assert held(trim(manifest)) is None


@pytest.mark.parametrize(
    ("record", "fields", "same"),
    [
        (None, {"spec": {"drawn": True}}, False),
        ({"f:spec": {"f:drawn": {}}}, {"spec": {"drawn": True}}, True),
        ({"f:spec": {".": {}, "f:drawn": {}}}, {"spec": {"drawn": True}}, True),
        ({"f:spec": {"f:drawn": {}, "f:cloth": {}}}, {"spec": {"drawn": True}}, False),
        ({"f:spec": {}}, {"spec": {"drawn": True}}, False),
        ({"f:spec": {"f:drawn": {}}}, {}, False),
        ({"f:spec": {"f:slats": {"k:{}": {}}}}, {"spec": {"slats": [1, 2]}}, True),
    ],
)
def test_a_record_covers_just_the_fields_that_are_wanted(
    record: dict[str, Any] | None, fields: dict[str, Any], same: bool
) -> None:
    assert covers(record, fields) is same


def test_a_change_of_what_is_followed_leads_to_a_look_at_those_that_follow_it() -> None:
    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        dispatcher = Dispatcher([], Store(), queue, [Shades()])

        async def woken() -> set[str]:
            items = set()
            while queue.depth:
                item = await queue.get()
                queue.done(item)
                items.add(str(item))
            return items

        assert dispatcher.optional(SHADE)
        assert not dispatcher.optional(Lamp.api)
        dispatcher.seen(SHADE, shade("a", 1, "red"))
        dispatcher.seen(SHADE, shade("b", 2, "blue"))
        dispatcher.seen(SHADE, shade("c", 3))
        assert await woken() == {"Shade hall/a", "Shade hall/b", "Shade hall/c"}
        lamp = {"metadata": {"namespace": "hall", "name": "red", "resourceVersion": "4"}}
        dispatcher.seen(Lamp.api, lamp)
        assert await woken() == {"Shade hall/a"}
        dispatcher.gone(Lamp.api, lamp)
        assert await woken() == {"Shade hall/a"}

    asyncio.run(scenario())


def test_the_status_of_others_is_not_kept() -> None:
    async def scenario() -> None:
        dispatcher = Dispatcher([], Store(), WorkQueue(), [Shades()])
        dispatcher.seen(SHADE, shade("a", 1, spec={"cloth": "red"}, status={"inventory": ["much"]}))
        kept = dispatcher.store.get(SHADE, Key("hall", "a")) or {}
        assert kept["spec"] == {"cloth": "red"}
        assert "status" not in kept

    asyncio.run(scenario())


def test_a_warning_is_told_when_it_is_new_and_again_when_its_event_is_gone() -> None:
    async def scenario() -> None:
        told, clock = Told(), HeldClock()
        dispatcher = Dispatcher([], Store(), WorkQueue(), [Shades()])
        holding = Holding(Shades(), cast(Cluster, None), dispatcher, told, clock)  # nothing is written
        key = Key("hall", "a")
        words: list[str] = []

        async def look(lamp: str, minutes: int) -> None:
            version = len(words) + 1
            dispatcher.seen(SHADE, shade("a", version, lamp))
            clock.at += timedelta(minutes=minutes)
            words.append((await holding.reconcile(key)).word)

        for lamp, minutes in (("lost", 0), ("lost", 59), ("lost", 1), ("lost", 1), ("red", 1), ("lost", 1)):
            await look(lamp, minutes)
        assert words == ["Stalled"] * 4 + ["Ready", "Stalled"]
        assert told.reasons == ["NoLamp"] * 3
        dispatcher.gone(SHADE, shade("a", 100))
        assert (await holding.reconcile(key)).word == "Gone"

    asyncio.run(scenario())
