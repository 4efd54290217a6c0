"""How old what a replica knows may be, with an API server that answers and then does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devcluster.waiting import patient
from ninefold.kube.api import Key
from ninefold.kube.client import connect
from ninefold.kube.clock import SystemClock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.freshness import Freshness
from ninefold.kube.metrics import Metrics
from ninefold.kube.queue import WorkQueue
from ninefold.kube.secretfile import SecretFile
from ninefold.kube.store import Store
from ninefold.kube.sweep import Sweep
from tests.faultproxy import Answer, FaultProxy
from tests.kube.lamp import Lamp, LampController
from tests.kube.lamps import Lamps


class AheadClock(SystemClock):
    """The system's, put forward by hand."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def test_what_is_read_is_fresh_and_ages_while_the_api_server_is_not_heard(
    lamps: Lamps, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))
    lamps.apply("a", bulbs=["red"])

    async def until(fresh: Freshness, age: float) -> None:
        async with asyncio.timeout(patient(20)):
            while fresh.age() > age:
                await asyncio.sleep(0.05)

    async def scenario() -> None:
        queue: WorkQueue[QueueItem] = WorkQueue()
        store, clock, metrics = Store(), AheadClock(), Metrics()
        dispatcher = Dispatcher([LampController()], store, queue)
        cluster = await connect(metrics)
        fresh = Freshness(Sweep(cluster, dispatcher, clock, metrics), Lamp.api, clock, interval=0.05)
        assert fresh.age() == float("inf"), "nothing was read yet"
        reading = asyncio.create_task(fresh.run())
        try:
            await until(fresh, 15)
            # No watch runs here: what is known comes from the reading.
            assert store.get(Lamp.api, Key(lamps.namespace, "a"))
            with proxy.fault(lambda _: Answer(503, "ServiceUnavailable")):
                await asyncio.sleep(0.5)
                clock.ahead += 100
                await asyncio.sleep(0.5)
                assert fresh.age() > 100
                lamps.apply("b", bulbs=["red"])
            await until(fresh, 15)
            assert store.get(Lamp.api, Key(lamps.namespace, "b"))
        finally:
            reading.cancel()
            await cluster.close()

    asyncio.run(scenario())


def test_a_file_of_secrets_is_one_secret_a_line_and_nothing_when_it_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "secrets", AheadClock()
    secrets = SecretFile(file, clock)
    assert secrets.lines() == ()
    file.write_bytes(b"  one \r\n\n\xfftwo\n")
    assert secrets.lines() == (), "it is looked at once a second"
    clock.ahead += 1
    assert secrets.lines() == (b"one", b"\xfftwo")
    file.write_bytes(b"x" * 100_000)
    clock.ahead += 1
    assert secrets.lines() == ()
    file.unlink()
    for _ in range(5):
        clock.ahead += 1
        assert secrets.lines() == ()
    assert [record.message for record in caplog.records] == ["Could not read a file of secrets"] * 2, "not each second"
    assert not {"one", "two"} & set(caplog.text.split()), "no secret in the log"
    assert SecretFile(None, clock).lines() == ()
