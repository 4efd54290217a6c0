"""Many objectives on the real API server: quotas of namespaces, rules in short groups, shared indicators."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, objective
from tests.processes import OperatorProcess, wait_for

QUOTA = "ninefold.dev/slo-quota"


def _annotate(objects: Objects, quota: str) -> None:
    objects.cluster.kubectl("annotate", "namespace", objects.namespace, f"{QUOTA}={quota}", "--overwrite")


def _reasons(objects: Objects) -> dict[str, str]:
    """Why each objective is stalled; "" of one that is served, "?" before it was looked at."""
    items = objects.all("slo")
    found = {}
    for item in items:
        conditions = {each["type"]: each for each in item.get("status", {}).get("conditions", ())}
        stalled = conditions.get("Stalled", {"reason": ""})
        found[item["metadata"]["name"]] = stalled["reason"] if "Ready" in conditions else "?"
    return found


def _rules(objects: Objects) -> set[str]:
    names = objects.kubectl("get", "configmaps", "-o", "name").split()
    return {name.removeprefix("configmap/slo-").removesuffix("-rules") for name in names if name.endswith("-rules")}


def test_a_quota_serves_the_oldest_and_lets_the_others_in_by_itself(
    objects: Objects, start_operator: Callable[..., OperatorProcess]
) -> None:
    _annotate(objects, "objectives=2")
    broken = {"ratio": {"bad": "(", "total": "requests_total"}}
    # Objects of one second come in the order of their names; a broken one takes nobody's place.
    objects.apply(objective("broken", indicator=broken), *(objective(name) for name in "dcba"))
    operator = start_operator()
    full = "QuotaExceeded"
    wanted = {"a": "", "b": "", "c": full, "d": full, "broken": "InvalidPromQL"}
    created = {name: objects.get("slo", name)["metadata"]["creationTimestamp"] for name in "abcd"}
    oldest = sorted("abcd", key=lambda name: (created[name], name))
    if oldest != list("abcd"):
        wanted = {**dict.fromkeys("abcd", full), **dict.fromkeys(oldest[:2], ""), "broken": "InvalidPromQL"}
    first, second, third, fourth = oldest
    wait_for("two to be served", lambda: _reasons(objects) == wanted, 30)
    assert _rules(objects) == {first, second}
    message = objects.condition("slo", third)[2]
    assert f"the quota of the namespace is 2 objectives ({QUOTA}); the others have 2 objectives" in message
    assert "delete or simplify objectives" in message

    objects.kubectl("delete", "slo", first)
    wait_for("the next to be let in", lambda: _reasons(objects)[third] == "", 30)
    assert _reasons(objects)[fourth] == full
    wait_for("the rules of those that are served", lambda: _rules(objects) == {second, third})

    operator.kill()
    start_operator()
    _annotate(objects, "objectives=3,samples=1000000")
    wait_for("all to be let in", lambda: _reasons(objects)[fourth] == "", 30)
    _annotate(objects, "objectives=1")
    objects.apply(objective("late"))
    wait_for("a late one to be refused", lambda: _reasons(objects).get("late") == full, 30)
    assert {name: _reasons(objects)[name] for name in (second, third, fourth)} == dict.fromkeys(
        (second, third, fourth), ""
    ), "what runs goes on"

    _annotate(objects, "many")
    wait_for("a malformed quota to limit nobody", lambda: _reasons(objects)["late"] == "", 30)
    status, reason, why = objects.condition("slo", "late", "QuotaUnderstood")
    assert (status, reason) == ("False", "Malformed")
    assert 'write it as "objectives=50,samples=200000"' in why


def test_an_objective_that_grows_beyond_the_quota_keeps_its_rules(
    objects: Objects, start_operator: Callable[..., OperatorProcess]
) -> None:
    start_operator()
    objects.apply(objective("grows"))
    wait_for("its cost to be told", lambda: objects.status("slo", "grows").get("cost"), 30)
    samples = objects.status("slo", "grows")["cost"]["samples"]
    _annotate(objects, f"samples={samples + 50}")
    before = objects.get("configmap", "slo-grows-rules")["data"]
    objects.apply(objective("grows", window={"rolling": "30d"}))
    wait_for("the edit to be refused", lambda: objects.condition("slo", "grows")[1] == "QuotaExceeded", 30)
    assert "Its present rules stay." in objects.condition("slo", "grows")[2]
    assert objects.get("configmap", "slo-grows-rules")["data"] == before
    objects.apply(objective("grows", objective="90"))
    wait_for("another edit to be taken", lambda: objects.condition("slo", "grows")[1] != "QuotaExceeded", 30)


def test_rules_in_short_groups_are_all_looked_at(
    objects: Objects, shops: Shops, start_operator: Callable[..., OperatorProcess]
) -> None:
    name = objects.namespace
    shops.serve(name, rps=50)
    start_operator("--rules-per-group", "8")
    objects.apply(objective("split", service=name))
    objects.wait_condition("slo", "split", {"True"}, 60)
    (rules,) = objects.get("configmap", "slo-split-rules")["data"].values()
    assert f"name: ninefold/{name}/split/2\n" in rules
    wait_for("all groups to be well", lambda: objects.status("slo", "split")["rules"]["health"] == "Ok", 60)


def test_a_shared_indicator_survives_its_leader(
    objects: Objects, shops: Shops, start_operator: Callable[..., OperatorProcess]
) -> None:
    name = objects.namespace
    shops.serve(name, rps=50)
    start_operator("--share-indicators")
    objects.apply(*(objective(each, service=name) for each in "abc"))

    def reads() -> dict[str, str]:
        items = objects.all("slo")
        rules = {item["metadata"]["name"]: item.get("status", {}).get("rules") or {} for item in items}
        return {each: found.get("reads", "") for each, found in rules.items() if found.get("loaded")}

    wait_for("one to record for all", lambda: reads() == {"a": "", "b": "a", "c": "a"}, 90)
    objects.apply(objective("a", service=name, suspend=True))
    wait_for("the next to record", lambda: {k: v for k, v in reads().items() if k != "a"} == {"b": "", "c": "b"}, 90)
    objects.kubectl("delete", "slo", "b")
    wait_for("the last to read for itself", lambda: reads().get("c") == "", 90)
    objects.wait_condition("slo", "c", {"True"}, 60)
    assert objects.status("slo", "c")["data"] == "Healthy"
