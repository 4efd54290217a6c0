"""`ninefold status`: the tables, and the sentences below them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninefold.cli.shared.table import age, as_dict, as_text, number_of
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)


def _object(name: str, spec: dict[str, Any], status: dict[str, Any], ready: str = "True") -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "Because", "message": f"Ready is {ready}."}
    return {
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": "2026-11-11T18:00:00Z"},
        "spec": spec,
        "status": {**status, "conditions": [condition] if ready else []},
    }


WELL = _object(
    "well",
    {"objective": "99.9"},
    {"data": "Healthy", "current": "99.94", "budget": {"left": "38.2 %"}, "burn": {"1h": "0.6x"}},
)
NEW = _object("new", {"objective": "99.9"}, {}, ready="")
STALLED = _object("stalled", {"objective": "5"}, {"data": "Unknown"}, ready="False")
CLOSED = _object(
    "closed", {}, {"decision": "Hold", "because": "ErrorBudgetPolicy a: Exhausted", "message": "It is spent."}
)
EMPTY = _object("empty", {"mode": "Audit"}, {"decision": "Allow", "workloads": 0})
EMPTY["status"]["conditions"] += [
    {"type": "Stalled", "status": "False", "reason": "Decided", "message": "Nothing stands in the way."},
    {"type": "WorkloadsFound", "status": "False", "reason": "NoWorkloads", "message": "The gate holds nothing."},
]
REFUSED = _object("refused", {}, {"decision": "Allow"})
REFUSED["status"]["conditions"] += [
    {"type": "WriteRefused", "status": "True", "reason": "Refused", "message": "The API server refuses a write."},
]
UNMATCHED = _object("unmatched", {"objective": "99.9"}, {"data": "Unknown"})
UNMATCHED["status"]["conditions"] += [
    {"type": "SeriesFound", "status": "False", "reason": "NothingMatches", "message": "There is no metric x."},
]
FOUND = {ServiceLevelObjective: [WELL, STALLED, NEW], ReleaseGate: [CLOSED, EMPTY]}


def test_one_table_a_kind_and_a_sentence_for_what_is_not_well() -> None:
    assert as_text(FOUND, NOW, namespaces=False, colour=False).splitlines() == [
        "SERVICELEVELOBJECTIVE   OBJECTIVE   CURRENT   BUDGET LEFT   BURN 1H   DATA      READY     AGE",
        "new                     99.9        -         -             -         -         Unknown   12d",
        "stalled                 5           -         -             -         Unknown   False     12d",
        "well                    99.9        99.94     38.2 %        0.6x      Healthy   True      12d",
        "  new: the operator has not reconciled it yet: is it running?",
        "  stalled: Ready is False.",
        "",
        "RELEASEGATE   DECISION   MODE      BECAUSE                          UNTIL   WORKLOADS   READY   AGE",
        "closed        Hold       Enforce   ErrorBudgetPolicy a: Exhausted   -       -           True    12d",
        "empty         Allow      Audit     -                                -       0           True    12d",
        "  closed: It is spent.",
        "  empty: The gate holds nothing.",
    ]


def test_what_is_wrong_is_said_and_nothing_that_says_no_more() -> None:
    found = {ServiceLevelObjective: [UNMATCHED], ReleaseGate: [REFUSED]}
    lines = as_text(found, NOW, namespaces=False, colour=False).splitlines()
    assert [line for line in lines if line.startswith("  ")] == [
        "  unmatched: There is no metric x.",
        "  refused: The API server refuses a write.",
    ]


def test_what_is_exempt_says_until_when() -> None:
    until = "Exempt until 2026-11-24T06:00:00Z (moving the database); otherwise Hold, because of a: It is spent"
    moving = _object("moving", {}, {"state": "Exempt", "reason": until})
    assert (
        as_text({ErrorBudgetPolicy: [moving]}, NOW, namespaces=False, colour=False).splitlines()[-1]
        == f"  moving: {until}"
    )


def test_namespaces_are_a_column_of_their_own() -> None:
    text = as_text({ReleaseGate: [CLOSED]}, NOW, namespaces=True, colour=False)
    assert text.splitlines()[1].startswith("shop        closed        Hold")
    assert text.splitlines()[2] == "  shop/closed: It is spent."


def test_colours_change_no_width() -> None:
    plain, painted = (as_text(FOUND, NOW, namespaces=False, colour=colour) for colour in (False, True))
    assert "\033" not in plain
    assert "\033[32mHealthy\033[0m" in painted
    for code in ("\033[0m", "\033[31m", "\033[32m", "\033[33m"):
        painted = painted.replace(code, "")
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


def test_json_has_ready_beside_the_whole_status() -> None:
    objects = as_dict(FOUND)["objects"]
    assert [(one["name"], one["ready"]) for one in objects] == [
        ("new", "Unknown"),
        ("stalled", "False"),
        ("well", "True"),
        ("closed", "True"),
        ("empty", "True"),
    ]
    assert objects[2]["status"]["budget"] == {"left": "38.2 %"}
    assert objects[2]["figures"] == {"objective": 99.9, "current": 99.94, "budgetLeft": 38.2, "burn1h": 0.6}
    assert [one["figures"] for one in objects[3:]] == [{}, {"workloads": 0}]


@pytest.mark.parametrize(
    ("shown", "number"),
    [("38.2 %", 38.2), ("-4.0 %", -4.0), ("0.6x", 0.6), ("22x over 1h", 22.0), ("0.91", 0.91), (3, 3), ("100 %", 100.0)]
    + [(text, None) for text in ("Unknown", "", "3d", "99999d", "nan %", "1,5 %", None, True)],
)
def test_figures_are_numbers_for_programs(shown: object, number: float | None) -> None:
    assert number_of(shown) == number


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0s"), (45, "45s"), (119, "119s"), (300, "5m"), (10_800, "3h"), (864_000, "10d")]
)
def test_ages(seconds: int, shown: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == shown
