"""A gate over history: closed from minute to minute, and what it would have done with each release."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.release.releasegate.test_plan import FINE, SPENT, gate, objective, says

from ninefold.kube.fields import rfc3339
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.replay.gate import GateReplay
from ninefold.release.replay.history import PastRecord
from ninefold.release.replay.outcome import Closing, Reason, Releases, ReplayOutcome, outcome

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPENT_BY = "ErrorBudgetPolicy checkout: "


def at(minute: float) -> datetime:
    return BEGIN + minute * MINUTE


def record(
    sequence: int, start: int | None, came: str = "Succeeded", workload: str = "checkout", **changed: Any
) -> PastRecord:
    """A release of image checkout:vSEQUENCE, rolled out in 5 minutes."""
    times = {} if start is None else {"start": rfc3339(at(start)), "end": rfc3339(at(start + 5))}
    spec = {
        "workload": {"kind": "Deployment", "name": workload},
        "sequence": sequence,
        "templateHash": f"hash{sequence}",
        "images": [f"{workload}:v{sequence}"],
        "service": workload,
        "gate": "checkout",
        **changed.pop("spec", {}),
    }
    return PastRecord.read(
        {
            "metadata": {"name": f"{workload}-{sequence}", "namespace": changed.pop("namespace", "shop")},
            "spec": spec,
            "status": {"outcome": came, "suspicion": "0.00", **times, **changed},
        }
    )


def replay(of: ReleaseGate, *records: PastRecord, said: dict[int, Any], end: int = 1_000) -> ReplayOutcome:
    """`said` is what the policy checkout said from a minute on."""
    found = GateReplay(of, ["checkout"], records, BEGIN)
    for minute, status in said.items():
        found.hear("checkout", status, at(minute))
    found.pass_until(at(end))
    return outcome(found, BEGIN, at(end))


CLOSED = {0: FINE, 100: SPENT, 200: FINE}


def verdicts(found: ReplayOutcome) -> dict[str, str]:
    return {each.record.release.metadata.name: each.verdict for each in found.admissions}


def test_it_is_closed_for_as_long_as_its_policy_says() -> None:
    found = replay(gate(), said=CLOSED)
    assert found.closings == [Closing(at(100), at(200), 6_000.0, "Hold", (f"{SPENT_BY}Exhausted",))]
    assert (found.closed, found.unknown) == (0.1, 0.0)
    assert found.releases == Releases(0, 0, 0, 0)
    assert (found.releases.precision, found.releases.recall) == (None, None)


def test_what_is_closed_when_history_ends_has_no_end() -> None:
    (one,) = replay(gate(), said={0: FINE, 900: SPENT}).closings
    assert (one.begin, one.end, one.seconds) == (at(900), None, 6_000.0)


def test_releases_are_stopped_while_it_is_closed_and_rollbacks_are_not() -> None:
    records = [
        record(1, None),
        record(2, 20),
        record(3, 120, "RolledBack", suspicion="0.80"),
        record(4, 130, spec={"images": ["checkout:v2"]}),
        record(1, 150, workload="cart"),
        record(5, 160, "Superseded"),
        record(6, 210, suspicion="0.70"),
        record(7, 220, "Aborted"),
    ]
    found = replay(gate(), *records, said=CLOSED)
    assert verdicts(found) == {
        "checkout-2": "Passed",
        "checkout-3": "Stopped",
        "checkout-4": "RolledBack",
        "cart-1": "Created",
        "checkout-5": "Stopped",
        "checkout-6": "Passed",
        "checkout-7": "Passed",
    }
    assert found.releases == Releases(all=7, bad=3, stopped=2, stopped_bad=1)
    assert found.releases.precision == 0.5
    assert found.releases.recall == pytest.approx(1 / 3)
    stopped = next(each for each in found.admissions if each.verdict == "Stopped")
    assert (stopped.at, stopped.decision, stopped.because) == (at(120), "Hold", (f"{SPENT_BY}Exhausted",))


def test_a_rollback_to_what_was_not_learnt_is_stopped() -> None:
    """What ran for 3 minutes before the gate closed is not known to be good; what had run before history is."""
    rolled_out = [record(1, None), record(2, 92, "RolledBack"), record(3, 120, "RolledBack")]
    back = {to: record(4, 130, spec={"images": [f"checkout:v{to}"]}) for to in (1, 2)}
    found = {to: verdicts(replay(gate(), *rolled_out, one, said=CLOSED))["checkout-4"] for to, one in back.items()}
    assert found == {1: "RolledBack", 2: "Stopped"}


def test_a_release_that_begins_with_a_closing_policy_is_ahead_of_it_and_with_a_freeze_behind_it() -> None:
    freeze = {"dates": {"from": rfc3339(at(100)), "until": rfc3339(at(200))}, "reason": "sale"}
    records = [record(1, None), record(2, 100), record(3, 200)]
    assert set(verdicts(replay(gate(), *records, said=CLOSED)).values()) == {"Passed", "Stopped"}
    assert verdicts(replay(gate(), *records, said=CLOSED))["checkout-2"] == "Passed"
    frozen = replay(gate(sources=[{"freeze": freeze}]), *records, said={})
    assert verdicts(frozen) == {"checkout-2": "Stopped", "checkout-3": "Passed"}


def test_freezes_begin_and_end_to_the_second_and_each_reason_is_told() -> None:
    freeze = {
        "dates": {"from": "2026-09-01T01:30:30Z", "until": "2026-09-01T02:30:45Z"},
        "reason": "sale",
        "decision": "Deny",
    }
    found = replay(gate(sources=[{"errorBudgetPolicy": "checkout"}, {"freeze": freeze}]), said=CLOSED)
    (one,) = found.closings
    assert (one.begin, one.end, one.decision) == (at(90.5), at(200), "Deny")
    assert one.because == ("freeze: sale", f"{SPENT_BY}Exhausted")
    assert found.reasons == [Reason(f"{SPENT_BY}Exhausted", 1, 6_000.0), Reason("freeze: sale", 1, 3_615.0)]


def test_weekends_of_a_month() -> None:
    weekend = {"cron": {"schedule": "0 18 * * FRI", "duration": "62h", "timeZone": "Europe/Paris"}, "reason": "weekend"}
    found = replay(gate(sources=[{"freeze": weekend}]), said={}, end=28 * 24 * 60)
    assert [rfc3339(each.begin) for each in found.closings] == [
        f"2026-09-{day:02}T16:00:00Z" for day in (4, 11, 18, 25)
    ]
    assert found.reasons == [Reason("freeze: weekend", 4, 4 * 62 * 3_600.0)]


def test_missing_data_close_it_when_fail_mode_says_so() -> None:
    lost = says(objective("Allow", at(100)), state="Healthy", decision="Allow", unknownSince=rfc3339(at(100)))
    found = replay(gate(), said={0: FINE, 100: lost, 300: FINE})
    assert found.closings == [Closing(at(110), at(300), 11_400.0, "Hold", (f"{SPENT_BY}data missing",))]
    assert found.unknown == 0.2
    allows = replay(gate(failMode={"decision": "Allow"}), said={0: FINE, 100: lost, 300: FINE})
    assert (allows.closed, allows.unknown) == (0.0, 0.2)


def test_a_stop_by_hand_of_today_was_none_in_the_past() -> None:
    stopped = gate(stop={"by": "jo", "reason": "the provider is down"})
    assert replay(stopped, said={0: FINE}).closings == []


def test_what_a_cluster_gate_would_have_said_is_left_out() -> None:
    sources = [{"errorBudgetPolicy": "checkout"}, {"clusterReleaseGate": "production"}]
    assert replay(gate(sources=sources), said=CLOSED) == replay(gate(), said=CLOSED)


def test_what_a_tool_delivered_is_no_release_beside_that_of_its_workload() -> None:
    flux = record(
        3, 120, namespace="flux", spec={"workload": {"kind": "Kustomization", "name": "shop"}, "gate": "shop/checkout"}
    )
    assert verdicts(replay(gate(), flux, said=CLOSED)) == {"checkout-3": "Stopped"}
    assert verdicts(replay(gate(), flux, record(2, 20), said=CLOSED)) == {"checkout-2": "Passed"}


def test_what_was_before_only_fills_its_memory() -> None:
    found = GateReplay(gate(), ["checkout"], [record(1, None), record(2, 20), record(3, 250)], BEGIN)
    for minute, status in CLOSED.items():
        found.hear("checkout", status, at(minute))
    found.pass_until(at(1_000))
    later = outcome(found, at(150), at(1_000))
    assert [(each.begin, each.end) for each in later.closings] == [(at(150), at(200))]
    assert verdicts(later) == {"checkout-3": "Passed"}


def test_a_blamed_image_is_good_no_longer() -> None:
    """The release two hours before is suspected for what closes the gate, so that the way back to it is closed."""
    cost = {"name": "availability", "suspicion": "0.90", "burnBegan": rfc3339(at(21))}
    guilty: dict[str, Any] = {"objectives": [cost], "suspicion": "0.90"}
    burning = objective("Hold") | {
        "active": [{"rule": "budget left below 0 %", "state": "Exhausted", "gate": "Hold", "since": rfc3339(at(100))}]
    }
    spent = says(burning, state="Exhausted", decision="Hold")
    records = [record(1, None), record(2, 20, "RolledBack", **guilty), record(3, 120), record(4, 130)]
    again = record(5, 140, spec={"images": ["checkout:v2"]})
    first = record(6, 150, spec={"images": ["checkout:v1"]})
    found = verdicts(replay(gate(), *records, again, first, said={0: FINE, 100: spent}))
    assert (found["checkout-5"], found["checkout-6"]) == ("Stopped", "RolledBack")


@pytest.mark.parametrize(
    ("workloads", "theirs", "is_under"),
    [
        ({"matchLabels": {"app": "checkout"}}, {"gate": "checkout"}, True),
        ({"matchLabels": {"app": "checkout"}}, {"gate": "other"}, False),
        ({"scope": "Namespace"}, {"gate": "other"}, True),
        ({"names": ["Deployment/checkout"]}, {"gate": "other"}, True),
        ({"names": ["Deployment/cart"]}, {"gate": "other"}, False),
        ({"service": "checkout"}, {"gate": "other"}, True),
        ({"team": "shop"}, {"gate": "other", "team": "shop"}, True),
        ({"team": "shop"}, {"gate": "other", "team": "cart"}, False),
    ],
)
def test_which_releases_it_is_about(workloads: dict[str, Any], theirs: dict[str, Any], is_under: bool) -> None:
    found = replay(gate(workloads=workloads), record(2, 20, spec=theirs), said={})
    assert bool(found.admissions) == is_under
    elsewhere = replay(gate(workloads=workloads), record(2, 20, spec=theirs, namespace="other"), said={})
    assert not elsewhere.admissions
