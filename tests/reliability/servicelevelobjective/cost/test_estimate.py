"""What rules cost, computed from their text, is what Prometheus counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import group, objective
from tests.reliability.servicelevelobjective.history import DAY, END, HOUR, MINUTE, load, samples

from ninefold.integrations.prometheus import ConnectionOptions, Prometheus, Unreachable
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.cost.estimate import estimate, shown
from ninefold.reliability.servicelevelobjective.cost.measured import Readings
from ninefold.reliability.servicelevelobjective.status import Cost

PARIS = {"period": "Month", "timeZone": "Europe/Paris"}
COMPOSITE = {"composite": {"mode": "Weighted", "components": [{"objective": name} for name in ("a", "b", "c")]}}
REGIONS = ("eu", "us", "ap")

SHAPES: dict[str, dict[str, Any]] = {
    "6h": {"window": "6h"},
    "1d": {"window": "1d"},
    "30d": {"window": "30d"},
    "month": {"window": {"calendar": PARIS}},
    "half an hour off": {"window": {"calendar": {"period": "Week", "timeZone": "Asia/Kolkata"}}},
    "composite": {"window": "1d", "indicator": COMPOSITE},
    "grouped": {"window": "30d", "groupBy": ["region"]},
    "grouped composite": {"window": "1d", "indicator": COMPOSITE, "groupBy": ["region"]},
    "counting": {"window": "7d", "alerting": {"minimumErrors": 5, "confidence": "95"}},
    "slices": {"window": "1d", "timeSlices": {"target": "95"}},
    "agreement": {"window": "7d", "agreement": {"objective": "99", "window": {"calendar": PARIS}}},
    "latency": {"window": "6h", "indicator": {"latency": {"histogram": "h", "threshold": "1s"}}},
}


def _recorded(compiled: Group, groups: list[str]) -> Iterator[str]:
    """Every recording, for as long as any rule reads it: minutes for a week, hourly ones for the longest period."""
    names = {rule["record"]: rule.get("labels", {}) for rule in compiled.rules if "record" in rule}
    components = [f"shop/{name}" for name in "abc"] if "slo:component:error_ratio" in names else []
    for name in sorted(names):
        single = name in ("slo:objective:ratio", "slo:info") or name.startswith("slo:local_time:")
        of = components if name == "slo:component:error_ratio" or name.startswith("slo:blame:") else [""]
        for region in [""] if single else groups:
            for component in of:
                labels = [
                    'slo_id="shop/checkout"',
                    *([f'region="{region}"'] if region else []),
                    *([f'component="{component}"'] if component else []),
                ]
                hourly = ":rate1h" in name or ":rate30m" in name
                step, length = (HOUR // 2, 32 * DAY) if hourly else (MINUTE, 8 * HOUR)
                yield from samples(name, ",".join(labels), [1.0] * (length // step), step)
    # `offset 30d` of the hour that has begun.
    for component in components:
        for what in ("events", "errors"):
            for region in groups:
                ours = f'slo_id="{component}"' + (f',region="{region}"' if region else "")
                yield from samples(f"slo:{what}:rate5m", ours, [1.0] * 10, MINUTE)


def _counted(url: str, compiled: Group) -> int:
    """What Prometheus counts in one evaluation of the rules; the raw series do not exist there."""
    read = 0
    with httpx.Client(base_url=url, trust_env=False) as client:
        for rule in compiled.rules:
            form = {"query": rule["expr"], "time": str(END), "stats": "all"}
            answer = client.post("/api/v1/query", data=form).raise_for_status().json()
            read += answer["data"]["stats"]["samples"]["totalQueryableSamples"]
    return read


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_what_prometheus_counts(shape: str, tmp_path: Path, serve: Callable[[Path], str]) -> None:
    compiled = group(**SHAPES[shape])
    groups = list(REGIONS) if "groupBy" in SHAPES[shape] else [""]
    load(_recorded(compiled, groups), tmp_path / "data")
    counted = _counted(serve(tmp_path / "data"), compiled)
    computed = estimate(compiled).cost(len(groups)).samples
    print(f"{shape}: computed {computed}, counted {counted}")
    assert abs(computed - counted) <= 0.02 * counted


def test_recorded_series_are_one_for_each_rule_group_and_component() -> None:
    cost = estimate(group()).cost()
    assert (cost.rules, cost.series) == (36, 32)
    assert estimate(group(groupBy=["region"])).cost(3).series == 2 + 30 * 3
    composite = group(indicator=COMPOSITE)
    names = [rule["record"] for rule in composite.rules if "record" in rule]
    blamed = sum(name.startswith("slo:blame:") for name in names)
    assert estimate(composite).cost().series == len(names) + 2 * blamed


def test_what_the_user_wrote_is_left_to_prometheus() -> None:
    """Also recordings, and one expression within the other."""
    own = 'slo:events:rate5m{slo_id="shop/other"}'
    plain = estimate(group()).cost()

    def ratio(bad: str, total: str) -> Group:
        return group(indicator={"ratio": {"bad": bad, "total": total}})

    theirs = ratio("rate(x[$window])", f"sum_over_time({own}[$window])")
    nested = ratio("sum(rate(x[$window]))", "sum(rate(x[$window])) + rate(y[$window])")
    assert estimate(theirs).cost() == estimate(nested).cost() == plain
    assert estimate(group()).cost(raw=40).samples == plain.samples + 40


costs = st.builds(Cost, rules=st.integers(1, 60), series=st.integers(1, 10_000), samples=st.integers(1, 1_000_000))


@given(st.lists(costs, min_size=1), st.integers(1, 60))
def test_what_is_shown_is_right_to_a_fifth_and_stays_while_it_is(seen: list[Cost], rules: int) -> None:
    before: Cost | None = None
    for fresh in (cost.model_copy(update={"rules": rules}) for cost in seen):
        now = shown(before, fresh)
        assert abs(now.samples - fresh.samples) <= 0.2 * now.samples
        assert abs(now.series - fresh.series) <= 0.2 * now.series
        assert now in (before, fresh)
        assert shown(now, fresh) == now
        before = now


def test_new_rules_are_shown_at_once() -> None:
    old = estimate(Group(objective())).cost()
    new = old.model_copy(update={"rules": old.rules + 1})
    assert shown(old, new) == new


class Counts:
    """A server that says how much it reads, or does not; an exception is raised."""

    def __init__(self, *answers: int | Exception | None) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def samples_read(self, expression: str) -> int | None:
        self.asked.append(expression)
        await asyncio.sleep(0)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _readings(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> tuple[Readings, Callable[[float], None]]:
    """Readings of that server, and how to let time pass."""
    now = [0.0]
    monkeypatch.setattr("ninefold.reliability.servicelevelobjective.cost.measured._now", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return Readings(counts), later  # type: ignore[arg-type]


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_measurement_is_made_beside_the_work_once_a_revision_and_then_hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        counts = Counts(40, 80, 120)
        readings, later = _readings(counts, monkeypatch)
        compiled, plain = group(), estimate(group()).cost().samples
        assert readings.cost(compiled, 1) is None, "nobody waits for it"
        await _settle()
        for elapsed, raw in ((0, 40), (3599, 40), (2, 40), (0, 80)):
            later(elapsed)
            cost = readings.cost(compiled, 1)
            await _settle()
            assert cost is not None
            assert cost.samples == plain + raw
        assert len(counts.asked) == 2
        assert "http_requests_total" in counts.asked[0]
        changed = group(indicator={"ratio": {"bad": "b", "total": "t"}})
        assert readings.cost(changed, 1) is None, "another revision is measured anew"
        await _settle()
        assert counts.asked[2] == " or ".join(
            f"count(sum(rate({name}[{length}])))" for length in ("5m", "2m") for name in ("t", "b")
        )

    asyncio.run(scenario())


def test_a_server_that_fails_is_asked_again_and_one_without_statistics_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        counts = Counts(Unreachable("gone"), None)
        readings, later = _readings(counts, monkeypatch)
        for _ in range(2):
            assert readings.cost(group(), 1) is None
            await _settle()
        assert len(counts.asked) == 1
        later(61)
        assert readings.cost(group(), 1) is None
        await _settle()
        for name in ("checkout", "other"):
            assert readings.cost(group(name), 1) == estimate(group(name)).cost()
            await _settle()
        assert len(counts.asked) == 2

    asyncio.run(scenario())


def test_prometheus_says_what_an_expression_reads(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    pods = 7

    def raw() -> Iterator[str]:
        for pod in range(pods):
            yield from samples("x", f'pod="{pod}"', map(float, range(60)), MINUTE)

    load(raw(), tmp_path / "data")
    url = serve(tmp_path / "data")

    async def scenario() -> int | None:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await prometheus.samples_read(f"count(sum(rate(x[5m] @ {END})))")

    assert asyncio.run(scenario()) == pods * 5
