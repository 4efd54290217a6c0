"""A clock that goes back is no forger, and what it shows of the past is no news."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.series import FIGURES, INFO
from ninefold.domain.measurements.server_clock import SKEW, ServerClock
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.integrations.prometheus_answers import LoadedRecording, Sample

SLO_ID = "shop/checkout"
LEFT = "slo:error_budget_left:ratio"
NOON = 1_800_000_000.0


class Shifted(Prometheus):
    """One whose clock stands at `now`, whose budget is `left`, and whose rules end with `error`."""

    def __init__(self) -> None:
        super().__init__(ConnectionOptions("http://127.0.0.1:1"))
        self.now, self.left, self.error = NOON, 0.1, ""

    async def query(self, expression: str, at: datetime | None = None) -> list[Sample]:
        values = {INFO: 1.0, LEFT: self.left, "slo:events:rate5m": 9.0}
        return [Sample({"__name__": name, "slo_id": SLO_ID}, value, self.now) for name, value in values.items()]

    async def recordings(self, name: str) -> list[LoadedRecording]:
        return [LoadedRecording(name, {"slo_id": SLO_ID}, f"ninefold/{SLO_ID}", "a.yaml", 15.0, self.error)]


def test_figures_of_the_past_are_not_taken_and_nobody_is_blamed() -> None:
    async def scenario() -> None:
        server = Shifted()
        figures = MeasurementPoller(server)

        async def looked() -> Snapshot:
            for _ in FIGURES:
                await figures._origins.look()
            await figures.poll()
            return figures.snapshot

        assert (await looked()).by_id[SLO_ID].budget_left == 0.1
        server.now, server.left, server.error = NOON - 3600, 0.9, "out of order sample"
        found = await looked()
        assert not found.reachable
        assert "for another 3600 s no rule can record anything" in found.error
        assert found.by_id[SLO_ID].budget_left == 0.1, "the last figures stay, with their age"
        found = await looked()
        assert not found.reachable
        server.now, server.left = NOON + 15, 0.05
        found = await looked()
        assert found.reachable
        assert found.by_id[SLO_ID] == Measurement(budget_left=0.05, events_per_second=9.0), "not contested"

    asyncio.run(scenario())


def test_samples_that_come_too_late_without_it_are_somebody_elses() -> None:
    async def scenario() -> None:
        server = Shifted()
        server.error = "duplicate sample for timestamp"
        figures = MeasurementPoller(server)
        await figures._origins.look()
        await figures.poll()
        assert "another writer writes it" in figures.snapshot.by_id[SLO_ID].contested

    asyncio.run(scenario())


@pytest.mark.parametrize("step", [0.5, 20.0, 86400.0])
def test_a_step_back_is_seen_once_whatever_its_length(step: float) -> None:
    clock = ServerClock()
    assert [clock.saw(NOON + second, second, second + 0.1) for second in (0, 5, 10)] == [0, 0, 0]
    assert clock.saw(NOON + 15 - step, 15, 15.1) == pytest.approx(step, abs=0.2)
    assert clock.saw(NOON + 20 - step, 20, 20.1) == 0
    assert clock.behind(NOON + 20 - step) == pytest.approx(max(0.0, step - 10))
    assert clock.saw(NOON + 25 - 2 * step, 25, 25.1) == pytest.approx(step, abs=0.2)


def test_slow_answers_replicas_and_steps_ahead_are_none() -> None:
    clock = ServerClock()
    for second in range(0, 600, 5):
        # An answer names the time at which it was begun or ended; of two replicas one is late; later all are ahead.
        at = NOON + second + (2.0 if second % 2 else 0.0) - (SKEW if second % 15 else 0.0) + (60 if second > 300 else 0)
        assert clock.saw(at, second, second + 2.0) == 0


def test_figures_of_a_time_to_come_are_not_fresh() -> None:
    """Our own clock went back by a day while Prometheus was lost."""
    now = datetime.fromtimestamp(NOON, UTC)
    assert Snapshot(at=now - timedelta(seconds=59)).fresh(now)
    assert Snapshot(at=now + timedelta(seconds=5)).fresh(now), "a look begins before a poll ends"
    assert not Snapshot(at=now + timedelta(days=1)).fresh(now)
