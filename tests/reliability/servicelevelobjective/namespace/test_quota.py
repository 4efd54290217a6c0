"""A quota of a namespace: who is served, who waits, and who is let in later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import manifest
from tests.reliability.servicelevelobjective.test_plan import figure, look

from ninefold.kube.api import NAMESPACE, Key
from ninefold.kube.errors import Stalled
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.namespace.allowances import Allowance, Allowances
from ninefold.reliability.servicelevelobjective.namespace.neighbours import Neighbours
from ninefold.reliability.servicelevelobjective.namespace.quota import ANNOTATION, Claim, Quota, refusal
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

API = ServiceLevelObjective.api
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("objectives=50,samples=200000", Quota(50, 200_000)),
        (" samples = 5 , objectives = 0 ", Quota(0, 5)),
        ("objectives=50", Quota(50, None)),
    ],
)
def test_a_quota_is_read(text: str, quota: Quota) -> None:
    assert Quota.parse(text) == quota


@pytest.mark.parametrize(
    "text", ["", "50", "objectives", "objectives=many", "objectives=-1", "objectives=1,objectives=2", "series=3", "²"]
)
def test_what_is_no_quota_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r'ninefold\.dev/slo-quota .* write it as "objectives=50,samples=200000"'):
        Quota.parse(text)


claims = st.builds(
    Claim,
    name=st.sampled_from([f"o{number}" for number in range(30)]),
    created=st.integers(0, 3).map(lambda second: START + timedelta(seconds=second)),
    asks=st.integers(0, 100),
    has=st.none() | st.integers(0, 100),
)
several = st.lists(claims, unique_by=lambda claim: claim.name, max_size=12)
quotas = st.builds(Quota, st.none() | st.integers(0, 10), st.none() | st.integers(0, 300))


def _served(quota: Quota, found: list[Claim]) -> set[str]:
    return {one.name for one in found if not refusal(quota, one, [other for other in found if other is not one])}


@given(quotas, several, st.randoms())
def test_who_is_served_does_not_depend_on_who_is_looked_at_first(quota: Quota, found: list[Claim], order: Any) -> None:
    served = _served(quota, found)
    shuffled = list(found)
    order.shuffle(shuffled)
    assert _served(quota, shuffled) == served
    # One after another, as the operator does it: who has been let in has its rules.
    waiting = [one for one in found if one.has is None]
    order.shuffle(waiting)
    state = {one.name: one for one in found}
    for one in waiting:
        others = [other for other in state.values() if other.name != one.name]
        if not refusal(quota, one, others):
            state[one.name] = Claim(one.name, one.created, one.asks, one.asks)
    assert {one.name for one in waiting if state[one.name].has is not None} == served & {one.name for one in waiting}


@given(quotas, several)
def test_newcomers_never_take_more_than_there_is(quota: Quota, found: list[Claim]) -> None:
    served = _served(quota, found)
    having = [one.has for one in found if one.has is not None]
    let_in = [one.asks for one in found if one.has is None and one.name in served]
    assert not let_in or quota.holds(len(having) + len(let_in), sum(having) + sum(let_in))


@given(quotas, several, claims)
def test_what_runs_is_not_thrown_out_by_a_younger_one(quota: Quota, found: list[Claim], late: Claim) -> None:
    running = [Claim(one.name, one.created, one.has, one.has) for one in found if one.has is not None]
    younger = Claim("younger", START + timedelta(days=1), late.asks, late.has)
    assert _served(quota, running) == {one.name for one in running}
    assert _served(quota, [*running, younger]) >= {one.name for one in running}


def test_the_older_comes_first_and_one_that_does_not_fit_is_passed_over() -> None:
    found = [
        Claim("large", START, 90),
        Claim("b", START + timedelta(seconds=1), 60),
        Claim("a", START + timedelta(seconds=2), 60),
        Claim("small", START + timedelta(seconds=3), 10),
    ]
    assert _served(Quota(samples=80), found) == {"b", "small"}
    assert _served(Quota(objectives=2), found) == {"large", "b"}
    assert _served(Quota(objectives=1), [Claim("b", START, 1), Claim("a", START, 1)]) == {"a"}


def test_what_grows_needs_room_and_what_shrinks_does_not() -> None:
    quota, other = Quota(objectives=1, samples=100), Claim("other", START, 80, 80)
    assert refusal(quota, Claim("a", START, 50, 10), [other]).endswith("Its present rules stay.")
    assert not refusal(quota, Claim("a", START, 20, 10), [other]), "it runs: only the samples are asked for"
    assert not refusal(quota, Claim("a", START, 50, 60), [other])
    assert not refusal(Quota(0, 0), Claim("a", START, 60, 60), [other])


class Cluster:
    """Objectives of one namespace with a quota, as the store knows them."""

    def __init__(self, quota: str | None) -> None:
        self.store = Store()
        self.allowances = Allowances(Neighbours(share=False))
        self._version = 0
        self.annotate(quota)

    def annotate(self, quota: str | None) -> None:
        self._version += 1
        metadata = {"name": "shop", "resourceVersion": str(self._version)}
        annotations = {ANNOTATION: quota} if quota is not None else {}
        self.store.put(NAMESPACE, {"metadata": {**metadata, "annotations": annotations}})

    def put(self, name: str, status: dict[str, Any] | None = None, second: int = 0, **spec: Any) -> set[Key]:
        """Those that are to be looked at because of it."""
        self._version += 1
        made = manifest(name, **spec)
        made["metadata"] |= {
            "uid": name,
            "resourceVersion": str(self._version),
            "creationTimestamp": (START + timedelta(seconds=second)).isoformat(),
        }
        made["status"] = status or {}
        before = self.store.get(API, Key("shop", name))
        self.store.put(API, made)
        return set(self.allowances.concerned(before, made, self.store))

    def remove(self, name: str) -> set[Key]:
        made = self.store.get(API, Key("shop", name))
        assert made is not None
        self.store.remove(API, made)
        return set(self.allowances.concerned(made, None, self.store))

    def allowance(self, name: str, asks: int = 100) -> Allowance:
        made = self.store.get(API, Key("shop", name))
        assert made is not None
        return self.allowances.of(ServiceLevelObjective.parse(made, strict=False), "new", asks, self.store)


def served(samples: int = 100) -> dict[str, Any]:
    """The status of an objective that has rules."""
    rules = {"object": "ConfigMap/x", "revision": "old"}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}
    return {"inventory": [made], "rules": rules, "cost": {"rules": 28, "series": 24, "samples": samples}}


def stalled(reason: str) -> dict[str, Any]:
    condition = {"type": "Stalled", "status": "True", "reason": reason, "message": "m"}
    return {"conditions": [{**condition, "lastTransitionTime": START.isoformat()}]}


def test_those_count_that_have_rules_or_may_get_them() -> None:
    cluster = Cluster("objectives=2")
    cluster.put("runs", served())
    cluster.put("new", second=9)
    assert not cluster.allowance("new").refusal
    for name, spec, status in (
        ("broken", {"indicator": {"ratio": {"bad": "(", "total": "t"}}}, {}),
        ("refused", {}, stalled("NoSuchBucket")),
        ("sleeps", {"suspend": True}, {}),
    ):
        cluster.put(name, status, **spec)
        assert not cluster.allowance("new").refusal, name
    cluster.put("waits", stalled("QuotaExceeded"))
    assert "the others have 2 objectives" in cluster.allowance("new").refusal


def test_room_that_is_left_wakes_those_who_wait() -> None:
    cluster = Cluster("objectives=1")
    cluster.put("runs", served(100))
    cluster.put("waits", stalled("QuotaExceeded"))
    cluster.put("other", stalled("InvalidPromQL"))
    assert cluster.put("runs", served(100)) == set(), "nothing has changed"
    assert cluster.put("runs", served(150)) == set()
    assert cluster.put("runs", served(50)) == {Key("shop", "waits")}
    assert cluster.remove("runs") == {Key("shop", "waits")}
    assert not cluster.allowance("waits").refusal


def test_no_quota_and_a_malformed_one_limit_nobody() -> None:
    cluster = Cluster(None)
    cluster.put("runs", served())
    cluster.put("new")
    assert cluster.allowance("new") == Allowance()
    cluster.annotate("objectives: 1")
    allowance = cluster.allowance("new")
    assert not allowance.refusal
    assert "cannot be read" in allowance.malformed
    cluster.annotate("objectives=1")
    assert cluster.allowance("new").refusal


def test_the_look_stalls_or_warns() -> None:
    with pytest.raises(Stalled) as exceeded:
        look(figure(), allowance=Allowance(refusal="there is no room"))
    assert (exceeded.value.reason, exceeded.value.message) == ("QuotaExceeded", "there is no room")
    planned = look(figure(), allowance=Allowance(malformed="it cannot be read"))
    assert planned.ready.status == "True"
    verdict = planned.conditions["QuotaUnderstood"]
    assert (verdict.status, verdict.message) == ("False", "it cannot be read. Until then there is no limit.")
