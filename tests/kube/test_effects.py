"""The life of effects: as functions, and as looks, attempts and crashes in any order."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninefold.kube import effects
from ninefold.kube.api import FIELD_MANAGER, Api, Key, Manifest
from ninefold.kube.client import ApiUnreachable, Cluster, Conflict
from ninefold.kube.clock import SystemClock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import EffectFailed, Stalled
from ninefold.kube.events import Recorder
from ninefold.kube.fence import Fence
from ninefold.kube.metrics import Metrics
from ninefold.kube.model import EffectRecord, Metadata
from ninefold.kube.performer import Performer
from ninefold.kube.plan import Effect, Note
from ninefold.kube.queue import WorkQueue
from ninefold.kube.reconciler import Reconciler
from ninefold.kube.report import merge_patch
from ninefold.kube.store import Store
from tests.kube.lamp import Lamp, LampController

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = Effect("page-1", "page", attempts=4, backoff=timedelta(seconds=10))


def record(state: str, attempts: int = 1, **more: Any) -> EffectRecord:
    values = {"key": PAGE.key, "action": "page", "state": state, "attempts": attempts, "started_at": NOW}
    return EffectRecord.model_validate({**values, **more})


def test_what_is_planned_for_the_first_time_is_recorded_and_begun() -> None:
    step = effects.advance([], [PAGE, PAGE], (), NOW)
    assert step.records == [record("Running")]
    assert step.begin == ((PAGE, record("Running")),)


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_what_has_an_outcome_is_not_begun_again(state: str) -> None:
    old = record(state, finished_at=NOW - timedelta(days=400))
    assert effects.advance([old], [PAGE], (), NOW) == effects.Step([old])


def test_what_goes_on_is_left_alone_and_what_was_cut_off_is_made_again() -> None:
    old = record("Running", 3, started_at=NOW - timedelta(hours=1))
    assert effects.advance([old], [PAGE], {PAGE.key}, NOW).begin == ()
    assert effects.advance([old], [PAGE], (), NOW).begin == ((PAGE, record("Running", 3)),)


def test_attempts_back_off_and_end() -> None:
    old, waits = record("Running"), []
    for _ in range(PAGE.attempts - 1):
        old = effects.failed(old, PAGE, EffectFailed("Busy."), NOW)
        assert old.retry_at is not None
        waits.append((old.retry_at - NOW).total_seconds())
        early = effects.advance([old], [PAGE], (), old.retry_at - timedelta(seconds=1))
        assert (early.begin, early.due) == ((), old.retry_at)
        ((_, old),) = effects.advance([old], [PAGE], (), old.retry_at).begin
    assert waits == [10, 20, 40]
    assert old.attempts == PAGE.attempts
    ended = effects.failed(old, PAGE, EffectFailed("Busy."), NOW)
    assert (ended.state, ended.message, ended.retry_at) == ("Failed", "Busy.", None)


@pytest.mark.parametrize("jump", [timedelta(days=1), -timedelta(days=1)])
def test_a_jump_of_the_clock_puts_no_attempt_off(jump: timedelta) -> None:
    """Backwards by a day, retryAt would be a day away."""
    old = effects.failed(record("Running"), PAGE, EffectFailed("Busy."), NOW + timedelta(seconds=1))
    ((_, again),) = effects.advance([old], [PAGE], (), NOW + jump).begin
    assert again.attempts == 2
    failed = effects.failed(again, PAGE, EffectFailed("Busy."), NOW + jump)
    step = effects.advance([failed], [PAGE], (), NOW + jump)
    assert (step.begin, step.due) == ((), NOW + jump + timedelta(seconds=20)), "then it waits as ever"


def test_a_far_side_may_ask_for_patience_and_may_say_never() -> None:
    patient = effects.failed(record("Running"), PAGE, EffectFailed("Busy.", retry_after=90), NOW)
    assert patient.retry_at == NOW + timedelta(seconds=90)
    assert effects.failed(record("Running"), PAGE, EffectFailed("Unknown.", final=True), NOW).state == "Failed"
    often = effects.failed(record("Running", 30), Effect("page-1", "page", attempts=99), EffectFailed("x"), NOW)
    assert often.retry_at == NOW + effects.BACKOFF_MOST


def test_what_is_no_longer_planned_is_withdrawn_unless_it_goes_on() -> None:
    waiting = record("Retrying", 2, retry_at=NOW, message="Busy.")
    (withdrawn,) = effects.advance([waiting], [], (), NOW).records
    assert (withdrawn.state, withdrawn.message, withdrawn.retry_at) == ("Withdrawn", "Busy.", None)
    (cut,) = effects.advance([record("Running")], [], (), NOW).records
    assert cut.state == "Withdrawn"
    assert "not known" in cut.message
    assert effects.advance([record("Running")], [], {PAGE.key}, NOW).records == [record("Running")]
    # Its outcome has just come in, and no other look is due.
    assert effects.advance([waiting], [], {PAGE.key}, NOW).records == [withdrawn]
    ((_, again),) = effects.advance([withdrawn], [PAGE], (), NOW).begin
    assert again.attempts == 3


def test_records_of_the_past_are_bounded_and_those_of_the_plan_are_not() -> None:
    def old(number: int, age: timedelta) -> EffectRecord:
        return record("Succeeded", key=f"page-{number}", finished_at=NOW - age)

    many = [old(number, timedelta(minutes=1000 - number)) for number in range(300)]
    planned = [Effect(f"page-{number}", "page") for number in range(effects.PLANNED_MOST)]
    kept = {record.key for record in effects.advance(many, planned, (), NOW).records}
    assert {effect.key for effect in planned} <= kept
    assert len(kept) == effects.PLANNED_MOST + effects.KEPT_MOST
    assert "page-299" in kept
    assert effects.advance([old(1, effects.KEPT_FOR + timedelta(days=1))], [], (), NOW).records == []
    assert len(effects.advance([old(1, effects.KEPT_FOR)], [], (), NOW).records) == 1
    with pytest.raises(Stalled, match="129 effects are planned"):
        effects.advance([], [*planned, PAGE.__class__("more", "page")], (), NOW)


KEY = Key("hall", "a")
BELLS = ("red", "blue")


class NotAsked(Cluster):
    """What no look at these lamps asks of the API server: they have no children, and nothing makes or removes them."""

    async def list(self, api: Api, labels: str = "", namespace: str = "") -> list[Manifest]:
        raise AssertionError(api)

    async def create(self, api: Api, manifest: Manifest) -> Manifest:
        raise AssertionError(api)

    async def replace(self, api: Api, manifest: Manifest) -> Manifest:
        raise AssertionError(api)

    async def apply(self, api: Api, manifest: Manifest, manager: str = FIELD_MANAGER) -> Manifest:
        raise AssertionError(api)

    async def delete(self, api: Api, key: Key, uid: str) -> None:
        raise AssertionError(api)


class ApiServer(NotAsked):
    """One lamp, with the API server's promise about versions: a write to an old one is refused."""

    def __init__(self) -> None:
        self.versions: list[dict[str, Any]] = []
        self.next_write = "passes"
        metadata = {"namespace": KEY.namespace, "name": KEY.name, "uid": "u", "generation": 1}
        api = {"apiVersion": Lamp.api.api_version, "kind": Lamp.api.kind}
        self._store({**api, "metadata": metadata, "spec": {"rings": [BELLS[0]]}})

    @property
    def newest(self) -> dict[str, Any]:
        return self.versions[-1]

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return {record["key"]: record for record in self.newest.get("status", {}).get("effects", ())}

    def edit(self, bells: list[str]) -> None:
        changed = copy.deepcopy(self.newest)
        changed["spec"]["rings"] = bells
        changed["metadata"]["generation"] += 1
        self._store(changed)

    def fenced(self, fence: Fence) -> Cluster:
        return self

    async def get(self, api: Api, key: Key) -> Manifest:
        return self.newest

    async def patch(self, api: Api, key: Key, patch: Mapping[str, Any], subresource: str = "") -> Manifest:
        fault, self.next_write = self.next_write, "passes"
        if fault == "is lost":
            raise ApiUnreachable(0, "Unreachable", "the request did not arrive")
        if patch["metadata"]["resourceVersion"] != self.newest["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")
        changed = copy.deepcopy(self.newest)
        changed["status"] = _merged(changed.get("status", {}), patch["status"])
        if changed != self.newest:
            self._store(changed)
        if fault == "is not answered":
            raise ApiUnreachable(0, "Unreachable", "the answer did not arrive")
        return self.newest

    def _store(self, manifest: dict[str, Any]) -> None:
        version = {**manifest["metadata"], "resourceVersion": str(len(self.versions) + 1)}
        self.versions.append({**manifest, "metadata": version})


def _merged(old: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: value for name, value in {**old, **patch}.items() if value is not None}
    assert merge_patch(old, merged) == {name: value for name, value in patch.items() if old.get(name) != value}
    return merged


class Silent(Recorder):
    def __init__(self) -> None:
        pass

    def record(self, api: Api, about: Metadata, note: Note) -> None:
        pass


class HandClock(SystemClock):
    at = NOW

    def now(self) -> datetime:
        return self.at


class Bells(LampController):
    """Bells that ring when the schedule says so."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.waiting: dict[str, asyncio.Future[str]] = {}
        self.rung: Counter[tuple[str, int]] = Counter()
        self.faults: list[str] = []

    async def perform(self, resource: Lamp, effect: Effect) -> str:
        stored = self.server.records.get(effect.key, {"state": "missing", "attempts": 0})
        # Raised here, it would only be one more failure of the far side.
        if stored["state"] != "Running" or effect.key in self.waiting:
            self.faults.append(f"{effect.key} began where the record is {stored['state']}")
        self.rung[effect.key, stored["attempts"]] += 1
        self.waiting[effect.key] = asyncio.get_running_loop().create_future()
        try:
            return await self.waiting[effect.key]
        finally:
            del self.waiting[effect.key]


class Process:
    """One life of the operator, with what its watch has told it."""

    def __init__(self, bells: Bells, clock: HandClock, version: Manifest) -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        self._queue = queue
        self.dispatcher = Dispatcher([bells], Store(), queue)
        self.performer = Performer(queue, Fence(lambda: float("inf")), clock, Metrics())
        self.reconciler = Reconciler(bells, bells.server, self.dispatcher, Silent(), clock, self.performer)
        self.dispatcher.seen(Lamp.api, version)

    async def look(self) -> None:
        await self.reconciler.reconcile(KEY)
        await breathe()

    async def end(self) -> None:
        self.performer.stop()
        self._queue.close()
        await breathe()


async def breathe() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


# What happens most in life is likely here, too: else a schedule rarely gets as far as an outcome.
STEPS = st.one_of(
    st.tuples(st.just("turn"), st.none()),
    st.tuples(st.just("turn"), st.none()),
    st.tuples(st.just("ring"), st.sampled_from(BELLS)),
    st.tuples(st.just("ring"), st.sampled_from(BELLS)),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("fail"), st.sampled_from(BELLS)),
    st.tuples(st.just("plan"), st.lists(st.sampled_from(BELLS), unique=True)),
    st.tuples(st.just("write"), st.sampled_from(["is lost", "is not answered"])),
    st.tuples(st.just("wait"), st.integers(1, 10)),
)


class World:
    """The API server, the far side, and one life of the operator after another. Each method is a step of a schedule."""

    def __init__(self) -> None:
        self.server, self.clock = ApiServer(), HandClock()
        self.bells = Bells(self.server)
        self.process = Process(self.bells, self.clock, self.server.newest)
        self._succeeded = set[str]()

    async def take(self, step: str, value: Any) -> None:
        before = Counter(self.bells.rung)
        await getattr(self, step)(value)
        assert self.bells.faults == []
        begun = {key for key, _ in self.bells.rung - before}
        assert not begun & self._succeeded, "what has succeeded was done again"
        self._succeeded |= {key for key, record in self.server.records.items() if record["state"] == "Succeeded"}

    async def look(self, _: None) -> None:
        await self.process.look()

    async def turn(self, _: None) -> None:
        await self.tell(None)
        await self.look(None)

    async def tell(self, _: None) -> None:
        self.process.dispatcher.seen(Lamp.api, self.server.newest)

    async def plan(self, bells: list[str]) -> None:
        self.server.edit(bells)

    async def ring(self, bell: str) -> None:
        if waiting := self.bells.waiting.get(f"ring-{bell}"):
            waiting.set_result("Rang.")
            await breathe()

    async def fail(self, bell: str) -> None:
        if waiting := self.bells.waiting.get(f"ring-{bell}"):
            waiting.set_exception(EffectFailed("Stuck."))
            await breathe()

    async def crash(self, age: int) -> None:
        """The next process may begin with what an old cache says."""
        await self.process.end()
        versions = self.server.versions
        self.process = Process(self.bells, self.clock, versions[-1 - age % len(versions)])

    async def write(self, fault: str) -> None:
        self.server.next_write = fault

    async def wait(self, seconds: int) -> None:
        self.clock.at += timedelta(seconds=seconds)


@settings(max_examples=150)
@given(st.lists(STEPS, min_size=10, max_size=30))
def test_no_order_of_events_repeats_what_has_succeeded_or_loses_what_is_planned(
    steps: list[tuple[str, Any]],
) -> None:
    async def scenario() -> None:
        world = World()
        for step, value in steps:
            await world.take(step, value)
        # Peace: nothing fails any more, and what is planned comes to its end.
        for _ in range(12):
            for step, value in (("tell", None), ("look", None), *(("ring", bell) for bell in BELLS), ("wait", 10)):
                await world.take(step, value)
        server = world.server
        states = {key: record["state"] for key, record in server.records.items()}
        wanted = {f"ring-{bell}" for bell in server.newest["spec"]["rings"]}
        assert wanted <= {key for key, state in states.items() if state in ("Succeeded", "Failed")}
        assert set(states.values()) <= {"Succeeded", "Failed", "Withdrawn"}
        assert all(number <= 3 for _, number in world.bells.rung), "attempts are limited"
        settled = len(server.versions)
        await world.wait(60)
        await world.process.look()
        assert len(server.versions) == settled, "a steady state writes nothing"
        await world.process.end()

    asyncio.run(scenario())


def test_an_attempt_waits_for_the_lease() -> None:
    """Nothing begins while the Lease may end; the look after makes the attempt, under the same number."""

    async def scenario() -> None:
        left = 0.0
        server, clock = ApiServer(), HandClock()
        bells = Bells(server)
        process = Process(bells, clock, server.newest)
        process.performer._fence = Fence(lambda: left)
        server.edit(["red"])
        process.dispatcher.seen(Lamp.api, server.newest)
        await process.look()
        assert not bells.rung
        assert server.records["ring-red"]["state"] == "Running"
        left = 60.0
        await process.look()
        assert bells.rung == {("ring-red", 1): 1}
        await process.end()

    asyncio.run(scenario())
