"""Stop the line: one decision, taken over by the gates that are kept in namespaces. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders.clusterreleasegate import manifest

from ninefold.kube.api import NAMESPACE, Key
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate import keeping
from ninefold.release.clusterreleasegate.plan import Observed, plan
from ninefold.release.clusterreleasegate.resource import SYSTEM, ClusterReleaseGate, ClusterReleaseGateStatus
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.releasegate import plan as below
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STOP = {"by": "ann", "reason": "the network is down", "decision": "Deny"}


def decided(now: datetime = NOW, **spec: Any) -> ClusterReleaseGateStatus:
    gate = ClusterReleaseGate.parse(manifest(**spec))
    return plan(gate, Observed(["shop"], [], {"infra/ingress": spent()}), now).status


def spent() -> ErrorBudgetPolicyStatus:
    objective = {"name": "ingress", "state": "Exhausted", "decision": "Hold", "data": "Healthy"}
    said = {"reason": "ingress has spent 120 % of its budget", "recovers": "it is better"}
    return ErrorBudgetPolicyStatus.model_validate(
        {"state": "Exhausted", "decision": "Hold", "objectives": [objective], **said}
    )


def taken_over(above: ClusterReleaseGateStatus | None, now: datetime = NOW) -> ReleaseGateStatus:
    spec = {"workloads": {"scope": "Namespace"}, "sources": [{"clusterReleaseGate": "production"}]}
    gate = ReleaseGate.parse({"metadata": {"name": "cluster.production", "namespace": "shop"}, "spec": spec})
    return below.plan(gate, below.Observed({}, (), above={"production": above}), now).status


def test_a_stop_is_taken_over_with_its_end() -> None:
    until = {"until": rfc3339(NOW + HOUR)}
    status = taken_over(decided(stop=STOP | until))
    assert (status.decision, status.until) == ("Deny", rfc3339(NOW + HOUR))
    assert status.because == "ClusterReleaseGate production: stopped by ann"
    assert status.message.startswith("ann has closed it: the network is down. Until 2026-11-28 13:00 UTC.")
    # The API server ends it by itself, and if the one above was not looked at since, this one ends all the same.
    assert status.closures[0].until == NOW + HOUR
    assert taken_over(decided(stop=STOP | until), NOW + HOUR).decision == "Allow"


def test_all_that_closes_it_and_what_is_to_come_is_taken_over() -> None:
    coming = {
        "freeze": {"dates": {"from": rfc3339(NOW + HOUR), "until": rfc3339(NOW + 2 * HOUR)}, "reason": "the sale"}
    }
    ingress = {"errorBudgetPolicy": {"namespace": "infra", "name": "ingress"}}
    above = decided(stop=STOP, sources=[coming, ingress])
    status = taken_over(above)
    assert [each.because for each in status.closures] == [
        "ClusterReleaseGate production: stopped by ann",
        "ClusterReleaseGate production: ErrorBudgetPolicy infra/ingress: Exhausted",
        "freeze: the sale",
    ]
    assert status.closures[2].from_ == NOW + HOUR
    # It begins here by the clock, though nobody has looked at the one above.
    later = taken_over(decided(sources=[coming]), NOW + HOUR)
    assert (later.decision, later.until) == ("Hold", rfc3339(NOW + 2 * HOUR))


def test_open_above_is_open_below_and_unknown_is_unknown() -> None:
    assert taken_over(decided()).decision == "Allow"
    assert taken_over(ClusterReleaseGateStatus()).decision == "Unknown"


def test_the_pace_of_a_policy_is_that_of_its_gates() -> None:
    objective = {"name": "ingress", "state": "Caution", "decision": "Allow", "data": "Healthy"}
    slow = ErrorBudgetPolicyStatus.model_validate({"state": "Caution", "pace": "20", "objectives": [objective]})
    gate = ClusterReleaseGate.parse(
        manifest(sources=[{"errorBudgetPolicy": {"namespace": "infra", "name": "ingress"}}])
    )
    above = plan(gate, Observed(["shop"], [], {"infra/ingress": slow}), NOW).status
    assert (above.decision, above.pace) == ("Allow", "20")
    assert taken_over(above).pace == "20"


def test_without_the_one_above_the_fail_mode_decides() -> None:
    status = taken_over(None)
    assert status.unknown_since == NOW
    assert "ClusterReleaseGate production does not exist" in status.message


def test_a_freeze_that_is_no_schedule_is_told_by_its_field() -> None:
    frozen = {"freeze": {"cron": {"schedule": "0 25 * * FRI", "duration": "1h"}, "reason": "night"}}
    with pytest.raises(Stalled, match=r"spec\.sources\[0\]\.freeze"):
        decided(sources=[frozen])


def test_ready_says_what_is_wanting() -> None:
    gate = ClusterReleaseGate.parse(manifest())

    def ready(namespaces: list[str], missing: list[str], **policies: ErrorBudgetPolicyStatus | None) -> str:
        return plan(gate, Observed(namespaces, missing, policies), NOW).ready.reason

    assert ready(["shop"], []) == "Decided"
    assert ready(["shop"], ["shop"]) == "Spreading"
    assert ready([], []) == "NoNamespaces"
    assert ready(["shop"], [], ingress=None) == "PolicyMissing"


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels, "resourceVersion": "1"}}


def store(*namespaces: dict[str, Any], **spec: Any) -> Store:
    made = Store()
    made.put(ClusterReleaseGate.api, manifest(**spec))
    for each in namespaces:
        made.put(NAMESPACE, each)
    return made


def test_each_selected_namespace_has_a_gate_with_the_settings() -> None:
    found = store(namespace("shop", env="prod"), mode="Audit", namespaces={"matchLabels": {"env": "prod"}}, stop=STOP)
    kept = keeping.kept(Key("shop", "cluster.production"), found)
    assert kept is not None
    assert kept["spec"]["mode"] == "Audit"
    assert kept["spec"]["sources"] == [{"clusterReleaseGate": "production"}]
    # What is decided is read from the status: a second copy could differ.
    assert "stop" not in kept["spec"]
    assert "contact" not in kept["spec"], "nothing is applied that nobody wrote"
    assert kept["metadata"]["ownerReferences"][0]["uid"] == "u1"
    ReleaseGate.parse(kept, strict=False)


@pytest.mark.parametrize(
    ("name", "labels", "spec"),
    [
        ("shop", {"env": "test"}, {"namespaces": {"matchLabels": {"env": "prod"}}}),
        ("shop", {}, {"namespaces": {"except": ["shop"]}}),
        (SYSTEM[0], {}, {}),
        ("other", {}, {}),
        ("shop", {}, {"suspend": True}),
    ],
)
def test_no_gate_is_wanted_elsewhere(name: str, labels: dict[str, str], spec: dict[str, Any]) -> None:
    found = store(namespace("shop" if name == "other" else name, **labels), **spec)
    assert keeping.kept(Key(name, "cluster.production"), found) is None


def test_a_namespace_that_is_being_deleted_has_none_any_more() -> None:
    going = namespace("shop")
    going["metadata"]["deletionTimestamp"] = rfc3339(NOW)
    assert keeping.kept(Key("shop", "cluster.production"), store(going)) is None


def test_only_what_was_made_for_it_is_kept_and_let_go() -> None:
    key = Key("shop", "cluster.production")
    found = store(namespace("shop"), namespaces={"except": ["shop"]})
    gate = {"metadata": {"name": key.name, "namespace": "shop", "resourceVersion": "2"}, "spec": {}}
    found.put(ReleaseGate.api, gate)
    assert not keeping.is_unwanted(key, found)
    owner = {"kind": "ClusterReleaseGate", "name": "production", "uid": "u1"}
    found.put(
        ReleaseGate.api, {**gate, "metadata": {**gate["metadata"], "ownerReferences": [owner], "resourceVersion": "3"}}
    )
    assert keeping.is_unwanted(key, found)
    # One that was made for another of the same name goes by the garbage collector.
    found.put(
        ClusterReleaseGate.api,
        {**manifest(uid="u2"), "metadata": {"name": "production", "uid": "u2", "resourceVersion": "4"}},
    )
    assert not keeping.is_unwanted(key, found)


def test_what_an_earlier_one_of_the_name_has_left_is_taken_over_or_goes() -> None:
    """kubectl delete --cascade=orphan takes the owner off, and nobody but the operator may write such a gate."""
    key = Key("shop", "cluster.production")
    metadata = {"name": key.name, "namespace": "shop", "resourceVersion": "2"}
    left = {"metadata": {**metadata, "labels": {"app.kubernetes.io/managed-by": "ninefold"}}, "spec": {}}
    found = store(namespace("shop"), mode="Audit")
    found.put(ReleaseGate.api, left)
    wanted = keeping.corrected(left, found)
    assert wanted is not None
    assert wanted["metadata"]["ownerReferences"][0]["uid"] == "u1"
    assert not keeping.is_unwanted(key, found)
    assert not keeping.made_for(ClusterReleaseGate.parse(manifest("another")), left)
    found.remove(ClusterReleaseGate.api, manifest(mode="Audit"))
    assert keeping.is_unwanted(key, found)
    found.put(ReleaseGate.api, {**left, "metadata": {**metadata, "resourceVersion": "3"}})
    assert not keeping.is_unwanted(key, found), "somebody took the name, before there were policies"
