"""What an ErrorBudgetPolicy may say, refused alike by the model and by the API server, with a sentence to act on."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from tests import direct
from tests.reliability.errorbudgetpolicy.life import START, dump

import devcluster
from devcluster.errors import CommandError
from ninefold.kube.crd import crd
from ninefold.kube.errors import Stalled
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import (
    ActiveRule,
    ErrorBudgetPolicyStatus,
    Exhaustion,
    ObjectiveState,
    Remembered,
    State,
    Stay,
    Transition,
)


def burn(over: str, **also: str) -> dict[str, Any]:
    return {"rules": [{"when": {"burnRate": {"above": "6", "over": over, **also}}, "state": "Caution"}]}


def then(**asks: Any) -> dict[str, Any]:
    return {"rules": [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": asks}]}


SPENT = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"objectives": {}}, "set exactly one of service, names or matchLabels"),
    ({"objectives": {"service": "a", "names": ["b"]}}, "set exactly one of service, names or matchLabels"),
    ({"objectives": {"matchLabels": {"not a key": "x"}}}, "write the keys of labels, such as app"),
    ({"objectives": {"matchLabels": {"app": ""}}}, "matchLabels.app"),
    ({"rules": [{"when": {}, "state": "Caution"}]}, "set exactly one of budgetLeftBelow, burnRate or exhaustedWithin"),
    ({"rules": [{"when": {"budgetLeftBelow": "25 %"}, "state": "Caution"}]}, 'write a percentage from "0" to "100"'),
    ({"rules": [{"when": {"budgetLeftBelow": "101"}, "state": "Caution"}]}, 'write a percentage from "0" to "100"'),
    ({"rules": [{"when": {"budgetLeftBelow": "99.5"}, "state": "Caution"}]}, "must not pass 100"),
    ({"rules": [SPENT], "recovery": {"margin": "100", "for": "soon"}}, "write a duration such as"),
    (
        {"rules": [{"when": {"burnRate": {"above": "fast", "over": "1h"}}, "state": "Caution"}]},
        "write a number as a decimal string",
    ),
    (burn("1h", **{"and": "1h"}), "write a window in `and` that is shorter"),
    (burn("1h30m", **{"and": "2h"}), "write a window in `and` that is shorter"),
    (burn("6d23h59m59s", **{"and": "1w"}), "write a window in `and` that is shorter"),
    (burn("1h", **{"and": "soon"}), "write a duration such as"),
    ({"rules": [{"when": {"exhaustedWithin": "3 days"}, "state": "Caution"}]}, "write a duration such as"),
    (then(), "set at least one of gate, pace, notify or incident"),
    (then(pace="0"), 'write whole percent from "1" to "99"'),
    (then(pace="100"), 'write whole percent from "1" to "99"'),
    (then(pace="12.5"), 'write whole percent from "1" to "99"'),
    (then(notify=["Shop Team"]), "write the name of an object"),
    ({"exempt": {"until": "2026-12-01T06:00:00Z"}}, "spec.exempt.reason"),
    ({"exempt": {"reason": "A move."}}, "spec.exempt.until"),
]

TAKEN = [
    burn("1h30m", **{"and": "1h"}),
    burn("1w", **{"and": "6d23h59m59s"}),
    {"rules": [{"when": {"exhaustedWithin": "3d"}, "state": "Caution", "then": {"pace": "50"}}]},
    then(gate="Approve", pace="1", notify=["shop-team"] * 16, incident={"severity": "SEV1"}),
    {"exempt": {"reason": "r" * 256, "until": "2020-01-01T00:00:00+02:00"}},
    {"rules": [SPENT] * 8, "recovery": {"margin": "100", "for": "1w"}},
]


def manifest(namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": ErrorBudgetPolicy.api.api_version,
        "kind": "ErrorBudgetPolicy",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"objectives": {"service": "checkout"}, "rules": [SPENT], **spec},
    }


def largest(now: datetime) -> ErrorBudgetPolicyStatus:
    rules = [
        ActiveRule(
            rule=f"burn rate above 14.4x over {hours}h and {hours * 5}m",
            state="Exhausted",
            gate="Deny",
            pace="50",
            since=now,
            recovering_since=now,
        )
        for hours in range(1, 9)
    ]
    names = [f"{number:03}".ljust(253, "x") for number in range(512)]
    objectives = [
        ObjectiveState(
            name=name,
            data="Healthy",
            budget_left="-4.0 %",
            burn="22x over 1h",
            exhaustion=Exhaustion(earliest="0m", latest="0m"),
            decision="Deny",
            unknown_since=now,
            active=rules,
        )
        for name in names[:64]
    ]
    return ErrorBudgetPolicyStatus(
        state="Exhausted",
        decision="Deny",
        since=now,
        pace="50",
        watched=512,
        lowest_budget="-4.0 %",
        reason="r" * 1024,
        recovers="r" * 1024,
        objectives=objectives,
        others=[Remembered(name=name, decision="Deny", unknown_since=now, active=rules) for name in names[64:]],
        transitions=[Transition(at=now, from_="Healthy", to="Exhausted", reason="r" * 512)] * 32,
        totals=[Stay(state=state, entered=10**6, seconds=10**9) for state in get_args(State)],
    )


@pytest.mark.parametrize(("spec", "sentence"), REFUSED)
def test_the_model_refuses_with_a_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as error:
        ErrorBudgetPolicy.parse(manifest("shop", spec))
    assert sentence in error.value.message


def test_the_api_server_refuses_with_the_same_sentences(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(ErrorBudgetPolicy)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{ErrorBudgetPolicy.api.name}")
    for spec, sentence in REFUSED:
        with pytest.raises(CommandError) as error:
            direct.create(cluster, manifest(namespace, spec))
        assert sentence in str(error.value), spec
    for spec in TAKEN:
        made = direct.create(cluster, manifest(namespace, spec), dry=True)
        assert ErrorBudgetPolicy.parse(made).spec == ErrorBudgetPolicy.parse(manifest(namespace, spec)).spec


def test_the_api_server_takes_the_largest_status_and_its_columns_show_it(
    cluster: devcluster.Cluster, namespace: str, tmp_path: Path
) -> None:
    """512 objectives with names as long as can be, each under all of eight rules, at the end of a long story."""
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(ErrorBudgetPolicy)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{ErrorBudgetPolicy.api.name}")
    cluster.kubectl("create", "-f", "-", input=json.dumps(manifest(namespace, {})))
    status = dump(largest(START))
    assert len(json.dumps(status)) < 1024 * 1024
    patch = tmp_path / "status.json"
    patch.write_text(json.dumps({"status": status}))
    kubectl = ("--namespace", namespace)
    change = ("patch", "ebp", "checkout", "--subresource=status", "--type=merge", f"--patch-file={patch}")
    cluster.kubectl(*kubectl, *change)
    stored = json.loads(cluster.kubectl(*kubectl, "get", "ebp", "checkout", "-o", "json"))["status"]
    assert ErrorBudgetPolicyStatus.model_validate(stored) == largest(START)
    head, row = cluster.kubectl(*kubectl, "get", "ebp", "-o", "wide").strip().splitlines()
    assert head.split()[:9] == ["NAME", "STATE", "LOWEST", "BUDGET", "SINCE", "DECISION", "PACE", "WATCHED", "WHY"]
    assert row.split()[1:4] == ["Exhausted", "-4.0", "%"]
    assert row.split()[5:8] == ["Deny", "50", "512"]
