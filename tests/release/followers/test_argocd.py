"""What a gate means for an AppProject that follows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.release.gate_api import gates

from ninefold.kube.api import Key
from ninefold.kube.fields import rfc3339
from ninefold.kube.follower import Replace, Wanted
from ninefold.kube.store import Store
from ninefold.release.followers.argocd import MANUAL, AppProjectFollower
from ninefold.release.followers.argocd_windows import LASTS, held
from ninefold.release.workloads.annotation import GATE, HELD_BY

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
KEY = Key("shop", "checkout")
THEIRS = {"kind": "allow", "schedule": "0 8 * * *", "duration": "9h", "applications": ["*"]}
OURS = held([], KEY, manual=False, now=NOW)[0]
FOLLOWER = AppProjectFollower()


def project(*windows: Any, **annotations: str) -> dict[str, Any]:
    notes = {GATE: "shop/checkout", **{f"ninefold.dev/{name}": value for name, value in annotations.items()}}
    spec: dict[str, Any] = {"sourceRepos": ["*"], **({"syncWindows": list(windows)} if windows else {})}
    return {"metadata": {"namespace": "argocd", "name": "shop", "uid": "1", "annotations": notes}, "spec": spec}


def wanted(manifest: dict[str, Any], decision: str = "Hold", now: datetime = NOW, **status: Any) -> Wanted:
    store = Store()
    gates.gate(store, decision, **status)
    return FOLLOWER.wanted(manifest, store, now)


def patch(found: Wanted) -> Any:
    assert isinstance(found.do, Replace)
    return found.do.patch


def test_a_closed_gate_adds_one_entry_and_the_note_that_gives_us_the_right() -> None:
    found = wanted(project(THEIRS))
    assert patch(found) == {
        "metadata": {"annotations": {HELD_BY: "shop/checkout"}},
        "spec": {"syncWindows": [THEIRS, OURS]},
    }
    assert found.due == NOW.replace(second=0) + timedelta(minutes=1) + LASTS / 2, "it is renewed by the clock"


def test_people_may_sync_where_the_owner_says_so() -> None:
    said = project()
    assert MANUAL == "ninefold.dev/manual-sync"
    for value, manual in (("true", True), ("false", False), ("yes", False), ("", False)):
        said["metadata"]["annotations"][MANUAL] = value
        (window,) = patch(wanted(said))["spec"]["syncWindows"]
        assert window.get("manualSync", False) is manual


def test_what_ends_earlier_is_looked_at_earlier() -> None:
    until = NOW + timedelta(minutes=10)
    closure = {"decision": "Hold", "because": "freeze", "until": rfc3339(until)}
    assert wanted(project(), closures=[closure]).due == until


def test_an_open_gate_takes_it_away_and_touches_nothing_else() -> None:
    assert patch(wanted(project(THEIRS, OURS), "Allow"))["spec"] == {"syncWindows": [THEIRS]}
    assert patch(wanted(project(OURS), "Allow"))["spec"] == {"syncWindows": None}
    for untouched in (project(THEIRS), project(), {**project(), "spec": {"syncWindows": []}}):
        assert patch(wanted(untouched, "Allow")) == {"metadata": {"annotations": {HELD_BY: None}}, "spec": {}}


@pytest.mark.parametrize(
    ("decision", "mode", "fail_mode", "is_held"),
    [
        ("Hold", "Enforce", "Allow", True),
        ("Deny", "Enforce", "Allow", True),
        ("Deny", "Audit", "Hold", False),
        ("Unknown", "Enforce", "Hold", True),
        ("Unknown", "Enforce", "Allow", False),
    ],
)
def test_decision_mode_and_fail_mode(decision: str, mode: str, fail_mode: str, is_held: bool) -> None:
    store, spec = Store(), {"workloads": {"scope": "Namespace"}, "mode": mode, "failMode": {"decision": fail_mode}}
    status = {"decision": decision, "observedGeneration": 1}
    gates.put(store, FOLLOWER.leader, "checkout", spec=spec, status=status)
    assert bool(patch(FOLLOWER.wanted(project(), store, NOW))["spec"]) is is_held


def test_an_override_of_everything_lets_go_and_one_of_an_image_does_not() -> None:
    override: dict[str, Any] = {"name": "fix", "by": "ann", "until": rfc3339(NOW + timedelta(hours=1))}
    assert patch(wanted(project(OURS), overrides=[override]))["spec"] == {"syncWindows": None}
    override["images"] = ["checkout:v2"]
    assert patch(wanted(project(OURS), overrides=[override]))["spec"] == {"syncWindows": [OURS]}


def test_a_gate_that_is_gone_lets_go_and_the_owner_is_told() -> None:
    found = FOLLOWER.wanted(project(THEIRS, OURS), Store(), NOW)
    assert patch(found)["spec"] == {"syncWindows": [THEIRS]}
    assert found.warning is not None
    assert found.due is None


def test_without_our_annotations_nothing_is_written() -> None:
    """The API server would refuse it."""
    for windows in ((), (THEIRS, OURS)):
        bare = project(*windows)
        del bare["metadata"]["annotations"]
        assert patch(wanted(bare)) == {}
    left = project(THEIRS, OURS)
    left["metadata"]["annotations"] = {HELD_BY: "shop/checkout"}
    assert patch(wanted(left))["spec"] == {"syncWindows": [THEIRS]}


def test_what_we_hold() -> None:
    assert FOLLOWER.holds(project(THEIRS, OURS))
    assert not FOLLOWER.holds(project(THEIRS))
    assert not FOLLOWER.holds(project())
