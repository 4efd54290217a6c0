"""Every query of every dashboard, answered by a real Prometheus that evaluates the rules of real objectives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.builders.dashboard import dashboard
from tests.integrations.server import SELF, PrometheusServer
from tests.observability.dashboard.boards import Asked, board, compiled, objectives, panels, queries, slo
from tests.processes import wait_for
from tests.web import plain

from devcluster.waiting import patient
from ninefold.kube.api import Key
from ninefold.observability.dashboard.objective import uid
from ninefold.reliability.servicelevelobjective.compiler import Group

TOTAL = f'prometheus_http_requests_total{{job="{SELF}"}}'
"""The requests that Prometheus itself answers: it scrapes itself, and we ask it questions."""
NEVER = f'prometheus_tsdb_wal_corruptions_total{{job="{SELF}"}}'
"""A counter that stays at 0."""

RECORDED = [
    slo("healthy", indicator={"ratio": {"bad": "nothing", "total": TOTAL}}),
    slo("burning", window="1h", indicator={"ratio": {"bad": TOTAL, "total": TOTAL}}),
    slo("idle", window="1h", indicator={"ratio": {"bad": "nothing", "total": NEVER}}),
    slo("lost", window="1h", indicator={"ratio": {"bad": "nothing", "total": "nothing"}}),
]
"""Objectives whose series the generated rules record."""

COMPOSITE = {"mode": "Serial", "components": [{"objective": "healthy"}, {"objective": "burning"}]}
STOOD_IN = [
    slo("whole", indicator={"composite": COMPOSITE}, groupBy=["region"], agreement={"objective": "99.5"}),
    slo("vanished"),
]
"""Objectives whose series this test records: those that docs/series.md promises for what these specs ask for."""

UNLOADED = [slo("unloaded")]
"""What Prometheus has not been told of yet."""

ALL = [*RECORDED, *STOOD_IN, *UNLOADED]


def _series(record: str, value: float, /, **labels: str) -> dict[str, Any]:
    return {"record": record, "expr": f"vector({value})", "labels": labels}


def _stand_in() -> dict[str, Any]:
    whole, vanished = {"slo_id": "shop/whole"}, {"slo_id": "shop/vanished"}
    described = {"service": "checkout", "namespace": "shop", "window": "30d", "objective": "0.999"}
    regions = [("eu", -0.2), ("us", 0.6)]
    rules = [
        _series("slo:info", 1, **whole, **described, name="whole"),
        _series("slo:objective:ratio", 0.999, **whole),
        _series("slo:blame:ratio", 0.7, **whole, component="shop/burning"),
        _series("slo:blame:ratio", 0.3, **whole, component="shop/healthy"),
        _series("slo:agreement:error_ratio", 0.004, **whole),
        _series("slo:correction:active", 1, **whole),
        _series("slo:info", 1, **vanished, **described, name="vanished"),
        _series("slo:coverage:ratio", 0.4, **vanished),
        _series("ninefold_gate_decision", 1, namespace="shop", gate="checkout", decision="Hold"),
        _series("ninefold_gate_decision", 0, namespace="shop", gate="checkout", decision="Allow"),
    ]
    for region, left in regions:
        group = {**whole, "region": region}
        rules += [
            _series("slo:error_budget_left:ratio", left, **group),
            _series("slo:error_ratio:window", 0.001 * (1 - left), **group),
            _series("slo:coverage:ratio", 1, **group),
            _series("slo:events:rate5m", 20, **group),
            _series("slo:errors:rate5m", 0.1, **group),
            _series("slo:indicator_excess:ratio", 0.1, **group),
            *(_series(f"slo:burn_rate:{window}", 1.5, **group) for window in ("5m", "1h", "6h")),
        ]
    rules.append(_series("slo:time_to_exhaustion:seconds", 7200, **whole, region="us"))
    return {"name": "stand-in", "rules": rules}


class Grafana:
    """Asks Prometheus what Grafana would ask."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, asked: Asked) -> list[dict[str, Any]]:
        now = time.time()
        form: dict[str, Any] = {"query": asked.expr, "time": now}
        if asked.ranged:
            form = {"query": asked.expr, "start": now - 60, "end": now, "step": 1}
        path = "query_range" if asked.ranged else "query"
        answer = plain.post(f"{self.url}/api/v1/{path}", data=form, timeout=patient(5))
        assert answer.status_code == 200, (asked, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def measured(self) -> set[str]:
        """The objectives whose events the generated rules record, with a burn rate as far as they have traffic."""
        measured = "slo:events:rate5m == 0 or slo:events:rate5m and on (slo_id) slo:burn_rate:1h"
        found = self.ask(Asked("", "", "", measured, ranged=False))
        names = {result["metric"]["slo_id"].partition("/")[2] for result in found}
        return names & {Key.of(each).name for each in RECORDED}

    def empty(self, found: dict[str, Any], **chosen: str) -> set[tuple[str, str]]:
        """The panels and queries that say "no data"; fails for one that Prometheus does not understand."""
        return {
            (f"{asked.row.partition(':')[0]}/{asked.panel}", asked.query)
            for asked in queries(found, **chosen)
            if not self.ask(asked)
        }

    def values(self, found: dict[str, Any], panel: str) -> dict[str, float]:
        """The present values of a panel by legend; of a table without labels by column."""
        return {
            asked.query: float(result["value"][1])
            for asked in queries(found)
            if asked.panel == panel and not asked.ranged
            for result in self.ask(asked)
        }


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    """Before a Prometheus in which every series exists that the dashboards of `ALL` ask for."""
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        server.load(*(Group(one).as_dict() for one in compiled(RECORDED)), _stand_in())
        grafana = Grafana(server.url)
        wait_for(
            "alerts, burn rates and rule metrics",
            lambda: not NEEDED & grafana.empty(board(dashboard(fleet={}), *objectives(*ALL))),
            60,
        )
        # Each group is evaluated at a time of its own, and what stands in for others is there first.
        wait_for("the events of each objective", lambda: grafana.measured() == {"healthy", "burning", "idle"}, 60)
        yield grafana


NEEDED = {
    ("/Firing alerts", "Since"),
    ("/Objectives", "Burn 6h"),
    ("annotations/Tickets", ""),
    ("Cost of the rules/Failed evaluations", "__auto"),
}
"""What takes longest to appear; the first evaluations have no rate yet."""


def test_a_fleet_has_an_answer_to_every_question(grafana: Grafana) -> None:
    assert grafana.empty(board(dashboard(fleet={}), *objectives(*ALL))) == set()


def test_a_fleet_counts_right(grafana: Grafana) -> None:
    fleet = board(dashboard(fleet={}), *objectives(*ALL))
    assert grafana.values(fleet, "Evaluated objectives") == {"__auto": 6}
    assert grafana.values(fleet, "Overspent") == {"__auto": 2}, "burning, and one region of the whole"
    assert grafana.values(fleet, "Below 25 %") == {"__auto": 0}
    assert grafana.values(fleet, "Firing pages") == {"__auto": 1}
    assert grafana.values(fleet, "Data") == {"Healthy": 3, "Idle": 1, "Broken": 1, "Unknown": 1}
    assert grafana.values(fleet, "Failed evaluations") == {"__auto": 0}


def test_the_worst_come_first(grafana: Grafana) -> None:
    fleet = board(dashboard(fleet={}), *objectives(*ALL))
    (asked,) = [asked for asked in queries(fleet) if asked.panel == "The worst ten"]
    assert [result["metric"]["slo_id"] for result in grafana.ask(asked)] == [
        "shop/burning",
        "shop/whole",
        "shop/healthy",
    ]


def test_a_row_of_a_fleet_leads_to_the_dashboard_of_its_service(grafana: Grafana) -> None:
    links = {"checkout": uid(Key("shop", "checkout")), "search": "elsewhere"}
    fleet = board(dashboard("shop", fleet={}), *objectives(*ALL), links=links)
    (info,) = [asked for asked in queries(fleet) if (asked.panel, asked.query) == ("Objectives", "Rules")]
    labels = [result["metric"] for result in grafana.ask(info)]
    assert {label["dashboard"] for label in labels} == {links["checkout"]}
    assert {label["name"] for label in labels} == {"healthy", "burning", "idle", "lost", "whole", "vanished"}


def test_states_of_data_have_the_words_of_the_status(grafana: Grafana) -> None:
    fleet = board(dashboard("shop", fleet={}), *objectives(*ALL))
    for title, expected in (
        ("Objectives without data", {"lost": "Unknown", "vanished": "Broken"}),
        ("Objectives", {"healthy": "Healthy", "burning": "Healthy", "whole": "Healthy", "idle": "Idle"}),
    ):
        (panel,) = [panel for panel in panels(fleet) if panel["title"] == title]
        (words,) = [
            look["value"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            for look in override["properties"]
            if look["id"] == "mappings"
            for look["value"] in look["value"]
        ]
        (asked,) = [asked for asked in queries(fleet) if (asked.panel, asked.query) == (title, "Data")]
        found = {
            result["metric"].get("name") or result["metric"]["slo_id"].partition("/")[2]: words[result["value"][1]]
            for result in grafana.ask(asked)
        }
        assert {name: word["text"] for name, word in found.items()}.items() >= expected.items()


def test_a_fleet_of_a_few_asks_for_those_alone(grafana: Grafana) -> None:
    few = dashboard(fleet={}, objectives={"names": ["healthy", "idle"]})
    fleet = board(few, *objectives(RECORDED[0], RECORDED[2]))
    assert grafana.values(fleet, "Evaluated objectives") == {"__auto": 2}
    (slowest,) = [asked for asked in queries(fleet) if asked.panel == "The most expensive ten"]
    assert {result["metric"]["slo_id"] for result in grafana.ask(slowest)} == {"shop/healthy", "shop/idle"}


ROW = {
    "healthy": {("Budget gone in", "__auto"), ("Coverage, and errors beyond all events", "bad beyond all")},
    "burning": {("Budget gone in", "__auto"), ("Coverage, and errors beyond all events", "bad beyond all")},
    "idle": {
        ("Budget left", "__auto"),
        ("Budget left over time", "budget left"),
        ("Errors in the window", "__auto"),
        ("Error ratio against the objective", "5 minutes"),
        ("Error ratio against the objective", "window"),
        ("Burn rate, 1 h", "__auto"),
        ("Burn rates by window", "{{window}}"),
        ("Budget gone in", "__auto"),
        ("Coverage, and errors beyond all events", "bad beyond all"),
    },
    "whole": set[tuple[str, str]](),
}
"""What has no data where series are absent for a reason: nothing to predict, no traffic, no fault of the indicator."""


def test_a_service_has_an_answer_where_there_are_series(grafana: Grafana) -> None:
    service = board(dashboard(service="checkout"), *objectives(*ALL))
    empty = grafana.empty(service)
    assert {where for where, _ in empty if where.startswith(("/", "annotations/"))} == set()
    for name, expected in ROW.items():
        found = {(where.removeprefix(f"{name}/"), query) for where, query in empty if where.startswith(f"{name}/")}
        assert found == expected, name
    unloaded = {query for where, query in empty if where.startswith("unloaded/")}
    assert "__auto" in unloaded


def test_of_many_objectives_the_chosen_one_answers_as_in_a_row_of_its_own(grafana: Grafana) -> None:
    others = [slo(f"other-{number}") for number in range(20)]
    service = board(dashboard(service="checkout"), *objectives(*ALL, *others))
    for name, expected in ROW.items():
        found = {
            (where.partition("/")[2], query)
            for where, query in grafana.empty(service, objective=f"shop/{name}")
            if where.startswith("$objective/")
        }
        more = {
            ("Blame by component", "{{component}}"),
            ("Agreement with customers", "window of the agreement"),
            ("Agreement with customers", "allowed by 99.5 %"),
            ("Groups", "Gone in"),
            *(("Groups", query) for query in ("Budget left", "Burn 1h") if name == "idle"),
            *((("Budget left by group", "__auto"),) if name == "idle" else ()),
        }
        lines = {(panel, query) for panel, query in found if panel == "Burn rates by window" and " above " in query}
        assert found - lines == expected | (more if name != "whole" else set()), name
        assert lines, "the tiers of objectives with another window are not drawn"


def test_the_thresholds_drawn_are_those_of_the_alerts(grafana: Grafana) -> None:
    service = board(dashboard(service="checkout"), *objectives(*ALL))
    drawn = {
        asked.query: float(grafana.ask(asked)[0]["values"][0][1])
        for asked in queries(service)
        if asked.row.startswith("healthy") and " above " in asked.query
    }
    assert drawn == {
        "page above 14.4x in 1h and 5m": 14.4,
        "page above 6x in 6h and 30m": 6,
        "ticket above 3x in 1d and 2h": 3,
        "ticket above 1x in 3d and 6h": 1,
    }


def test_groups_have_a_row_each_and_the_worst_speaks_for_all(grafana: Grafana) -> None:
    service = board(dashboard(service="checkout"), *objectives(*ALL))
    inside = [asked for asked in queries(service) if asked.row.startswith("whole")]
    (left,) = [asked for asked in inside if (asked.panel, asked.query) == ("Groups", "Budget left")]
    assert {result["metric"]["region"]: result["value"][1] for result in grafana.ask(left)} == {
        "eu": "-0.2",
        "us": "0.6",
    }
    (worst,) = [asked for asked in inside if asked.panel == "Budget left"]
    assert [result["value"][1] for result in grafana.ask(worst)] == ["-0.2"]


def test_a_dashboard_without_objectives_matches_no_series(grafana: Grafana) -> None:
    nothing = board(dashboard(service="nobody"))
    assert {asked.panel for asked in queries(nothing) if grafana.ask(asked)} == {"Closed gates"}
