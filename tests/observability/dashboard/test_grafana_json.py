"""The JSON is what Grafana demands, and the same for the same objectives. Grafana itself is not here: see boards.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as Model
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.dashboard import dashboard
from tests.observability.dashboard.boards import (
    board,
    choices,
    names,
    objectives,
    observed,
    panels,
    queries,
    rows,
    slo,
    values,
)
from tests.processes import ROOT

from ninefold.observability.dashboard.board import ROWS
from ninefold.observability.dashboard.delivery import LARGEST
from ninefold.observability.dashboard.objective import chosen
from ninefold.observability.dashboard.plan import render
from ninefold.observability.dashboard.resource import Dashboard

register_default_plugins()

COMPOSITE = {"composite": {"mode": "Parallel", "components": [{"objective": "a"}, {"objective": "b"}]}}
FULL: dict[str, Any] = {"groupBy": ["region", "zone"], "agreement": {"objective": "99.5"}, "indicator": COMPOSITE}
RICH = [slo("plain", description='It "works" for $everyone: 100 %, {ü}'), slo("full", **FULL), slo("x.y.z")]
MANY = [slo(name, **(FULL if place % 5 == 0 else {})) for place, name in enumerate(names(40))]

BOARDS = {
    "service": board(dashboard(service="checkout"), *objectives(*RICH)),
    "service-of-one": board(dashboard(service="checkout"), *objectives(slo("one"))),
    "service-of-none": board(dashboard(service="checkout")),
    "service-of-many": board(dashboard(service="checkout"), *objectives(*MANY)),
    "fleet": board(dashboard("shop", fleet={}), *objectives(*RICH), links={"checkout": "there", "a.b": "elsewhere"}),
    "fleet-of-few": board(dashboard(fleet={}, objectives={"names": ["full"]}), *objectives(RICH[1])),
    "fixed-datasource": board(dashboard(service="checkout", datasource="Thanos"), *objectives(*RICH)),
}

every = pytest.mark.parametrize("found", BOARDS.values(), ids=BOARDS)

UNITS = {"percentunit", "s", "reqps", "short", "none", "suffix:x", "dateTimeFromNow"}
COLOURS = {"red", "orange", "green", "blue", "purple", "text"}


@every
def test_it_names_its_schema_and_its_address(found: dict[str, Any]) -> None:
    assert found["schemaVersion"] == 41
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,40}", found["uid"])
    assert found["title"]
    assert "id" not in found, "Grafana numbers dashboards itself"
    assert not found["editable"]


@every
def test_ids_are_unique(found: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in [*found["panels"], *panels(found)]]
    open_ones = sum(panel["type"] != "row" for panel in found["panels"])
    assert len(set(ids)) == len(ids) - open_ones, "open panels were listed twice"
    assert all(0 < number < 1 << 31 for number in ids)
    for _, inside in rows(found):
        titles = [panel["title"] for panel in inside]
        assert len(set(titles)) == len(titles), "an id is made from a title"


@every
def test_nothing_overlaps_and_every_line_is_full(found: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in [*(row for row in found["panels"] if row["type"] == "row"), *panels(found)]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert cells
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    lines = {y for _, y in taken}
    assert len(taken) == 24 * len(lines)
    assert lines == set(range(len(lines))), "no gap between lines"


@every
def test_each_panel_speaks_for_itself(found: dict[str, Any]) -> None:
    for panel in panels(found):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["description"].rstrip("`")[-1] in ".%:" or "Runbook: " in panel["description"], panel["title"]
        assert len(panel["description"]) > 40, panel["title"]
        assert defaults["noValue"], panel["title"]
        assert defaults["unit"] in UNITS
        assert panel["datasource"]["type"] == "prometheus"
        assert panel["datasource"]["uid"]
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
        assert all(target["legendFormat"] for target in panel["targets"])


@every
def test_single_numbers_are_of_now(found: dict[str, Any]) -> None:
    """A range would show the last value there was, however old, as the present one."""
    for panel in panels(found):
        ranged = panel["type"] in ("timeseries", "state-timeline")
        assert all(bool(target["range"]) is ranged for target in panel["targets"]), panel["title"]


@every
def test_colours_have_bounds_that_rise(found: dict[str, Any]) -> None:
    for panel in panels(found):
        for steps in _thresholds(panel):
            bounds = [step["value"] for step in steps]
            assert bounds[0] is None
            assert bounds[1:] == sorted(set(bounds[1:])), panel["title"]
            assert {step["color"] for step in steps} <= COLOURS


@every
def test_a_table_styles_columns_that_it_has(found: dict[str, Any]) -> None:
    for panel in panels(found):
        if panel["type"] == "table":
            styled = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
            assert styled <= _columns(panel), panel["title"]
            assert panel["options"]["sortBy"][0]["displayName"] in _columns(panel)


def _thresholds(panel: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    if "thresholds" in panel["fieldConfig"]["defaults"]:
        yield panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    for override in panel["fieldConfig"]["overrides"]:
        yield from (one["value"]["steps"] for one in override["properties"] if one["id"] == "thresholds")


def _columns(panel: Mapping[str, Any]) -> set[str]:
    """What an override may name: a column of figures, the heading of a label, a label."""
    renamed = next(t["options"]["renameByName"] for t in panel["transformations"] if t["id"] == "organize")
    return set(renamed.values()) | {"slo_id", "dashboard", "objective", "window"}


@every
def test_the_sdk_reads_it_and_writes_the_same(found: dict[str, Any]) -> None:
    again = json.loads(json.dumps(Model.from_json(found), cls=JSONEncoder))
    known = json.loads(json.dumps(found))
    for annotation in known["annotations"]["list"]:
        # Of Grafana's Prometheus plugin; the SDK has no model of it.
        words = [annotation.pop(name) for name in ("titleFormat", "textFormat", "tagKeys")]
        assert words[0]
        assert words[2]
    assert again == known


@every
def test_every_query_parses_and_every_variable_exists(found: dict[str, Any]) -> None:
    for asked in queries(found):
        promql_parser.parse(asked.expr)
        assert "$" not in asked.expr.replace('"$1"', "")
        assert 'slo_id=~""' not in asked.expr
        assert 'slo_id=""' not in asked.expr
    for name in re.findall(r"\$\{(\w+)", json.dumps(found)):
        assert name in {*values(found), "__data", "__url_time_range"}


@every
def test_backslashes_stay_out_of_variables(found: dict[str, Any]) -> None:
    for value in values(found).values():
        assert not set(value) & set("\\\"'")


def test_names_with_dots_are_meant_literally() -> None:
    ids = values(BOARDS["service"])["ids"]
    assert ids == "shop/plain|shop/full|shop/x[.]y[.]z"
    assert re.fullmatch(ids, "shop/x.y.z")
    assert not re.fullmatch(ids, "shop/xay.z")


def test_people_choose_a_data_source_unless_it_is_fixed() -> None:
    free, fixed = BOARDS["service"], BOARDS["fixed-datasource"]
    assert [v["query"] for v in free["templating"]["list"] if v["type"] == "datasource"] == ["prometheus"]
    assert {panel["datasource"]["uid"] for panel in panels(free)} == {"${datasource}"}
    assert not [v for v in fixed["templating"]["list"] if v["type"] == "datasource"]
    used = [*panels(fixed), *fixed["annotations"]["list"]]
    assert {one["datasource"]["uid"] for one in used} == {"Thanos"}


def test_a_row_shows_what_its_objective_has() -> None:
    titles = {row.partition(":")[0]: {panel["title"] for panel in inside} for row, inside in rows(BOARDS["service"])}
    extra = {"Groups", "Budget left by group", "Blame by component", "Agreement with customers"}
    assert titles["full"] - titles["plain"] == extra
    assert not titles["plain"] & extra


def test_the_first_row_is_open_and_the_others_ask_nothing_yet() -> None:
    found = [panel for panel in BOARDS["service"]["panels"] if panel["type"] == "row"]
    assert [row["collapsed"] for row in found] == [False, True, True]
    assert [bool(row["panels"]) for row in found] == [False, True, True]


def test_colours_mean_what_the_objective_says() -> None:
    tiers = [
        {"burnRate": "10", "long": "1h", "short": "5m", "severity": "Page"},
        {"burnRate": "1", "long": "1d", "short": "2h", "severity": "Ticket"},
    ]
    own = slo("own", objective="99.5", alerting={"tiers": tiers}, agreement={"objective": "99"})
    found = board(dashboard(service="checkout"), *objectives(own))
    steps = {
        panel["title"]: [(s["value"], s["color"]) for s in next(_thresholds(panel), [])] for panel in panels(found)
    }
    assert steps["Budget left"] == [(None, "red"), (0, "orange"), (0.25, "green")]
    assert steps["Budget left over time"] == steps["Budget left"]
    assert steps["Burn rate, 1 h"] == [(None, "green"), (1, "orange"), (10, "red")], "red where a page comes"
    assert steps["Errors in the window"] == [(None, "green"), (0.005, "red")]
    assert steps["Budget gone in"] == [(None, "red"), (86_400, "orange"), (259_200, "green")]
    lines = {asked.query: asked.expr for asked in queries(found) if asked.expr.startswith("vector(")}
    assert lines == {
        "page above 10x in 1h and 5m": "vector(10)",
        "ticket above 1x in 1d and 2h": "vector(1)",
        "allowed by 99 %": "vector(0.01)",
    }
    silent = board(dashboard(service="checkout"), *objectives(slo("own", alerting={"disabled": True})))
    (burn,) = [panel for panel in panels(silent) if panel["title"] == "Burn rate, 1 h"]
    assert [step["value"] for step in next(_thresholds(burn))] == [None, 1, 6]


def test_ids_that_would_meet_move_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.observability.dashboard.layout._IDS", 32)
    found = board(dashboard(service="checkout"), *objectives(slo("one")))
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids) > 12
    assert all(0 < number < 32 for number in ids)


@given(st.text("abc-", min_size=1, max_size=63), st.text("abc", min_size=1, max_size=63))
def test_tags_fit_into_grafanas_database(namespace: str, service: str) -> None:
    wanted = Dashboard.parse({"metadata": {"name": "x", "namespace": namespace}, "spec": {"service": service}})
    fleet = Dashboard.parse({"metadata": {"name": "y", "namespace": namespace}, "spec": {"fleet": {}}})
    found, overview = board(wanted), board(fleet)
    assert all(len(tag) <= 50 for tag in found["tags"])
    assert len(found["title"]) <= 189
    assert set(overview["links"][0]["tags"]) <= set(found["tags"]), "each leads to the other"
    assert set(found["links"][0]["tags"]) <= set(overview["tags"])
    other = Dashboard.parse({"metadata": {"name": "y", "namespace": f"{namespace}x"[-63:]}, "spec": {"fleet": {}}})
    if other.key != fleet.key:
        assert not set(found["links"][0]["tags"]) <= set(board(other)["tags"])


def test_of_too_many_objectives_one_is_chosen() -> None:
    few, many = (
        board(dashboard(service="checkout"), *objectives(*(slo(name) for name in names(count))))
        for count in (ROWS, ROWS + 1)
    )
    assert [title.partition(":")[0] for title, _ in rows(few)] == ["", *names(ROWS)]
    assert [title for title, _ in rows(many)] == ["", "$objective"]
    assert choices(many, "objective") == {name: f"shop/{name}" for name in names(ROWS + 1)}
    (table,) = [panel for panel in panels(many) if panel["title"] == "Objectives"]
    (link,) = [
        look["value"][0]["url"]
        for override in table["fieldConfig"]["overrides"]
        for look in override["properties"]
        if look["id"] == "links"
    ]
    assert link.startswith(f"/d/{many['uid']}?var-objective=${{__data.fields.slo_id}}&")


def _large(number: int) -> dict[str, Any]:
    """An objective with a long name, every feature, and alerts that it shares with no other."""
    tiers = [
        {"burnRate": f"{tier}.{number:03}", "long": "1h", "short": "5m", "severity": "Page"} for tier in range(1, 9)
    ]
    return slo(f"{'n' * 200}-{number:03}", **FULL, description="d" * 1024, alerting={"tiers": tiers})


@pytest.mark.parametrize(
    ("spec", "count", "most"),
    [({"service": "checkout"}, ROWS, 200), ({"service": "checkout"}, 500, 40), ({"fleet": {}}, 500, 40)],
)
def test_five_hundred_objectives_fit(spec: dict[str, Any], count: int, most: int) -> None:
    shown = objectives(*map(_large, range(count)))
    made = render(dashboard(**spec), observed(*shown, links={f"service-{n}": f"uid-{n}" for n in range(200)}))
    (text,) = made["data"].values()
    print(f"{count} objectives: {len(text.encode())} bytes")
    assert len(text.encode()) < 0.6 * LARGEST
    assert sum(1 for _ in panels(json.loads(text))) < most


@given(st.sets(st.sampled_from(names(10)), min_size=1), st.sampled_from(names(10)))
def test_a_new_neighbour_changes_no_id_and_no_panel(present: set[str], new: str) -> None:
    def by_id(shown: set[str]) -> dict[int, Any]:
        found = board(dashboard(service="checkout"), *objectives(*(slo(name) for name in sorted(shown))))
        return {panel["id"]: {**panel, "gridPos": None} for panel in panels(found)}

    before, after = by_id(present), by_id(present | {new})
    assert {number: after[number] for number in before} == before


@given(st.permutations(names(5)), st.sampled_from([{"service": "checkout"}, {"fleet": {}}]))
def test_the_same_objectives_are_the_same_text(order: list[str], spec: dict[str, Any]) -> None:
    wanted = dashboard(**spec)
    texts = [
        render(wanted, observed(*objectives(*map(dict, chosen(wanted, [slo(name) for name in listed])))))
        for listed in (order, sorted(order))
    ]
    assert texts[0] == texts[1]


def test_another_process_writes_the_same_text() -> None:
    """Nothing in it follows the order of a set."""
    program = (
        "from tests.observability.dashboard.test_grafana_json import BOARDS; import hashlib, json;"
        "print(hashlib.sha256(json.dumps(BOARDS).encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1
