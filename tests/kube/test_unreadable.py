"""A value that a schema takes and Python cannot hold: a sentence about its object, and nothing for its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pydantic import TypeAdapter, ValidationError

from ninefold.kube.api import Key, Manifest
from ninefold.kube.clock import SystemClock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import Stalled
from ninefold.kube.export import Tolerant
from ninefold.kube.fence import Fence
from ninefold.kube.fields import FIRST, LAST, Duration, Timestamp, moment, number, rfc3339, seconds, zone
from ninefold.kube.metrics import Metrics
from ninefold.kube.performer import Performer
from ninefold.kube.queue import WorkQueue
from ninefold.kube.reconciler import UNWORKABLE, Reconciler
from ninefold.kube.store import Store
from tests.kube.lamp import Lamp, LampController

TIMES = TypeAdapter[datetime](Timestamp)
FAR = ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9000-01-01T00:00:00Z", "1969-12-31T23:59:59Z"]


@pytest.mark.parametrize("text", FAR)
def test_a_time_that_no_length_can_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="write a time from 1970 to 8999, such as 2026-11-23T18:00:00Z"):
        TIMES.validate_python(text)
    assert moment(text) is None


@given(st.datetimes(timezones=st.timezones()), st.sampled_from([1, -1]))
def test_every_time_that_is_taken_can_be_written_moved_and_read(at: datetime, sign: int) -> None:
    try:
        taken = TIMES.validate_python(at.isoformat())
    except ValidationError:
        assert at < FIRST or at >= LAST or at.utcoffset() is None or not moment(at.isoformat())
        return
    assert moment(rfc3339(taken)) == taken
    longest = SimpleNamespace(seconds=seconds("9999w"))
    assert abs((taken.timestamp() + sign * longest.seconds) - taken.timestamp()) == longest.seconds
    assert datetime.fromtimestamp(taken.timestamp() + sign * longest.seconds, taken.tzinfo)


@pytest.mark.parametrize("text", ["9" * 31 + "w", "100000d", "123456789s"])
def test_a_length_that_cannot_be_added_to_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="write a duration such as"):
        TypeAdapter[str](Duration).validate_python(text)


def test_what_nobody_has_checked_is_read_or_left() -> None:
    values: list[Any] = ["1.5", "nan", "1e999", "x", None, [], 10**400]
    assert [number(value) for value in values] == [1.5, *[None] * 6]
    assert [moment(value) for value in (None, 5, "x", "2026-11-23", "2026-11-23T18:00:60Z")] == [None] * 5
    assert moment("2026-11-23t18:00:00z") == moment("2026-11-23T18:00:00.123456789Z") is not None


@pytest.mark.parametrize("name", ["America", "Etc/../UTC", "tzdata.zi", "A" * 64])
def test_what_is_no_time_zone_is_stalled(name: str) -> None:
    with pytest.raises(Stalled, match="there is no time zone"):
        zone(name, "spec.timeZone")


class Odd(LampController):
    """Cannot work out what lamps mean that are broken in a way of Python's, nor whom they concern."""

    def plan(self, resource: Lamp, observed: str, now: datetime) -> Any:
        if resource.spec.broken:
            raise {"overflow": OverflowError, "recursion": RecursionError, "value": ValueError}[resource.spec.broken]
        return super().plan(resource, observed, now)

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        if now and now["spec"].get("broken"):
            raise OverflowError("secret-token")
        return ()


def _lamp(name: str, version: int = 1, **spec: Any) -> Manifest:
    metadata = {"name": name, "namespace": "hall", "uid": name, "generation": 1, "resourceVersion": str(version)}
    return {"apiVersion": Lamp.api.api_version, "kind": "Lamp", "metadata": metadata, "spec": spec}


class Written:
    """The statuses that were written."""

    def __init__(self, broken: str) -> None:
        self.patches: list[Any] = []
        self._broken = broken

    async def patch(self, api: Any, key: Key, body: Any, **_: Any) -> Manifest:
        self.patches.append(body)
        return {**_lamp(key.name, 1 + len(self.patches), broken=self._broken), "status": body["status"]}


@pytest.mark.parametrize("broken", ["overflow", "recursion", "value"])
def test_a_plan_that_cannot_be_worked_out_is_stalled_and_told_once(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        dispatcher, api = Dispatcher([Odd()], Store(), queue), Written(broken)
        recorder = SimpleNamespace(record=lambda *_: None)
        performer = Performer(queue, Fence(lambda: 60.0), SystemClock(), Metrics())
        reconciler = Reconciler(Odd(), api, dispatcher, recorder, SystemClock(), performer)  # type: ignore[arg-type]
        dispatcher.seen(Lamp.api, _lamp("a", broken=broken))
        dispatcher.seen(Lamp.api, _lamp("b"))
        assert queue.depth == 2, "that it cannot be told whom one concerns holds up nobody"
        outcomes = [await reconciler.reconcile(Key("hall", "a")) for _ in range(3)]
        assert [(outcome.word, outcome.error, outcome.due) for outcome in outcomes] == [("Stalled", None, None)] * 3
        (patch,) = api.patches
        (stalled,) = (each for each in patch["status"]["conditions"] if each["type"] == "Stalled")
        assert stalled["reason"] == UNWORKABLE
        assert "cannot work out what this means" in stalled["message"]
        assert "secret-token" not in str(patch)

    asyncio.run(scenario())
    errors = [record for record in caplog.records if record.message == "Cannot work out a plan"]
    assert len([record for record in errors if record.levelname == "ERROR"]) == 1


def test_metrics_that_cannot_be_read_take_no_others_along() -> None:
    class Broken(Collector):
        def collect(self) -> Iterable[Metric]:
            raise OverflowError

    assert list(Tolerant(Broken()).collect()) == []
