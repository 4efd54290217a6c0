"""`ninefold releases`: what people and programs are shown."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.builders.release import DAY, MINUTE, NOW

from ninefold.cli.releases.command import as_dict, as_text
from ninefold.kube.fields import rfc3339


def record(sequence: int, began: timedelta, **status: Any) -> dict[str, Any]:
    start = NOW + began
    ready = {"type": "Ready", "status": "True", "reason": status["outcome"], "message": ""}
    times = {"start": rfc3339(start), "end": rfc3339(start + 4 * MINUTE), "took": "4m"}
    return {
        "metadata": {
            "namespace": "shop",
            "name": f"checkout-{sequence}-{sequence:010}",
            "creationTimestamp": rfc3339(start),
        },
        "spec": {
            "workload": {"kind": "Deployment", "name": "checkout"},
            "sequence": sequence,
            "service": "checkout",
            "team": "shop",
            **({"change": {"commitTime": rfc3339(start - DAY)}} if sequence == 2 else {}),
            **({"rollsBackTo": "checkout-1-0000000001"} if sequence == 3 else {}),
        },
        "status": {
            "revision": str(sequence + 16),
            "spent": "0.00 %",
            "suspicion": "0.00",
            "conditions": [ready],
            **times,
            **status,
        },
    }


RECORDS = [
    record(1, -10 * DAY, outcome="Succeeded"),
    record(2, -3 * DAY, outcome="RolledBack", spent="11.25 %", suspicion="0.83"),
    record(3, -3 * DAY + 20 * MINUTE, outcome="Succeeded"),
]


def test_the_newest_come_first_and_the_figures_below() -> None:
    assert as_text(RECORDS, NOW, limit=20, namespaces=False).splitlines() == [
        "RELEASE                 WORKLOAD   REVISION   OUTCOME      STARTED   TOOK   SPENT     SUSPICION   READY   AGE",
        "checkout-3-0000000003   checkout   19         Succeeded    2d        4m     0.00 %    0.00        True    2d",
        "checkout-2-0000000002   checkout   18         RolledBack   3d        4m     11.25 %   0.83        True    3d",
        "checkout-1-0000000001   checkout   17         Succeeded    10d       4m     0.00 %    0.00        True    10d",
        "",
        "SERVICE    TEAM   SINCE   DEPLOYMENTS   A DAY   LEAD TIME   FAILED   RESTORED IN   REWORK",
        "checkout   shop   10d     2             0.2     24h (1)     50%      24m (1)       33%",
    ]


def test_a_limit_cuts_the_list_and_bends_no_figure() -> None:
    text = as_text(RECORDS, NOW, limit=1, namespaces=True).splitlines()
    assert len(text) == 5
    assert text[1].startswith("shop        checkout-3-")
    assert text[-1].startswith("shop        checkout   shop   10d     2 ")


def test_colours_change_no_word() -> None:
    plain, painted = (as_text(RECORDS, NOW, limit=20, namespaces=False, colour=colour) for colour in (False, True))
    assert "\033[31mRolledBack\033[0m" in painted
    for code in ("\033[0m", "\033[31m", "\033[32m"):
        painted = painted.replace(code, "")
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


def test_machines_get_numbers_and_null() -> None:
    result = json.loads(json.dumps(as_dict([RECORDS[0]], NOW)))
    assert [one["name"] for one in result["releases"]] == ["checkout-1-0000000001"]
    assert result["dora"] == [
        {
            "namespace": "shop",
            "service": "checkout",
            "team": "shop",
            "since": "2026-02-19T12:00:00Z",
            "deployments": 1,
            "deployments_per_day": 0.1,
            "lead_time": None,
            "lead_times": 0,
            "change_failure": 0.0,
            "restore": None,
            "restored": 0,
            "rework": 0.0,
        }
    ]


def test_without_records_there_is_nothing_to_show() -> None:
    assert as_text([], NOW, limit=20, namespaces=False) == ""
    assert as_dict([], NOW) == {"releases": [], "dora": []}
