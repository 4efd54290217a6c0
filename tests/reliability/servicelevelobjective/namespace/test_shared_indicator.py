"""Objectives with one indicator: one of them reads the raw series, the others what it records."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import BAD, TOTAL, manifest, objective
from tests.integrations.server import SELF, PrometheusServer
from tests.processes import wait_for
from tests.reliability.servicelevelobjective.history import END, load, samples
from tests.reliability.servicelevelobjective.promtool import Promtool, firing, near
from tests.reliability.servicelevelobjective.test_rules import outage
from tests.web import plain

from devcluster.waiting import patient
from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.api import Key
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.cost.estimate import estimate
from ninefold.reliability.servicelevelobjective.feedback.acceptance import Verdicts
from ninefold.reliability.servicelevelobjective.namespace.neighbours import Neighbours
from ninefold.reliability.servicelevelobjective.namespace.shared_indicator import compilers, number, read_from, recorded
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

API = ServiceLevelObjective.api
A = Key("shop", "a")
SAME = {"ratio": {"bad": BAD.replace(",", " ,  "), "total": TOTAL}}
OTHERS: list[dict[str, Any]] = [
    {"indicator": {"ratio": {"bad": BAD, "total": "other_total"}}},
    {"indicator": {"ratio": {"good": BAD, "total": TOTAL}}},
    {"groupBy": ["region"]},
    {"timeSlices": {"target": "95"}},
]


def target(name: str = "checkout", **spec: Any) -> Target:
    return Target.of(objective(name, **spec))


def groups(*slos: ServiceLevelObjective) -> dict[str, Group]:
    """As `ninefold render --share-indicators` compiles them."""
    made = compilers(slos)
    return {slo.metadata.name: Group(slo, base=made[slo.key]) for slo in slos}


def test_what_compiles_to_the_same_is_the_same() -> None:
    plain = number(target("a"))
    assert plain == number(target("b", objective="99", window="7d", indicator=SAME, service="other"))
    assert len({plain, *(number(target(**spec)) for spec in OTHERS)}) == 1 + len(OTHERS)
    composite = {"composite": {"mode": "Serial", "components": [{"objective": "a"}, {"objective": "b"}]}}
    assert number(target(indicator=composite)) is None


def test_the_smallest_name_reads_the_raw_series_and_the_others_read_it() -> None:
    made = groups(*(objective(name) for name in "cab"), objective("alone", **OTHERS[0]))
    assert {name: group.reads for name, group in made.items()} == {"a": "", "b": "a", "c": "a", "alone": ""}
    raw = {name for name, group in made.items() for rule in group.rules if TOTAL[:19] in rule["expr"]}
    assert raw == {"a", "alone"}
    assert made["b"].user_expressions == ()


@given(st.permutations("abcd"), st.sampled_from("abcd"))
def test_the_order_of_the_files_does_not_matter_and_nobody_reads_from_one_who_reads(order: list[str], off: str) -> None:
    slos = [objective(name, **({"suspend": True} if name == off else {})) for name in order]
    slos.append(objective("aa", indicator={"ratio": {"bad": "(", "total": TOTAL}}))
    made = {slo.metadata.name: Group(slo, base=compilers(slos)[slo.key]) for slo in slos[:-1]}
    leader = min(set(order) - {off})
    assert {name: group.reads for name, group in made.items()} == {
        name: "" if name in (leader, off) else leader for name in order
    }


@pytest.mark.parametrize("spec", [{}, {"groupBy": ["code"]}, {"timeSlices": {"target": "95", "length": "4m"}}])
def test_the_figures_are_those_of_an_objective_on_its_own(promtool: Promtool, spec: dict[str, Any]) -> None:
    alone = Group(objective("z-alone", window="1d", **spec))
    shared = groups(*(objective(name, window="1d", **spec) for name in "ab"))
    loaded = [shared["a"].as_dict(), shared["b"].as_dict(), alone.as_dict()]
    promtool.check(*loaded)
    equal = [
        (minute, f'count({name}{{slo_id="shop/b"}} == ignoring (slo_id) {name}{{slo_id="shop/z-alone"}}) > bool 0')
        for minute in ("60m", "125m", "139m", "160m")
        for name in ("slo:events:rate5m", "slo:errors:rate5m", "slo:error_budget_left:ratio", "slo:burn_rate:1h")
    ]
    fires = [] if spec else [("139m", f'count({firing()} and on () slo:info{{slo_id="shop/b"}}) > bool 3')]
    # promtool evaluates groups in any order; within one the leader comes first.
    ordered = {"name": "ordered", "rules": [rule for each in loaded for rule in each["rules"]]}
    promtool.test([ordered], outage(120, 20, 60), holds=[*equal, *fires])


def test_what_an_edited_leader_records_is_never_taken_for_the_old(promtool: Promtool) -> None:
    """Its rules are loaded, those of the follower not yet: nothing is recorded for the follower."""
    follower = groups(objective("a", window="1d"), objective("b", window="1d"))["b"]
    edited = Group(objective("a", window="1d", indicator={"ratio": {"bad": TOTAL, "total": TOTAL}}), base=recorded)
    promtool.test(
        [edited.as_dict(), follower.as_dict()],
        outage(60, 10, 60),
        holds=[("60m", near('slo:burn_rate:5m{slo_id="shop/a"}', 1000))],
        absent=[("60m", '{__name__=~"slo:e.*",slo_id="shop/b"}'), ("60m", 'ALERTS{slo_id="shop/b"}')],
    )


class Operator:
    """What the operator knows: the store, and the revisions that Prometheus evaluates."""

    def __init__(self) -> None:
        self.store = Store()
        self.neighbours = Neighbours(share=True)
        self.loaded: dict[str, str] = {}
        self.reachable = True
        self._version = 0

    def put(self, name: str, generation: int = 1, **spec: Any) -> set[str]:
        """Take in a version of an objective; the names of those that are to be looked at."""
        old = self.store.get(API, Key("shop", name))
        return self._put(name, generation, spec, dict(old.get("status", {})) if old else {})

    def _put(self, name: str, generation: int, spec: dict[str, Any], status: dict[str, Any]) -> set[str]:
        self._version += 1
        made = manifest(name, **spec)
        made["metadata"] |= {"uid": name, "resourceVersion": str(self._version), "generation": generation}
        made["status"] = status
        before = self.store.get(API, Key("shop", name))
        self.store.put(API, made)
        return {key.name for key in self.neighbours.concerned(before, made, self.store)}

    def remove(self, name: str) -> set[str]:
        made = self.store.get(API, Key("shop", name))
        assert made is not None
        self.store.remove(API, made)
        self.loaded.pop(f"shop/{name}", None)
        return {key.name for key in self.neighbours.concerned(made, None, self.store)}

    def look(self, name: str) -> Group:
        """Compile an objective, load its rules, and write its status."""
        made = self.store.get(API, Key("shop", name))
        assert made is not None
        slo = ServiceLevelObjective.parse(made, strict=False)
        by_id = {slo_id: Measurement(revision=revision) for slo_id, revision in self.loaded.items()}
        group = self.neighbours.compiled(
            slo, self.store, Snapshot(reachable=self.reachable, by_id=by_id), lambda _: NONE
        )
        self.loaded[slo.slo_id] = group.revision
        rules = {"object": "ConfigMap/x", "revision": group.revision, "loaded": True}
        status = {"rules": {**rules, **({"reads": group.reads} if group.reads else {})}}
        self.woken = self._put(name, made["metadata"]["generation"], made["spec"], status)
        return group

    def settle(self) -> dict[str, str]:
        """Look until nothing changes: whom each one reads."""
        while True:
            before = dict(self.loaded)
            reads = {key.name: self.look(key.name).reads for key in self.store.keys(API)}
            if self.loaded == before:
                return reads

    def stall(self, name: str) -> set[str]:
        made = self.store.get(API, Key("shop", name))
        assert made is not None
        condition = {"type": "Stalled", "status": "True", "reason": "X", "message": "m"}
        status = {**made["status"], "conditions": [{**condition, "lastTransitionTime": "2026-03-01T00:00:00Z"}]}
        return self._put(name, made["metadata"]["generation"], made["spec"], status)


def three() -> Operator:
    started = Operator()
    for name in "abc":
        started.put(name)
    return started


def test_nobody_reads_what_is_not_recorded_yet() -> None:
    started = three()
    assert [started.look(name).reads for name in "cba"] == ["", "", ""]
    assert started.woken == {"b", "c"}, "they are told once it is"
    assert started.settle() == {"a": "", "b": "a", "c": "a"}
    started.put("0")
    assert started.look("c").reads == "a", "a newcomer with a smaller name changes nothing before it is evaluated"
    assert started.settle() == {"0": "", "a": "0", "b": "0", "c": "0"}


def test_when_the_leader_goes_each_reads_for_itself_until_the_next_one_records() -> None:
    started = three()
    started.settle()
    assert started.remove("a") == {"b", "c"}
    assert (started.look("c").reads, started.look("b").reads) == ("", "")
    assert started.settle() == {"b": "", "c": "b"}


@pytest.mark.parametrize("how", ["suspended", "stalled", "edited", "broken"])
def test_nobody_follows_a_leader_that_is_not_in_order_or_of_another_mind(how: str) -> None:
    started = three()
    started.settle()
    broken = {"ratio": {"bad": "(", "total": TOTAL}}
    woken = {
        "suspended": lambda: started.put("a", 2, suspend=True),
        "stalled": lambda: started.stall("a"),
        "edited": lambda: started.put("a", 2, **OTHERS[0]),
        "broken": lambda: started.put("a", 2, indicator=broken),
    }[how]()
    assert woken == {"b", "c"}
    assert started.look("b").reads == ""
    assert started.look("c").reads in ("", "b")


def test_an_edit_of_the_leader_that_leaves_its_indicator_leaves_the_others_alone() -> None:
    started = three()
    started.settle()
    before = dict(started.loaded)
    started.put("a", 2, objective="99")
    assert [started.look(name).reads for name in "abc"] == ["", "a", "a"]
    assert {name for name in before if before[name] != started.loaded[name]} == {"shop/a"}


def test_while_prometheus_is_away_all_stays() -> None:
    started = three()
    started.settle()
    started.reachable = False
    assert [started.look(name).reads for name in "abc"] == ["", "a", "a"]


def test_an_indicator_without_expressions_of_its_own_is_not_refused(tmp_path: Path) -> None:
    """One that reads another objective, and a composite."""
    composite = {"composite": {"mode": "Serial", "components": [{"objective": "a"}, {"objective": "b"}]}}

    async def scenario(url: str) -> None:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            verdicts = Verdicts(prometheus)
            for compiled in (Group(objective(indicator=composite)), Group(objective("b"), base=read_from(A))):
                assert await verdicts.of(compiled) == ""

    with PrometheusServer(tmp_path) as server:
        asyncio.run(scenario(server.url))


INTERVAL = 2


@pytest.mark.slow
def test_a_follower_repeats_its_leader_and_takes_over_without_a_gap(tmp_path: Path) -> None:
    """With rules that a real Prometheus evaluates: the leader is deleted, and the follower reads for itself."""
    indicator = {"ratio": {"bad": 'nothing{code="5"}', "total": f'prometheus_http_requests_total{{job="{SELF}"}}'}}
    slos = [objective(name, window="1h", indicator=indicator) for name in "ab"]
    shared = groups(*slos)

    def loaded(*compiled: Group) -> list[dict[str, Any]]:
        return [{**one.as_dict(), "interval": f"{INTERVAL}s"} for one in compiled]

    with PrometheusServer(tmp_path) as server:

        def recorded_for(name: str) -> list[tuple[float, str]]:
            query = f'slo:events:rate5m{{slo_id="shop/{name}"}}[10m]'
            answer = plain.get(f"{server.url}/api/v1/query", params={"query": query}, timeout=patient(5)).json()
            return [(at, value) for row in answer["data"]["result"] for at, value in row["values"]]

        server.load(*loaded(*shared.values()))
        wait_for("a dozen evaluations", lambda: len(recorded_for("b")) >= 12, 90)
        leaders, followers = recorded_for("a"), recorded_for("b")
        for at, value in followers:
            last = [theirs for theirs in leaders if theirs[0] <= at][-1]
            assert value == last[1], "what was recorded last, unchanged"
            assert at - last[0] <= INTERVAL + 1, "no older than an evaluation"

        server.load(*loaded(Group(slos[1], base=recorded)))
        changed = time.time()
        wait_for("evaluations afterwards", lambda: sum(at > changed for at, _ in recorded_for("b")) >= 5, 60)
        times = [at for at, _ in recorded_for("b")]
        missing = [round((late - early) / INTERVAL) - 1 for early, late in itertools.pairwise(times)]
        assert sum(missing) <= 1, f"at worst one evaluation is missing: {times}"


def _histogram(pods: int) -> Iterator[str]:
    """20 series a pod, a sample every 15 s for as long as a rate needs."""
    for pod in range(pods):
        labels = f'job="checkout",pod="p{pod}"'
        values = [float(value) for value in range(24)]
        for le in range(18):
            yield from samples("latency_seconds_bucket", f'{labels},le="{le}"', values, 15)
        for name in ("count", "sum"):
            yield from samples(f"latency_seconds_{name}", labels, values, 15)


@pytest.mark.parametrize(
    ("indicator", "raw"),
    [
        ({"latency": {"histogram": 'latency_seconds{job="checkout"}', "threshold": "1s"}}, 100 * 2 * (20 + 8)),
        ({"ratio": {"good": 'latency_seconds_bucket{le="1"}', "total": "latency_seconds_bucket"}}, 100 * 19 * (20 + 8)),
    ],
)
def test_ten_objectives_over_one_histogram_read_it_once(
    indicator: dict[str, Any], raw: int, tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    load(_histogram(pods=100), tmp_path / "data")
    url = serve(tmp_path / "data")
    slos = [objective(f"o{number}", indicator=indicator, objective=f"99.{number}") for number in range(10)]

    def read(compiled: dict[str, Group]) -> int:
        """The samples of an evaluation of all: those of raw series as Prometheus counts them, and of recordings."""
        total = 0
        for one in compiled.values():
            total += estimate(one).cost().samples
            for written in one.user_expressions:
                form = {"query": written, "time": str(END), "stats": "all"}
                answer = plain.post(f"{url}/api/v1/query", data=form, timeout=patient(5)).raise_for_status().json()
                total += answer["data"]["stats"]["samples"]["totalQueryableSamples"]
        return total

    apart, together = read({slo.metadata.name: Group(slo) for slo in slos}), read(groups(*slos))
    print(f"ten objectives read {apart} samples apart, {together} together")
    extra = 9 * 4 * 2 + 9 * 2
    assert abs((apart - together) - 9 * raw) <= extra


def test_the_number_is_one_that_prometheus_keeps() -> None:
    for spec in ({}, *OTHERS):
        found = number(target(**spec))
        assert found is not None
        assert float(found) == found < 2**53
