"""Figures, rule health and the controller's look, with rules that a real Prometheus evaluates every second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.builders.servicelevelobjective import objective
from tests.integrations.server import SELF, PrometheusServer
from tests.integrations.test_prometheus import BROKEN
from tests.reliability.servicelevelobjective.history import END, load, samples

from devcluster.waiting import patient
from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.samples import read
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus, Unreachable
from ninefold.integrations.prometheus_answers import Sample
from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController
from ninefold.reliability.servicelevelobjective.feedback.acceptance import Verdicts
from ninefold.reliability.servicelevelobjective.feedback.detection import _measured
from ninefold.reliability.servicelevelobjective.output.manifests import OutputChoice
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

TOTAL = f'prometheus_http_requests_total{{job="{SELF}"}}'
"""The requests that Prometheus itself answers: real traffic, since it scrapes itself and we ask it questions."""


def slo(bad: str = 'nothing{code="500"}', total: str = TOTAL) -> ServiceLevelObjective:
    return objective(window="1h", indicator={"ratio": {"bad": bad, "total": total}})


class Operator:
    """The parts that look at Prometheus, as `ninefold run` puts them together."""

    def __init__(self, prometheus: Prometheus) -> None:
        self.prometheus = prometheus
        self.figures = MeasurementPoller(prometheus, interval=0.2)
        sources = PrometheusSources([PrometheusSource(prometheus, self.figures)])
        self.controller = ServiceLevelObjectiveController(sources, OutputChoice())

    def listen(self) -> list[str]:
        """The paths that Prometheus is asked for from now on."""
        asked: list[str] = []
        call = self.prometheus._call

        async def counted(method: str, path: str, form: Any) -> Any:
            asked.append(path)
            return await call(method, path, form)

        self.prometheus._call = counted  # type: ignore[method-assign] # a listener between the client and its server
        return asked

    async def look(self, resource: ServiceLevelObjective) -> Plan[Any]:
        now = datetime.now(UTC)
        observed = await self.controller.observe(resource, Store(), now)
        return self.controller.plan(resource, observed, now)

    async def look_until(self, resource: ServiceLevelObjective, seen: Callable[[Plan[Any]], bool]) -> Plan[Any]:
        began = time.monotonic()
        while not seen(plan := await self.look(resource)):
            assert time.monotonic() - began < patient(30), plan
            await asyncio.sleep(0.2)
        return plan


@asynccontextmanager
async def operator(url: str) -> AsyncIterator[Operator]:
    async with Prometheus(ConnectionOptions(url, timeout=patient(3))) as prometheus:
        started = Operator(prometheus)
        polling = asyncio.create_task(started.figures.run())
        yield started
        polling.cancel()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 120))


def test_from_rules_to_figures_to_status_and_back_to_unknown(tmp_path: Path) -> None:
    async def scenario(server: PrometheusServer) -> None:
        async with operator(server.url) as started:
            plan = await started.look_until(slo(), lambda plan: plan.ready.reason == "RulesNotLoaded")
            (child,) = plan.children
            assert child["kind"] == "ConfigMap", "a cluster without PrometheusRules gets plain rule files"

            server.load(Group(slo()).as_dict())
            plan = await started.look_until(slo(), lambda plan: plan.status.data == "Healthy")
            plan = await started.look_until(slo(), lambda plan: plan.status.rules.health == "Ok")
            assert (plan.ready.status, plan.ready.reason) == ("True", "RulesLoaded")
            assert (plan.status.current, plan.status.budget.left) == ("100.00", "100.0 %")
            figure = started.figures.snapshot.by_id["shop/checkout"]
            assert figure.budget_left == 1
            assert figure.burn["1h"] == 0
            assert figure.events_per_second is not None
            assert figure.coverage is not None

            changed = slo(bad=TOTAL)
            plan = await started.look(changed)
            assert plan.ready.reason == "RulesNotLoaded", "the old revision does not speak for the new one"
            server.load(Group(changed).as_dict())
            plan = await started.look_until(changed, lambda plan: plan.ready.status == "True")
            await started.look_until(changed, lambda plan: plan.status.budget and plan.status.budget.left[0] == "-")

            plan = await started.look_until(changed, lambda plan: plan.status.last_detection)
            detection = plan.status.last_detection
            assert detection.tier == "6x/5m"
            assert float(detection.detected_after.rstrip("s")) < 60
            assert float(detection.budget_spent.rstrip(" %")) > 50
            again = changed.model_copy(update={"status": plan.status})
            assert (await started.look(again)).status.last_detection == detection, "a firing is measured once"

            settled = changed.model_copy(update={"status": plan.status})
            before = (await started.look(settled)).status
            server.stop()
            moved = started.figures.changes()
            while started.figures.snapshot.reachable:
                await asyncio.sleep(0.1)
            assert (await started.look(settled)).status.rules == before.rules, "one failed poll says nothing"
            assert await anext(moved) == "shop/checkout", "readers are told that Prometheus is lost"
            figures = started.figures.snapshot
            assert figures.by_id, "the last figures stay, with their age"
            assert not figures.fresh(datetime.fromtimestamp(time.time() + 61, UTC))

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


def test_a_failing_rule_is_told_and_a_refused_expression_stalls(tmp_path: Path) -> None:
    async def scenario(server: PrometheusServer) -> None:
        compiled = Group(slo()).as_dict()
        server.load({**compiled, "rules": [*compiled["rules"], BROKEN]})
        async with operator(server.url) as started:
            while not any(group.error for group in (await started.prometheus.rules([compiled["name"]])).values()):
                await asyncio.sleep(0.2)
            plan = await started.look_until(slo(), lambda plan: plan.ready.reason == "RuleFailing")
            assert plan.status.data == "Broken"
            assert plan.ready.message.startswith("Prometheus cannot evaluate a rule: broken: ")

            # Known to the parser that we carry, unknown to this Prometheus.
            async def refuse(expression: str) -> None:
                await Prometheus.check(started.prometheus, expression.replace("nothing", "no thing"))

            started.prometheus.check = refuse  # type: ignore[method-assign]
            with pytest.raises(Stalled, match="Prometheus refuses it"):
                await started.look(slo(total="nothing"))

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


def test_a_threshold_is_compared_with_the_buckets_that_there_are(tmp_path: Path) -> None:
    def latency(threshold: str) -> ServiceLevelObjective:
        histogram = f'prometheus_http_request_duration_seconds{{job="{SELF}"}}'
        return objective(window="1h", indicator={"latency": {"histogram": histogram, "threshold": threshold}})

    async def scenario(server: PrometheusServer) -> None:
        async with operator(server.url) as started:
            while not await started.prometheus.query("prometheus_http_request_duration_seconds_bucket"):
                await asyncio.sleep(0.2)
            await started.look_until(latency("200ms"), lambda plan: plan.ready.reason == "RulesNotLoaded")
            with pytest.raises(Stalled) as refused:
                await started.look(latency("300ms"))
            assert refused.value.reason == "NoSuchBucket"
            assert "no bucket with the bound 300ms: write 200ms or 400ms, the nearest" in refused.value.message
            plan = await started.look(
                objective(window="1h", indicator={"latency": {"histogram": "not_yet", "threshold": "300ms"}})
            )
            assert plan.ready.reason == "RulesNotLoaded", "a service that is not there yet says nothing about buckets"

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


def test_many_looks_are_few_questions(tmp_path: Path) -> None:
    async def scenario(server: PrometheusServer) -> None:
        async with operator(server.url) as started:
            asked = started.listen()
            while not started.figures.snapshot.reachable:
                await asyncio.sleep(0.05)
            for _ in range(20):
                await asyncio.gather(*(started.look(slo()) for _ in range(10)))
            assert asked.count("api/v1/format_query") <= 10, "a verdict is remembered"
            # Two looks at what is loaded beside them.
            assert asked.count("api/v1/rules") <= 4, "health is asked for all at once, and not again at once"

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


def test_verdicts_on_many_groups_come_together_and_a_refusal_finds_its_group(tmp_path: Path) -> None:
    class Written:
        """Stands for a compiled group; the compiler would have refused the broken one."""

        revision = "1"

        def __init__(self, number: int, expression: str) -> None:
            self.name = f"g{number}"
            self.user_expressions = (expression,)

    async def scenario(server: PrometheusServer) -> None:
        async with Prometheus(server.options) as prometheus:
            asked = 0
            check = prometheus.check

            async def counted(expression: str) -> None:
                nonlocal asked
                asked += 1
                await check(expression)

            prometheus.check = counted  # type: ignore[method-assign]
            verdicts = Verdicts(prometheus)
            good: list[Any] = [Written(number, f"up{{number='{number}'}}") for number in range(100)]
            assert set(await asyncio.gather(*map(verdicts.of, good))) == {""}
            assert asked < 10
            composite: Any = Written(400, "")
            composite.user_expressions = ()
            assert await verdicts.of(composite) == "", "nothing to ask about"
            bad: list[Any] = [Written(200 + number, f"up{{number='{number}'}}") for number in range(9)]
            bad.append(Written(300, "no_such_function(up)"))
            words = await asyncio.gather(*map(verdicts.of, bad))
            assert words[:-1] == [""] * 9
            assert "unknown function" in words[-1]

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


class Answers:
    """A Prometheus that answers the poll from a list; an exception is raised."""

    def __init__(self, *answers: list[Sample] | Exception) -> None:
        self._answers = list(answers)

    async def query(self, expression: str) -> list[Sample]:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def sample(name: str, value: float, slo_id: str = "shop/a", **labels: str) -> Sample:
    return Sample({"__name__": name, "slo_id": slo_id, **labels}, value, 0.0)


def test_samples_become_figures_and_no_number_is_left_out() -> None:
    assert read(
        [
            sample("slo:burn_rate:1h", 2.0),
            sample("slo:burn_rate:6h", float("nan")),
            sample("slo:error_budget_left:ratio", float("inf")),
            sample("slo:events:rate5m", 0.0),
            sample("slo:info", 1.0, revision="abc", service="x"),
            sample("slo:coverage:ratio", 0.5, slo_id="shop/b"),
        ]
    ) == {
        "shop/a": Measurement(burn={"1h": 2.0}, events_per_second=0.0, revision="abc"),
        "shop/b": Measurement(coverage=0.5),
    }


def test_samples_of_groups_become_the_figures_of_each_and_the_worst_of_all() -> None:
    def of(region: str, left: float, **more: str) -> list[Sample]:
        return [
            sample("slo:error_budget_left:ratio", left, region=region),
            sample("slo:burn_rate:1h", 1 - left, region=region),
            sample("slo:events:rate5m", 2.0, region=region),
        ]

    info = sample("slo:info", 1.0, revision="abc", group_by="region")
    alert = sample("ALERTS", 1.0, region="us", burn_tier="14.4x/1h", alertstate="firing", slo_group="us")
    figure = read([*of("eu", 0.5), info, *of("us", -1.0), alert])["shop/a"]
    assert (figure.budget_left, figure.burn, figure.events_per_second, figure.revision) == (-1, {"1h": 2}, 4, "abc")
    assert figure.firing == {"14.4x/1h"}
    assert {name: group.budget_left for name, group in figure.groups.items()} == {"eu": 0.5, "us": -1.0}
    assert figure.groups["eu"].firing == frozenset()


def test_samples_from_before_there_were_groups_are_no_group() -> None:
    info = sample("slo:info", 1.0, revision="abc", group_by="region,zone")
    left = "slo:error_budget_left:ratio"
    figure = read([info, sample(left, -4.0), sample(left, -3.0, region="eu"), sample(left, 0.5, region="eu", zone="a")])
    assert set(figure["shop/a"].groups) == {"eu/a"}
    assert figure["shop/a"].budget_left == 0.5


def test_only_those_that_moved_are_told_and_all_when_prometheus_goes_or_comes() -> None:
    async def scenario() -> None:
        def poll(a: float, b: float) -> list[Sample]:
            return [sample("slo:burn_rate:1h", a), sample("slo:burn_rate:1h", b, slo_id="shop/b")]

        lost = Unreachable("gone")
        prometheus = Answers(poll(1, 1), poll(1.001, 2), lost, lost, poll(1, 2), poll(1, 2)[:1])
        figures = MeasurementPoller(prometheus)  # type: ignore[arg-type]
        told: set[str] = set()

        async def listen() -> None:
            async for slo_id in figures.changes():
                told.add(slo_id)

        listener = asyncio.create_task(listen())
        await asyncio.sleep(0)
        assert figures.snapshot == Snapshot()
        both = {"shop/a", "shop/b"}
        for expected in (both, {"shop/b"}, both, set[str](), both, {"shop/b"}):
            await figures.poll()
            await asyncio.sleep(0.01)
            assert told == expected
            told.clear()
        listener.cancel()

    run(scenario())


def test_a_late_reader_is_told_what_there_is() -> None:
    async def scenario() -> None:
        figures = MeasurementPoller(Answers([sample("slo:burn_rate:1h", 1.0)]))  # type: ignore[arg-type]
        await figures.poll()
        assert await anext(figures.changes()) == "shop/a"

    run(scenario())


def test_a_changed_figure_wakes_its_objective() -> None:
    async def scenario() -> None:
        prometheus: Any = Answers([sample("slo:burn_rate:1h", 1.0)])
        figures = MeasurementPoller(prometheus)
        controller = ServiceLevelObjectiveController(
            PrometheusSources([PrometheusSource(prometheus, figures)]), OutputChoice()
        )
        await figures.poll()
        assert await anext(controller.feed(Store())) == Key("shop", "a")

    run(scenario())


def test_a_detection_is_measured_to_some_seconds(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    """An outage that paged after 24 s, recorded every 5 s as where rules are evaluated so often."""
    slo = objective(window="1h")
    tier = Group(slo).tiers[0]
    ours, fired = 'slo_id="shop/checkout"', END - 600
    burn = [0.0 if at <= fired - 24 else 30.0 for at in range(END - 5400, END + 1, 5)]
    load([*samples("slo:burn_rate:5m", ours, burn, 5)], tmp_path / "data")

    async def scenario() -> None:
        async with Prometheus(ConnectionOptions(serve(tmp_path / "data"))) as prometheus:
            at = datetime.fromtimestamp(fired, UTC)
            measured = await _measured(prometheus, Target.of(slo), tier, {}, at, Measurement())
            assert measured is not None
            assert 19 <= float(measured.detected_after.rstrip("s")) <= 24, measured

    run(scenario())
