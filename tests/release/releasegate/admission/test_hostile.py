"""What a tenant may put into a workload to get past a gate, or to make the policy fail: none of it does.

The operator is dead in all of this: only the API server decides. Each gate here has something whose time decides.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.installing import install, stand_in
from tests.release.releasegate.admission.test_policies import NEW, Shop, closure, environment, grant, image, moment

import devcluster
from devcluster import waiting
from ninefold.kube.api import DEPLOYMENT, ROLLOUT, Api
from ninefold.release.releasegate.admission.policies import policy_manifests

FAST = settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
LONG = settings(FAST, max_examples=1500)
NUMBERS = itertools.count()
CHECKS = "apiserver_validating_admission_policy_check_total"


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> Iterator[devcluster.Cluster]:
    """With a Rollout in which anything may stand."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    rollout = stand_in(ROLLOUT, {"type": "object", "properties": {"spec": anything, "status": anything}})
    rollout["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        "x-kubernetes-preserve-unknown-fields": True
    }
    install(cluster, *policy_manifests(), rollout)
    waiting.until(lambda: cluster.api.request("GET", ROLLOUT.path())[0] == 200, "Rollouts to be served", 30)
    yield cluster
    assert failures(cluster) == 0


def failures(cluster: devcluster.Cluster) -> float:
    """How many times the policies themselves have failed since the API server came up."""
    text = cluster.api.request("GET", "/metrics")[1]
    found = re.findall(rf'^{CHECKS}{{(.*policy="ninefold-release-gate.*)}} (\S+)$', text, re.MULTILINE)
    return sum(float(value) for labels, value in found if not re.search('error_type="(no|invalid)_error"', labels))


@pytest.fixture(scope="module")
def frozen(server: devcluster.Cluster) -> Iterator[Shop]:
    """A freeze that has begun and is not over, and an Override that is, both of which the operator never saw."""
    server.kubectl("create", "namespace", "hostile")
    shop = Shop(server, "hostile")
    shop.deploy()
    shop.gate(workloads={"scope": "Namespace"})
    freeze = closure(**{"from": moment(-5), "until": moment(7200)})
    shop.decide("Allow", closures=[freeze], overrides=[grant(seconds=-5)], knownGoodRevisions=None)
    shop.await_refusal(NEW)
    yield shop
    server.kubectl("delete", "namespace", "hostile", "--wait=false")


def moments() -> list[str | None]:
    return [
        *(moment(seconds) for seconds in (-3600, -1, 0, 1, 2, 3600)),
        None,
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2000-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59Z",
    ]


OWNED: tuple[dict[str, Any], ...] = (
    {},
    {"f:metadata": {"f:labels": {"f:team": {}}}},
    {"f:spec": {"f:template": {"f:spec": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}}},
)


@st.composite
def fields(draw: st.DrawFn) -> list[dict[str, Any]]:
    """managedFields as a client may send them."""
    count = draw(st.sampled_from([0, 1, 1, 2, 3, 9, 10, 11, 12, 20, 64, 65, 700, 1000]))
    seed = random.Random(draw(st.integers(0, 2**32)))
    times = draw(st.lists(st.sampled_from(moments()), min_size=1, max_size=3))
    operations = draw(st.sampled_from([("Update",), ("Apply",), ("Update", "Apply")]))
    return [
        {
            "manager": seed.choice(["ann", "kubectl", "ancient-changes", f"m{number}", f"m{number}"]),
            "operation": seed.choice(operations),
            "apiVersion": "apps/v1",
            "time": seed.choice(times),
            "fieldsType": "FieldsV1",
            "fieldsV1": seed.choice(OWNED),
        }
        for number in range(count)
    ]


def remove(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["spec"]["containers"].pop()


def shrink(workload: dict[str, Any]) -> None:
    del workload["spec"]["template"]["spec"]["initContainers"]


def reorder(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["spec"]["containers"].reverse()


def bare(workload: dict[str, Any]) -> None:
    workload["metadata"]["annotations"] = {"note": moment(0)}
    remove(workload)


TEMPLATES = st.sampled_from([NEW, environment, remove, shrink, reorder, bare, image("app", "checkout:v4")])


def attack(
    shop: Shop,
    planted: list[dict[str, Any]] | None,
    sent: list[dict[str, Any]] | None,
    change: Any,
    *,
    manager: str,
    api: Api = DEPLOYMENT,
) -> tuple[int, Any]:
    """Plant entries by a change of labels, then try the change with others. What the API server answers."""
    path = api.path(shop.namespace, "checkout")
    if planted is not None:
        found = shop.request("GET", path)[1]
        found["metadata"]["managedFields"] = planted
        found["metadata"]["labels"]["number"] = str(next(NUMBERS))
        code, reply = shop.request("PUT", path, found, fieldManager=manager or None)
        # A time that is none is refused by the API server itself.
        assert code in (200, 400, 409, 422), reply
    found = shop.request("GET", path)[1]
    body = copy.deepcopy(found)
    if sent is not None:
        body["metadata"]["managedFields"] = [
            *sent,
            *(body["metadata"].get("managedFields", []) if len(sent) % 2 else []),
        ]
    change(body)
    return shop.request("PUT", path, body, fieldManager=manager or None)


def attacked(shop: Shop, planted: Any, sent: Any, change: Any, manager: str) -> None:
    """A template that got past is put back, so that the next attack changes something, too."""
    answer = attack(shop, planted, sent, change, manager=manager)
    if answer[0] == 200:
        shop.request("DELETE", DEPLOYMENT.path(shop.namespace, "checkout"))
        waiting.until(
            lambda: shop.request("GET", DEPLOYMENT.path(shop.namespace, "checkout"))[0] == 404, "the old one to go", 20
        )
        shop.deploy()
    refused(answer)


def refused(answer: tuple[int, Any]) -> None:
    code, reply = answer
    assert code in (400, 403, 409, 422), reply
    if code == 403:
        assert "is closed (Hold): Nothing changes now: sale." in reply["message"], reply["message"]
        assert "resulted in error" not in reply["message"], reply["message"]


MANAGERS = st.sampled_from(["ann", "", "m1", "ancient-changes"])
HOSTILE = (st.none() | fields(), st.none() | fields(), TEMPLATES, MANAGERS)


@pytest.mark.parametrize(("time", "manager"), [(-3600, "ancient-changes"), (10**9, "ann"), (10**9, "ancient-changes")])
def test_a_stamp_that_is_merged_with_forged_ones_passes_no_freeze(frozen: Shop, time: int, manager: str) -> None:
    """Above ten managers the API server merges the oldest entries, and the true time may go with them."""
    entry = {"operation": "Update", "apiVersion": "apps/v1", "time": moment(time), "fieldsType": "FieldsV1"}
    owned = OWNED[2]
    sent = [{**entry, "manager": f"m{number}", "fieldsV1": owned} for number in range(20)]
    code, reply = attack(frozen, None, sent, image("app", "checkout:v4"), manager=manager)
    assert code == 403, reply
    assert "among so many field managers: empty metadata.managedFields" in reply["message"]


@pytest.fixture
def granted(server: devcluster.Cluster, namespace: str) -> Shop:
    """A closed gate, an Override in force, and a freeze that is to come."""
    shop = Shop(server, namespace)
    shop.deploy()
    shop.gate(workloads={"scope": "Namespace"})
    to_come = closure(**{"from": moment(3600), "until": moment(7200)})
    shop.decide("Hold", closures=[closure(), to_come], overrides=[grant()], knownGoodRevisions=None)
    waiting.until(lambda: shop.change(NEW, manager="") == "", "the override to count", 10)
    return shop


def plant(shop: Shop, *entries: dict[str, Any]) -> None:
    """Add field managers to the workload, or leave none."""

    def change(workload: dict[str, Any]) -> None:
        known = workload["metadata"].get("managedFields", [])
        workload["metadata"]["managedFields"] = [*known, *entries] if entries else [{}]

    assert shop.change(change, dry=False, manager="eve") == ""


YEARS_TO_COME = {
    "apiVersion": "apps/v1",
    "time": "2099-01-01T00:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}},
}


def test_years_to_come_under_another_name_hinder_nobody_who_has_one(granted: Shop) -> None:
    plant(granted, {**YEARS_TO_COME, "manager": "eve", "operation": "Apply"})
    assert granted.change(NEW, manager="ann") == ""
    told = granted.change(NEW, manager="")
    assert "The API server takes it to be 2099-01-01T00:00:00Z by metadata.managedFields: if that is yet" in told


def test_whoever_is_hindered_by_years_to_come_is_told_what_helps(granted: Shop) -> None:
    plant(granted, {**YEARS_TO_COME, "manager": "ann", "operation": "Apply"})
    assert "Empty metadata.managedFields, and try again with kubectl apply --server-side" in granted.change(NEW)
    plant(granted)
    told = granted.change(NEW)
    assert "since metadata.managedFields is empty: try again with kubectl apply --server-side" in told
    found = granted.request("GET", DEPLOYMENT.path(granted.namespace, "checkout"))[1]
    NEW(found)
    spec = {name: found["spec"][name] for name in ("replicas", "selector", "template")}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout"}, "spec": spec}
    applied = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    granted.cluster.kubectl("-n", granted.namespace, *applied, input=json.dumps(body))


@FAST
@given(*HOSTILE)
def test_no_stamp_of_a_clients_own_passes_a_freeze(
    frozen: Shop, planted: Any, sent: Any, change: Any, manager: str
) -> None:
    attacked(frozen, planted, sent, change, manager)


@pytest.mark.slow
@LONG
@given(*HOSTILE)
def test_no_stamp_of_a_clients_own_passes_a_freeze_at_length(
    frozen: Shop, planted: Any, sent: Any, change: Any, manager: str
) -> None:
    attacked(frozen, planted, sent, change, manager)


PLACES = ("name", "image", "env", "value", "reference", "spec", "template", "containers", "volumes", "metadata", "")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31)
    | st.sampled_from(["", "app", "checkout:v41", "x, y", "{", "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(PLACES), inner, max_size=4),
    max_leaves=12,
)
CONTAINERS = JSON | st.lists(
    JSON | st.fixed_dictionaries({"name": JSON | st.just("app"), "image": JSON | st.just("checkout:v41"), "env": JSON}),
    max_size=3,
)
BODIES = JSON | st.fixed_dictionaries(
    {},
    optional={
        "template": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "metadata": JSON | st.fixed_dictionaries({}, optional={"labels": JSON, "annotations": JSON}),
                "spec": JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "containers": CONTAINERS,
                        "initContainers": CONTAINERS,
                        "ephemeralContainers": JSON,
                        "volumes": JSON | st.lists(st.fixed_dictionaries({"name": JSON, "image": JSON}), max_size=2),
                    },
                ),
            },
        ),
        "jobTemplate": JSON,
        "workloadRef": JSON,
        "selector": JSON | st.fixed_dictionaries({"matchLabels": JSON}),
        "replicas": JSON,
    },
)


@pytest.fixture(scope="module")
def odd(server: devcluster.Cluster) -> Iterator[Shop]:
    """A closed gate over all of a namespace, with all that may let something pass."""
    server.kubectl("create", "namespace", "odd")
    shop = Shop(server, "odd")
    shop.deploy()
    shop.gate(workloads={"scope": "Namespace"})
    known = {f"{kind}/checkout": "app=checkout:v41" for kind in ("Deployment", "Rollout")}
    template = {"workload": "Rollout/checkout", "hash": "x", "spec": {"containers": [{"name": "odd"}]}}
    freeze = closure(**{"from": moment(-5), "until": moment(7200)})
    granted = [grant(images=["checkout:v99"]), grant("over", seconds=-5)]
    shop.decide("Hold", closures=[freeze], overrides=granted, knownGoodRevisions=known, knownGoodTemplates=[template])
    shop.await_refusal(NEW)
    yield shop
    server.kubectl("delete", "namespace", "odd", "--wait=false")


def rollout(shop: Shop, spec: Any) -> dict[str, Any]:
    """A new one: that is never refused."""
    name = f"r{next(NUMBERS)}"
    body = {"apiVersion": ROLLOUT.api_version, "kind": "Rollout", "metadata": {"name": name}, "spec": spec}
    code, reply = shop.request("POST", ROLLOUT.path(shop.namespace), body)
    assert code == 201, reply
    return dict(reply)


def mapped(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def template_of(spec: Any) -> tuple[Any, ...]:
    """What may run: nothing does that is no map, or empty, or that has no container at all."""
    body = mapped(spec)
    template = mapped(body.get("template"))
    pod = mapped(template.get("spec"))
    if not any(pod.get(kind) for kind in ("containers", "initContainers", "ephemeralContainers")):
        # The API server takes no such pod.
        pod = {}
    metadata = mapped(template.get("metadata"))
    rest = {name: value for name, value in template.items() if name not in ("metadata", "spec")}
    labels = {name: value for name, value in metadata.items() if name != "annotations" and value != {}}
    return (
        pod,
        rest,
        labels,
        mapped(metadata.get("annotations")),
        body.get("workloadRef") or {},
    )


def update(shop: Shop, old: Any, new: Any) -> None:
    """Of a Rollout from one spec to another, whatever stands in them."""
    code, reply = 409, dict[str, Any]()
    # After a conflict, of whomever, on an object of its own again.
    for _ in range(3):
        if code == 409:
            found = rollout(shop, old)
            path = ROLLOUT.path(shop.namespace, found["metadata"]["name"])
            code, reply = shop.request("PUT", path, {**found, "spec": new})
    assert code in (200, 403), (code, reply)
    if code == 403:
        assert "is closed (Hold): Nothing changes now: sale." in reply["message"], reply["message"]
        assert "resulted in error" not in reply["message"], reply["message"]
    elif template_of(old) != template_of(new):
        # Restarts and rollbacks are known by what they are; nothing else may pass.
        assert "checkout:v41" in str(new) or "annotations" in str(new), (old, new)


@FAST
@given(BODIES, BODIES)
def test_a_rollout_may_hold_anything(odd: Shop, old: Any, new: Any) -> None:
    update(odd, old, new)


@pytest.mark.slow
@LONG
@given(BODIES, BODIES)
def test_a_rollout_may_hold_anything_at_length(odd: Shop, old: Any, new: Any) -> None:
    update(odd, old, new)


def pod(**parts: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "app", "image": "checkout:v42"}], **parts}}}


MANY = {f"key-{number}": "" for number in range(12_000)}
LARGE: dict[str, Any] = {
    "containers": pod(containers=[{"name": f"c{number}", "image": f"i:{number}"} for number in range(5_000)]),
    "init containers": pod(initContainers=[{"name": "x"}] * 5_000),
    "volumes": pod(volumes=[{"name": f"v{number}", "image": {"reference": "x:1"}} for number in range(5_000)]),
    "environment": pod(
        containers=[{"name": "app", "env": [{"name": f"STAKATER_{n}", "value": ""} for n in range(3_000)]}]
    ),
    "annotations": {"template": {"metadata": {"annotations": MANY}}},
    "labels of a template": {"template": {"metadata": {"labels": MANY}}},
    "labels of a selector": {"selector": {"matchLabels": MANY}, **pod()},
    "a long word": pod(nodeName="x" * 300_000),
    "many words": pod(args=[f"word-{number}" for number in range(20_000)]),
    "depth": pod(deep=json.loads('{"a":' * 90 + "1" + "}" * 90)),
}


@pytest.mark.parametrize("large", LARGE)
def test_what_is_large_is_refused_and_costs_little(odd: Shop, server: devcluster.Cluster, large: str) -> None:
    """Whatever is too large to be compared is no restart and no rollback, and says so."""
    for old, new in ((pod(), LARGE[large]), (LARGE[large], pod()), (LARGE[large], {**LARGE[large], "workloadRef": {}})):
        update(odd, old, new)
    changed = copy.deepcopy(LARGE[large])
    changed["template"]["spec"] = {**changed["template"].get("spec", {}), "hostname": "other"}
    update(odd, LARGE[large], changed)
    assert failures(server) == 0
