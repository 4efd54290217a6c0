"""Figures that something else writes are believed by nobody: a real Prometheus evaluates our rules, scrapes a forger
and loads a forger's rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.builders.servicelevelobjective import objective
from tests.integrations.exporter import Exporter
from tests.integrations.server import SELF, PrometheusServer

from devcluster.waiting import patient
from ninefold.domain.measurements.contested import displaced, foreign_files, foreign_label
from ninefold.domain.measurements.measurement import Measurement
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.integrations.prometheus import Prometheus
from ninefold.integrations.prometheus_answers import LoadedRecording, Sample
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

SLO_ID = "shop/checkout"
LEFT = "slo:error_budget_left:ratio"


def slo(**spec: Any) -> ServiceLevelObjective:
    ratio = {"bad": "nothing", "total": f'prometheus_http_requests_total{{job="{SELF}"}}'}
    return objective(window="1h", indicator={"ratio": ratio}, **spec)


class Place:
    """A Prometheus with the rules of an objective, and a forger that it scrapes."""

    def __init__(self, server: PrometheusServer, forger: Exporter) -> None:
        self.server = server
        self.forger = forger

    def forge(self, *names: str, value: float = -5, labels: str = "") -> None:
        """The exporter says this of these series from its next scrape on."""
        self.forger.text = "".join(f'{name}{{slo_id="{SLO_ID}"{labels}}} {value}\n' for name in names)

    def polled(self, seen: Callable[[Measurement | None], object], polls: int = 1) -> list[Measurement | None]:
        """The figure of so many polls in a row of an operator that has just started, once one is as wanted."""
        return asyncio.run(self._polled(seen, polls))

    async def _polled(self, seen: Callable[[Measurement | None], object], polls: int) -> list[Measurement | None]:
        async with Prometheus(self.server.options) as prometheus:
            figures = MeasurementPoller(prometheus, interval=0.1)
            running = asyncio.create_task(figures.run())
            end = time.monotonic() + patient(30)
            while not seen(figures.snapshot.by_id.get(SLO_ID)):
                assert not running.done()
                assert time.monotonic() < end, figures.snapshot
                await asyncio.sleep(0.1)
            found = []
            for _ in range(polls):
                at = figures.snapshot.at
                while figures.snapshot.at == at:
                    await asyncio.sleep(0.02)
                found.append(figures.snapshot.by_id.get(SLO_ID))
            running.cancel()
            return found

    def moved(self, *moves: Callable[[], None], polls: int = 40) -> list[Measurement | None]:
        """The figures that one operator sees while the rules are moved, so many polls after each move."""
        return asyncio.run(self._moved(moves, polls))

    async def _moved(self, moves: Iterable[Callable[[], None]], polls: int) -> list[Measurement | None]:
        async with Prometheus(self.server.options) as prometheus:
            figures = MeasurementPoller(prometheus, interval=0.1)
            running = asyncio.create_task(figures.run())
            await _until(running, lambda: measured(figures.snapshot.by_id.get(SLO_ID)))
            found = []
            for move in moves:
                move()
                for _ in range(polls):
                    await _until(running, partial(_is_later, figures, figures.snapshot.at))
                    found.append(figures.snapshot.by_id.get(SLO_ID))
            running.cancel()
            return found


def _is_later(figures: MeasurementPoller, at: datetime | None) -> bool:
    """Whether there was a poll since."""
    return figures.snapshot.at != at


async def _until(running: asyncio.Task[None], check: Callable[[], bool]) -> None:
    end = time.monotonic() + patient(30)
    while not check():
        assert not running.done()
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


@contextmanager
def place(tmp_path: Path, intervals: dict[str, str] | None = None, **scrape: Any) -> Iterator[Place]:
    with ExitStack() as stack:
        forger = stack.enter_context(Exporter())
        # Without it one of two samples is refused that do not come in the order of their times.
        storage = {"tsdb": {"out_of_order_time_window": "10m"}}
        scrapes = [forger.job("forger", **scrape)]
        more: dict[str, Any] = {"global": intervals} if intervals else {}
        server = stack.enter_context(PrometheusServer(tmp_path, scrape_configs=scrapes, storage=storage, **more))
        server.load(Group(slo()).as_dict())
        yield Place(server, forger)


def measured(figure: Measurement | None) -> bool:
    return figure is not None and figure.data == "Healthy" and figure.budget_left is not None and "1h" in figure.burn


def contested(figure: Measurement | None) -> str:
    return figure.contested if figure is not None else ""


def test_a_scraped_series_is_told_by_its_labels(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.polled(measured)
        there.forge(LEFT)
        (figure,) = there.polled(contested)
        assert figure is not None
        assert figure == Measurement(contested=figure.contested, revision=figure.revision), "no figure of it is left"
        assert figure.data == "Contested"
        assert f'{LEFT} has the label instance="127.0.0.1' in figure.contested
        there.forge()
        there.polled(measured)


def test_a_series_with_exactly_our_labels_is_told_by_its_times(tmp_path: Path) -> None:
    """With honorLabels an exporter may say that it has no job and no instance: its samples are put among ours."""
    with place(tmp_path, honor_labels=True, scrape_interval="300ms", scrape_timeout="300ms") as there:
        assert all(measured(figure) for figure in there.polled(measured, polls=20)), "alone our rules are believed"
        for names in ([LEFT], ["slo:errors:rate5m"], ["slo:burn_rate:5m"]):
            there.forge(*names, labels=',job="",instance=""')
            found = there.polled(contested, polls=20)
            assert all(figure is not None and figure.budget_left in (None, 1.0) for figure in found)
            assert any(f"{names[0]} has samples between the evaluations" in contested(figure) for figure in found)
            there.forge()
            there.polled(measured)


def test_one_that_forges_everything_is_told_too(tmp_path: Path) -> None:
    """Then all times agree with each other; there are more of them than the rules can have made."""
    with place(tmp_path, honor_labels=True) as there:
        group = Group(slo())
        there.polled(measured)
        lines = []
        for rule in group.rules:
            if "record" in rule:
                labels = {**rule["labels"], "job": "", "instance": ""}
                written = ",".join(f'{name}="{value}"' for name, value in labels.items())
                lines.append(f"{rule['record']}{{{written}}} -5\n")
        there.forger.text = "".join(lines)
        there.polled(contested)
        found = there.polled(contested, polls=40)
        assert all(contested(figure) for figure in found)
        assert "has samples between the evaluations" in contested(found[0])


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        ("other", "is also recorded by the group other of"),
        (f"ninefold/{SLO_ID}", "the rules are loaded from several files"),
        (f"ninefold/{SLO_ID}/7", "the rules are loaded from several files"),
    ],
)
def test_a_rule_of_somebody_else_is_told_by_its_file(tmp_path: Path, group: str, sentence: str) -> None:
    with place(tmp_path) as there:
        there.polled(measured)
        # The objective has no such figure, so there is nothing that a sample could stand beside.
        rule = {"record": LEFT, "expr": "vector(-5) and on () vector(0) > 1", "labels": {"slo_id": SLO_ID}}
        there.server.load({"name": group, "rules": [rule]}, file="other")
        (figure,) = there.polled(contested)
        assert sentence in contested(figure)
        assert "other.yaml" in contested(figure)


def test_new_rules_in_the_place_of_ours_are_believed(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        there.polled(measured)
        changed = Group(slo(objective="95"))
        there.server.load(changed.as_dict())
        there.polled(lambda figure: figure is not None and figure.revision == changed.revision and measured(figure))
        halves = [{"name": f"ninefold/{SLO_ID}", "rules": changed.rules[:9]}]
        halves += [{"name": f"ninefold/{SLO_ID}/2", "rules": changed.rules[9:]}]
        there.server.load(*halves)
        # What is evaluated in two groups has two times.
        assert not any(contested(figure) for figure in there.polled(measured, polls=20))


def test_rules_that_move_are_held_by_the_last_figures(tmp_path: Path) -> None:
    """Another file, another interval, another group: each makes samples between the evaluations of before."""
    whole = Group(slo()).as_dict()
    halves = [{**whole, "rules": whole["rules"][:9]}]
    halves += [{"name": f"{whole['name']}/2", "rules": whole["rules"][9:]}]
    with place(tmp_path, intervals={"scrape_interval": "500ms", "evaluation_interval": "500ms"}) as there:
        found = there.moved(
            lambda: there.server.move("rules", "moved"),
            lambda: there.server.load({**whole, "interval": "700ms"}, file="moved"),
        )
        assert [figure for figure in found if contested(figure) or not measured(figure)] == []
        # A rule that leaves a group leaves a gap until the other group is evaluated.
        found = there.moved(
            lambda: there.server.load(*halves, file="moved"), lambda: there.server.load(whole, file="moved")
        )
        assert [contested(figure) for figure in found if contested(figure)] == []
        # Once they have settled, somebody else is seen as before.
        there.forge("slo:info", labels=',job="",instance=""')
        assert contested(there.polled(contested)[0])


def sample(series: str, /, **labels: str) -> Sample:
    return Sample({"__name__": series, "slo_id": SLO_ID, **labels}, 1.0, 0.0)


@pytest.mark.parametrize(
    ("samples", "cause"),
    [
        ([sample(LEFT)], ""),
        ([sample("slo:info", service="a", namespace="shop", name="checkout", revision="x"), sample(LEFT)], ""),
        ([sample("slo:info", group_by="region,tier"), sample(LEFT, region="eu"), sample(LEFT, tier="a")], ""),
        ([sample("slo:blame:ratio", component="shop/a"), sample("slo:errors:rate1h", period="202611")], ""),
        ([sample(LEFT, cluster="prod-1")], "with --cluster-label cluster=..."),
        ([sample(LEFT), sample(LEFT, region="eu")], 'the label region="eu"'),
        ([sample(LEFT, component="a")], 'the label component="a"'),
        ([sample(LEFT, namespace="shop")], "excludedFromEnforcement"),
        ([sample(LEFT, exported_job="a")], 'the label exported_job="a"'),
        ([sample("slo:info"), sample("slo:info", group_by="job"), sample(LEFT, job="a")], "two groupings"),
    ],
)
def test_labels(samples: list[Sample], cause: str) -> None:
    found = foreign_label(samples)
    assert (cause in found) if cause else found == ""


def test_files() -> None:
    def recording(group: str, file: str, name: str = LEFT, **labels: str) -> LoadedRecording:
        return LoadedRecording(name, labels, group, file, 15)

    ours = [
        recording("ninefold/shop/a", "a.yaml", slo_id="shop/a"),
        recording("ninefold/shop/a/2", "a.yaml", slo_id="shop/a"),
    ]
    assert foreign_files(ours) == {}
    assert foreign_files([recording("sloth", "b", "slo:objective:ratio", slo_id="shop/a"), recording("x", "y")]) == {}
    assert list(foreign_files([*ours, recording("ninefold/shop/a", "b.yaml", slo_id="shop/a")])) == ["shop/a"]
    assert list(foreign_files([*ours, recording("ninefold/shop/ab", "a.yaml", slo_id="shop/a")])) == ["shop/a"]
    late = replace(ours[0], error="duplicate sample for timestamp")
    assert "another writer writes it" in displaced([late])["shop/a"]
    assert displaced([replace(ours[0], error="many-to-many matching not allowed")]) == {}
