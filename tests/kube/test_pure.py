"""The machinery's pure parts: patches, comparison, conditions, fields, models, the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube import conditions, fields
from ninefold.kube.api import CONFIG_MAP, PROMETHEUS_RULE, Key
from ninefold.kube.children import contains
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.model import Condition
from ninefold.kube.plan import Verdict
from ninefold.kube.report import merge_patch
from ninefold.kube.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_merge_patch(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_the_old_object_to_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert apply_merge_patch(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_equal_objects_make_no_patch(value: dict[str, Any]) -> None:
    assert merge_patch(value, value) == {}


@given(OBJECTS, OBJECTS)
def test_an_object_contains_itself_and_what_is_less(more: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert contains(wanted, wanted)
    assert contains({**more, **wanted}, wanted)


def test_a_changed_or_missing_field_is_seen() -> None:
    live = {"data": {"a": "1", "b": "2"}, "list": [{"x": 1, "added": True}]}
    assert contains(live, {"data": {"a": "1"}, "list": [{"x": 1}]})
    assert not contains(live, {"data": {"a": "9"}})
    assert not contains(live, {"data": {"c": "1"}})
    assert not contains(live, {"list": []})


def condition(kind: str, status: Any, since: datetime) -> Condition:
    return Condition(type=kind, status=status, last_transition_time=since, reason="R", message="m")


def test_a_transition_time_moves_only_with_the_status() -> None:
    old = [condition("Ready", "True", NOW - timedelta(days=1))]
    same = conditions.merge(old, {"Ready": Verdict("True", "Other", "text")}, 3, NOW)
    assert same[0].last_transition_time == NOW - timedelta(days=1)
    assert (same[0].reason, same[0].observed_generation) == ("Other", 3)
    turned = conditions.merge(old, {"Ready": Verdict("False", "Bad", "text")}, 3, NOW)
    assert turned[0].last_transition_time == NOW


def test_stalled_and_reconciling_go_when_they_are_no_longer_true() -> None:
    old = [condition("Stalled", "True", NOW), condition("Ready", "False", NOW), condition("Own", "True", NOW)]
    merged = conditions.merge(old, conditions.of_plan(Verdict("True", "Fine", "m"), {}), 1, NOW)
    assert [(c.type, c.status) for c in merged] == [("Ready", "True"), ("Own", "True")]


def test_outcomes_become_the_conditions_that_kstatus_reads() -> None:
    stalled = conditions.of_error(Stalled("Bad", "write a number"))
    assert {kind: verdict.status for kind, verdict in stalled.items()} == {"Ready": "False", "Stalled": "True"}
    waiting = conditions.of_error(Waiting("Later", "m", NOW))
    assert {kind: verdict.status for kind, verdict in waiting.items()} == {"Ready": "False", "Reconciling": "True"}
    unknown = conditions.of_plan(Verdict("Unknown", "NoData", "m"), {})
    assert unknown["Reconciling"].status == "True"


def test_an_unforeseen_error_keeps_its_text_out_of_the_status() -> None:
    verdicts = conditions.of_error(RuntimeError("password=hunter2"))
    assert "hunter2" not in "".join(verdict.message for verdict in verdicts.values())


@given(st.integers(1, 10**7))
def test_a_duration_is_read_back_as_the_same_seconds(length: int) -> None:
    assert fields.seconds(fields.duration(length)) == length


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1m1h", "-5m", "1.5h", "forever", "5M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        fields.seconds(text)


def config_map(name: str, version: int, owner: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "n", "name": name, "resourceVersion": str(version)}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "kind": "Lamp", "name": "l"}]
    return {"metadata": metadata}


def test_the_store_keeps_the_newest_version_however_they_arrive() -> None:
    store = Store()
    assert store.put(CONFIG_MAP, config_map("a", 5))
    assert not store.put(CONFIG_MAP, config_map("a", 5))
    assert not store.put(CONFIG_MAP, config_map("a", 4))
    assert store.put(CONFIG_MAP, config_map("a", 10))
    assert not store.remove(CONFIG_MAP, config_map("a", 9))
    assert store.remove(CONFIG_MAP, config_map("a", 11))
    assert not store.put(CONFIG_MAP, config_map("a", 10)), "a listing begun before the deletion brings nothing back"
    assert store.put(CONFIG_MAP, config_map("a", 12)), "made anew after the deletion"


def test_the_store_knows_what_an_owner_owns() -> None:
    store = Store()
    store.put(CONFIG_MAP, config_map("a", 1, owner="u1"))
    store.put(CONFIG_MAP, config_map("b", 2, owner="u1"))
    assert [key.name for _, m in store.owned_by("u1") for key in [Key.of(m)]] == ["a", "b"]
    store.put(CONFIG_MAP, config_map("a", 3, owner="u2"))
    store.remove(CONFIG_MAP, config_map("b", 4))
    assert store.owned_by("u1") == []
    assert len(store.owned_by("u2")) == 1


def test_paths() -> None:
    assert CONFIG_MAP.path("shop", "x") == "/api/v1/namespaces/shop/configmaps/x"
    assert PROMETHEUS_RULE.path() == "/apis/monitoring.coreos.com/v1/prometheusrules"
    assert PROMETHEUS_RULE.path("shop", "x", "status").endswith("/namespaces/shop/prometheusrules/x/status")
