"""Which pod templates a gate remembers as good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninefold.release.gate.spec import KnownGood
from ninefold.release.gate.status import GoodTemplate, Learning, ReleaseGateStatus
from ninefold.release.releasegate.known_good import templates
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import RESTARTED_AT, Workload, fingerprint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = KnownGood(after="10m", templates=1)


def template(value: str = "1", **annotations: str) -> dict[str, Any]:
    env = [{"name": "LEVEL", "value": value}]
    metadata = {"labels": {"app": "checkout"}, **({"annotations": annotations} if annotations else {})}
    return {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": "checkout:v1", "env": env}]}}


def workload(value: str = "1", name: str = "checkout", *, complete: bool = True, **annotations: str) -> Workload:
    return Workload(
        f"Deployment/{name}", {"app": "checkout:v1"}, Serving(available=int(complete)), template(value, **annotations)
    )


def hash_of(value: str) -> str:
    return fingerprint("Deployment", template(value))


class Gate:
    """A gate that is looked at every ten minutes."""

    def __init__(self, rule: KnownGood = RULE) -> None:
        self.rule = rule
        self.now = NOW
        self.good: list[GoodTemplate] = []
        self.learning: list[Learning] = []

    def look(self, *workloads: Workload, is_open: bool = True, blamed: Sequence[str] = ()) -> list[str]:
        before = ReleaseGateStatus(known_good_templates=self.good, learning=self.learning)
        self.good, self.learning = templates.learn(
            self.rule, before, workloads, trusted=is_open, now=self.now, blamed=blamed
        )
        self.now += 10 * MINUTE
        return [known.hash for known in self.good]

    def learns(self, *values: str) -> list[str]:
        found: list[str] = []
        for value in values:
            self.look(workload(value))
            found = self.look(workload(value))
        return found


def test_none_is_remembered_unless_asked_for() -> None:
    gate = Gate(KnownGood(after="10m"))
    assert gate.learns("1", "2") == []
    assert gate.learning == []


def test_what_ran_long_enough_is_remembered_with_the_one_before() -> None:
    gate = Gate()
    assert gate.look(workload("1")) == []
    assert gate.learning == [Learning(workload="Deployment/checkout", template=hash_of("1"), since=NOW, fewest=1)]
    assert gate.look(workload("1")) == [hash_of("1")]
    assert gate.learning == []
    assert gate.learns("2") == [hash_of("2"), hash_of("1")]
    assert gate.learns("3") == [hash_of("3"), hash_of("2")]
    # Back at an earlier one: that is the newest now.
    assert gate.learns("2") == [hash_of("2"), hash_of("3")]


def test_the_template_is_kept_but_for_what_a_restart_writes() -> None:
    gate, annotations = Gate(), {RESTARTED_AT: "2026-03-01T12:00:00Z", "note": "x"}
    for _ in range(2):
        gate.look(
            Workload("Deployment/checkout", {"app": "checkout:v1"}, Serving(available=1), template("1", **annotations))
        )
    (known,) = gate.good
    assert (known.labels, known.annotations) == ({"app": "checkout"}, {"note": "x"})
    assert known.spec == template("1")["spec"]
    assert gate.look(workload("1", note="x")) == [known.hash], "a restart is no other template"


@pytest.mark.parametrize("case", ["closed", "rolling"])
def test_nothing_is_learnt_while_nobody_can_tell(case: str) -> None:
    gate = Gate()
    for _ in range(5):
        gate.look(workload("1", complete=case != "rolling"), is_open=case != "closed")
    assert gate.good == []


def test_what_is_blamed_is_good_no_longer() -> None:
    gate = Gate()
    gate.learns("1", "2")
    assert gate.look(workload("2"), is_open=False, blamed=[hash_of("2")]) == [hash_of("1")]


def test_what_is_too_large_is_left_out_and_harms_no_other() -> None:
    gate = Gate()
    huge = workload("x" * 20_000, "huge")
    for _ in range(2):
        gate.look(huge, workload("1"))
    assert [known.workload for known in gate.good] == ["Deployment/checkout"]
    many = Gate()
    large = [workload("x" * 15_000, f"w{number}") for number in range(40)]
    for _ in range(2):
        many.look(*large)
    assert 10 < len(many.good) < 20, "all together stay far below what an object may hold"


def test_a_gate_says_that_there_is_a_configuration_to_go_back_to() -> None:
    spec = {"workloads": {"scope": "Namespace"}, "knownGood": {"after": "1m", "templates": 2}}
    gate = ReleaseGate.parse({"metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec})
    now, status = NOW, gate.status
    for value in ("1", "1", "2", "2"):
        status = plan(gate.model_copy(update={"status": status}), Observed({}, [workload(value)]), now).status
        now += 2 * MINUTE
    assert [known.hash for known in status.known_good_templates] == [hash_of("2"), hash_of("1")]
    assert status.passes.endswith("A rollback to an earlier configuration passes, too.")
    stored = status.wire()
    assert ReleaseGateStatus.model_validate(stored) == status
