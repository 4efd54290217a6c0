"""Whether the selectors of an indicator match any series: what a real Prometheus has, and what is said of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.builders.servicelevelobjective import objective
from tests.integrations.server import SELF, PrometheusServer
from tests.processes import wait_for
from tests.reliability.servicelevelobjective.test_loop import operator, run

from ninefold.integrations.prometheus import Prometheus
from ninefold.kube.model import Condition
from ninefold.kube.plan import Verdict
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.feedback.matching import MetricNames, unmatched
from ninefold.reliability.servicelevelobjective.feedback.metric_types import mistaken
from ninefold.reliability.servicelevelobjective.feedback.series_search import of_components
from ninefold.reliability.servicelevelobjective.feedback.unmatched import SERIES, near, verdict
from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.recording.selectors import selectors
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

REQUESTS = f'prometheus_http_requests_total{{job="{SELF}"}}'
# No such answer occurs: asked before it is ready, Prometheus counts a 503 of its own.
BAD = f'prometheus_http_requests_total{{job="{SELF}",code=~"41."}}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:

        def scraped() -> bool:
            return said(server, {"ratio": {"total": REQUESTS, "good": REQUESTS}}).status == "True"

        wait_for("the first scrape", scraped, 60)
        yield server


def said(server: PrometheusServer, indicator: dict[str, Any], **spec: Any) -> Verdict:
    async def asked() -> Verdict:
        async with Prometheus(server.options) as prometheus:
            now = datetime.now(UTC)
            slo = objective(indicator=indicator, **spec)
            return verdict(await unmatched(prometheus, MetricNames(prometheus), slo, now - timedelta(days=1), now))

    return asyncio.run(asked())


def ratio(total: str = REQUESTS, **part: str) -> dict[str, Any]:
    return {"ratio": {"total": total, **(part or {"bad": BAD})}}


@pytest.mark.parametrize(
    ("indicator", "sentence"),
    [
        (
            ratio(f'prometheus_http_request_total{{job="{SELF}"}}'),
            "spec.indicator.ratio.total: no series has the name prometheus_http_request_total "
            "(names like it: prometheus_http_requests_total",
        ),
        (
            # `status` for `code`: no series counts as no bad event, for ever.
            ratio(bad='prometheus_http_requests_total{status=~"2.."}'),
            "spec.indicator.ratio.bad: prometheus_http_requests_total has no label status (its labels: code, handler, "
            'instance, job): write code=~"2..", which matches',
        ),
        (
            ratio('prometheus_http_requests_total{job="selv"}'),
            'spec.indicator.ratio.total: no series of prometheus_http_requests_total has job="selv" (values: self)',
        ),
        (
            # It cannot be part of the total.
            ratio(bad='prometheus_http_requests_total{job="selv",code="500"}'),
            'spec.indicator.ratio.bad: no series of prometheus_http_requests_total has job="selv" (values: self)',
        ),
        (
            ratio(bad='prometheus_http_request_total{code="500"}'),
            "spec.indicator.ratio.bad: no series has the name prometheus_http_request_total",
        ),
        (
            ratio(good='prometheus_http_requests_total{code="299"}'),
            'spec.indicator.ratio.good: no series of prometheus_http_requests_total has code="299" (values: 200',
        ),
        (
            {"boolean": {"selector": 'up{job="other"}'}},
            'spec.indicator.boolean.selector: no series of up has job="other" (values: self)',
        ),
        (
            {"gauge": {"query": "time() - backup_last_success_timestamp_seconds", "badAbove": "90000"}},
            "spec.indicator.gauge.query: no series has the name backup_last_success_timestamp_seconds",
        ),
        (
            {"latency": {"histogram": "prometheus_http_request_duration_second", "threshold": "200ms"}},
            "spec.indicator.latency.histogram: no histogram has the name prometheus_http_request_duration_second "
            "(names like it: prometheus_http_request_duration_seconds",
        ),
        (
            {
                "latency": {
                    "histogram": "prometheus_http_request_duration_seconds",
                    "threshold": "200ms",
                    "buckets": "Native",
                }
            },
            "prometheus_http_request_duration_seconds is a classic histogram: write buckets: Classic",
        ),
        (
            {"errorRatio": {"query": 'sum(rate(nothing{a="b"}[$window])) / sum(rate(nothing[$window]))'}},
            "spec.indicator.errorRatio.query: no series has the name nothing",
        ),
        (
            {"errorRatio": {"query": "1 - avg(avg_over_time(up[$window]))", "traffic": "no_such_requests_total"}},
            "spec.indicator.errorRatio.traffic: no series has the name no_such_requests_total",
        ),
    ],
)
def test_a_selector_without_series_is_named_with_what_exists(
    server: PrometheusServer, indicator: dict[str, Any], sentence: str
) -> None:
    found = said(server, indicator)
    assert (found.status, found.reason) == ("False", "NothingMatches")
    assert found.message.startswith(sentence) or sentence in found.message


@pytest.mark.parametrize(
    "part",
    [
        BAD,
        'prometheus_http_requests_total{code="500"}',
        "sum(rate(prometheus_http_requests_total{code=~'41.'}[$window]))",
        "unheard_of_failures",
    ],
)
def test_bad_events_that_have_not_happened_yet_are_no_fault(server: PrometheusServer, part: str) -> None:
    found = said(server, ratio(bad=part))
    assert (found.status, found.reason) == ("Unknown", "NotSeenYet")
    assert found.message.endswith("this is correct as long as no such event has happened")


@pytest.mark.parametrize(
    "indicator",
    [
        ratio(bad='prometheus_http_requests_total{code="200"}'),
        # A label that may come with the first failure.
        ratio(bad='prometheus_http_requests_total{code="200",other=""}'),
        {"latency": {"histogram": "prometheus_http_request_duration_seconds", "threshold": "200ms"}},
        {"gauge": {"query": "time() - process_start_time_seconds offset 1m", "badAbove": "1"}},
        {"composite": {"mode": "Serial", "components": [{"objective": "a"}, {"objective": "b"}]}},
    ],
)
def test_selectors_that_match_are_found(server: PrometheusServer, indicator: dict[str, Any]) -> None:
    assert said(server, indicator).status == "True"


def test_values_that_are_excluded_of_a_label_that_does_not_exist(server: PrometheusServer) -> None:
    """Every series meets such a condition, so that all events are good, or all are bad."""
    for part in ("good", "bad"):
        found = said(server, ratio(**{part: 'prometheus_http_requests_total{status!~"2.."}'}))
        assert (found.status, found.reason) == ("False", "NothingMatches")
        assert "prometheus_http_requests_total has no label status (its labels: code, " in found.message
        assert 'write code!~"2..", which matches' in found.message
    left_out = 'prometheus_http_requests_total{path!="/healthz"}'
    assert said(server, ratio(left_out, good=left_out)).status == "True", "it makes no event good or bad"
    assert said(server, ratio(good='prometheus_http_requests_total{error!~".+"}')).status == "True", "not seen yet"


def test_a_bucket_that_does_not_exist_is_a_fault_also_among_bad_events(server: PrometheusServer) -> None:
    count, bucket = (f"prometheus_http_request_duration_seconds_{part}" for part in ("count", "bucket"))
    bad = f'sum(rate({count}[$window])) - sum(rate({bucket}{{le="2"}}[$window]))'
    found = said(server, ratio(count, bad=bad))
    assert (found.status, found.reason) == ("False", "NothingMatches")
    assert f'no series of {bucket} has le="2" (values: ' in found.message
    assert "as long as no such event" not in found.message


def test_a_label_of_groups_that_no_series_has(server: PrometheusServer) -> None:
    found = said(server, ratio(), groupBy=["code", "handlr"])
    assert (found.status, found.reason) == ("False", "NothingMatches")
    assert found.message.startswith("spec.groupBy: prometheus_http_requests_total has no label handlr (its labels: ")
    assert said(server, ratio(good=REQUESTS), groupBy=["code", "handler"]).status == "True"
    made = f'label_replace(sum by (code) (rate({REQUESTS}[$window])), "kind", "$1", "code", "(.).*")'
    assert said(server, ratio(made, good=made), groupBy=["kind"]).status == "True", "the query makes the label"


def test_good_events_that_are_taken_from_all_must_exist(server: PrometheusServer) -> None:
    """What is taken away with a wrong value takes nothing away, so that every event is bad."""
    every, good = (f"sum(rate(prometheus_http_requests_total{each}[$window]))" for each in ("", '{code="OK"}'))
    found = said(server, ratio(bad=f"{every} - {good}"))
    assert (found.status, found.reason) == ("False", "NothingMatches")
    assert 'no series of prometheus_http_requests_total has code="OK" (values: 200' in found.message
    seen = 'sum(rate(prometheus_http_requests_total{code="200"}[$window]))'
    found = said(server, ratio(bad=f"({every} - {seen}) - {good}"))
    assert found.reason == "NotSeenYet", "some kinds of good events may not have happened"


def test_one_of_several_selectors_is_enough_for_a_total(server: PrometheusServer) -> None:
    total = "sum(rate(prometheus_http_requests_total[$window])) or sum(rate(old_name_total[$window]))"
    assert said(server, ratio(total, bad='prometheus_http_requests_total{code="200"}')).status == "Unknown"


def _with_condition(slo: ServiceLevelObjective, found: Verdict) -> ServiceLevelObjective:
    condition = Condition(
        type=SERIES,
        status=found.status,
        reason=found.reason,
        message=found.message,
        observed_generation=slo.metadata.generation,
        last_transition_time=datetime.now(UTC),
    )
    return slo.model_copy(update={"status": slo.status.model_copy(update={"conditions": [condition]})})


def test_the_operator_says_it_and_asks_no_more_once_all_is_found(tmp_path: Path) -> None:
    async def scenario(server: PrometheusServer) -> None:
        async with operator(server.url) as started:
            asked = started.listen()
            slo = objective(window="1h", indicator=ratio(bad='prometheus_http_requests_total{status="500"}'))
            while not await started.prometheus.query(REQUESTS):
                await asyncio.sleep(0.2)
            server.load(Group(slo).as_dict())
            plan = await started.look_until(slo, lambda plan: SERIES in plan.conditions)
            assert plan.conditions[SERIES].status == "False"
            assert "has no label status" in plan.conditions[SERIES].message
            questions = asked.count("api/v1/series")
            for _ in range(10):
                assert (await started.look(slo)).conditions[SERIES] == plan.conditions[SERIES]
            assert asked.count("api/v1/series") == questions, "what is missing is not looked for at every look"

            well = objective(window="1h", indicator=ratio(bad='prometheus_http_requests_total{code="200"}'))
            server.load(Group(well).as_dict())
            edited = well.model_copy(update={"metadata": well.metadata.model_copy(update={"generation": 2})})
            plan = await started.look_until(
                edited, lambda plan: SERIES in plan.conditions and plan.conditions[SERIES].status == "True"
            )
            settled, questions = _with_condition(edited, plan.conditions[SERIES]), asked.count("api/v1/series")
            assert SERIES not in (await started.look(settled)).conditions, "a steady state writes nothing"
            await asyncio.sleep(0.2)
            assert asked.count("api/v1/series") == questions, "and asks nothing, a restart included"

    with PrometheusServer(tmp_path) as server:
        run(scenario(server))


def test_a_composite_says_what_its_components_say() -> None:
    found, missing = Verdict("True", "Matched", "x"), Verdict("False", "NothingMatches", "no series has the name y")
    early = Verdict("Unknown", "NotSeenYet", "z")
    assert of_components({"a": found, "b": None}) is None, "not known yet"
    assert of_components({"a": found, "b": found}) == verdict([])
    assert of_components({"a": early, "b": missing}) == Verdict(
        "False", "NothingMatches", "component b: no series has the name y"
    )
    assert of_components({"a": early, "b": found}) == Verdict("Unknown", "NotSeenYet", "component a: z")


def test_near_names_are_found_among_many_and_whatever_is_written() -> None:
    names = [f"service_{number}_requests_total" for number in range(20_000)] + ["http_requests_total"]
    assert near("htp_requests_total", names)[0] == "http_requests_total"
    assert near("", names) == []
    assert near("x" * 4096, names) == []
    assert near("http_requests", names)[0] == "http_requests_total"


def test_what_a_selector_selects_survives_its_printing() -> None:
    text = 'sum(rate({__name__="http.requests",path="/a\\"b\\\\d",code=~"41."}[$window] offset 5m))'
    total, bad = selectors(objective(indicator=ratio(text, bad='a{x="1"}')).spec.indicator)
    assert total.text == '{__name__="http.requests",path="/a\\"b\\\\d",code=~"41."}'
    assert total.of() == '{__name__="http.requests"}'
    assert (bad.text, bad.of(*bad.matchers)) == ('a{x="1"}', 'a{x="1"}')


@pytest.mark.parametrize(
    ("indicator", "sentence"),
    [
        (
            {"ratio": {"total": "go_goroutines", "bad": BAD}},
            "ratio.total: go_goroutines is of the type gauge, and a rate",
        ),
        (
            {"errorRatio": {"query": "sum(rate(go_goroutines[$window])) / sum(rate(up[$window]))"}},
            "errorRatio.query: go_goroutines is of the type gauge",
        ),
        (
            ratio("go_gc_duration_seconds"),
            "ratio.total: go_gc_duration_seconds holds the quantiles of a summary, and a rate of them counts nothing: "
            "write go_gc_duration_seconds_count",
        ),
        (
            {"boolean": {"selector": "prometheus_build_info"}},
            "boolean.selector: prometheus_build_info says something by its labels and is always 1",
        ),
        (
            {"boolean": {"selector": REQUESTS}},
            "boolean.selector: prometheus_http_requests_total is of the type counter, which does not go back to 0",
        ),
        ({"boolean": {"selector": "go_goroutines"}}, "boolean.selector: a series has the value "),
        ({"boolean": {"selector": "up"}}, ""),
        (ratio(), ""),
        (ratio("go_gc_duration_seconds_count"), ""),
        (ratio("prometheus_http_request_duration_seconds_count"), ""),
        ({"gauge": {"query": "go_goroutines", "badAbove": "90"}}, ""),
    ],
)
def test_what_is_no_counter_or_no_switch(server: PrometheusServer, indicator: dict[str, Any], sentence: str) -> None:
    async def asked() -> list[tuple[str, str]]:
        async with Prometheus(server.options) as prometheus:
            return await mistaken(prometheus, objective(indicator=indicator))

    found = "; ".join(f"{field}: {words}" for field, words in asyncio.run(asked()))
    assert found.startswith(f"spec.indicator.{sentence}") if sentence else found == ""


def test_a_cluster_that_no_series_is_of_is_named_as_such(server: PrometheusServer) -> None:
    """`names like it` had the very name: those of all clusters were offered."""

    async def asked(cluster: dict[str, str], name: str) -> str:
        async with Prometheus(replace(server.options, external_labels=cluster)) as prometheus:
            now = datetime.now(UTC)
            slo = objective(indicator=ratio(name))
            return verdict(
                await unmatched(prometheus, MetricNames(prometheus), slo, now - timedelta(days=1), now)
            ).message

    foreign = asyncio.run(asked({"cluster": "eu"}, REQUESTS))
    assert "no series at all has the labels of this cluster, cluster=eu: check --cluster-label" in foreign
    assert "names like it" not in foreign
    misspelt = asyncio.run(asked({"job": SELF}, "prometheus_http_request_total"))
    assert "(names like it: prometheus_http_requests_total" in misspelt


def test_names_that_are_not_plain_are_asked_for_in_quotes() -> None:
    dotted = '{"http.server.requests","http.status"="500"}'
    (one,) = {
        each for each in selectors(objective(indicator=ratio(dotted, bad=dotted)).spec.indicator) if each.role == "Bad"
    }
    assert (one.name, str(one.matchers[0])) == ("http.server.requests", '"http.status"="500"')
    for text in (one.text, one.of(*one.matchers)):
        promql.instant(text, "")
        assert '"http.status"="500"' in text


def test_each_selector_is_found_with_its_sign() -> None:
    found = promql.vector_selectors("quantile(scalar(x), y) - (z - sum(rate(w[$window])))", "spec")
    assert [(node.name, subtracted) for node, subtracted in found] == [
        ("x", False),
        ("y", False),
        ("z", True),
        ("w", False),
    ]
