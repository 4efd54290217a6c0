"""The admission policy in a real API server, with no operator anywhere: only the gate's status decides."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.installing import install
from tests.moments import before
from tests.namespaced import Namespaced

import devcluster
from devcluster import waiting
from devcluster.errors import CommandError
from devcluster.waiting import patient
from ninefold.kinds import GUARDS, MODELS, RECORDS
from ninefold.kube.api import CRON_JOB, DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Api
from ninefold.kube.fields import rfc3339
from ninefold.kube.rbac import people
from ninefold.release.releasegate.admission.policies import policy_manifests
from ninefold.release.releasegate.resource import ReleaseGate

Change = Callable[[dict[str, Any]], object]

GOOD = "\n".join(f"app=checkout:v{number} migrate=migrate:1 proxy=proxy:1" for number in (42, 41))
MESSAGE = "checkout-availability has spent 104 % of its 30-day error budget, burning 22x over 1h."
SAMPLES = Path(__file__).parents[4] / "manifests" / "samples"
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> devcluster.Cluster:
    """The cluster with the kinds and the policy installed."""
    install(cluster, *policy_manifests())
    return cluster


class Shop(Namespaced):
    """A namespace with a workload `checkout` and a gate."""

    def request(self, method: str, path: str, body: object = None, **parameters: object) -> tuple[int, Any]:
        return self.cluster.api.request(method, path, body, **parameters)

    def deploy(self, api: Api = DEPLOYMENT, name: str = "checkout") -> None:
        body = {
            "apiVersion": api.api_version,
            "kind": api.kind,
            "metadata": {"name": name, "labels": {"team": "shop"}},
            "spec": {
                # No pod is needed to change a template.
                **({"replicas": 0} if api != DAEMON_SET else {}),
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {
                        "initContainers": [{"name": "migrate", "image": "migrate:1"}],
                        "containers": [
                            {"name": "app", "image": "checkout:v42"},
                            {"name": "proxy", "image": "proxy:1"},
                        ],
                        **({"nodeSelector": {"none": "such"}} if api == DAEMON_SET else {}),
                    },
                },
            },
        }
        code, reply = self.request("POST", api.path(self.namespace), body)
        assert code == 201, reply

    def gate(self, name: str = "checkout", labels: dict[str, str] | None = None, **spec: Any) -> None:
        body = {
            "apiVersion": ReleaseGate.api.api_version,
            "kind": ReleaseGate.api.kind,
            "metadata": {"name": name},
            "spec": {
                "workloads": {"matchLabels": labels or {"app": "checkout"}},
                "sources": [{"errorBudgetPolicy": "checkout"}],
                **spec,
            },
        }
        code, reply = self.request("POST", ReleaseGate.api.path(self.namespace), body)
        assert code == 201, reply

    def decide(self, decision: str, name: str = "checkout", **status: Any) -> None:
        """Write the status as the operator does, and wait until the policy has it: informers take a moment."""
        known = {f"{api.kind}/checkout": GOOD for api in (*WORKLOADS, CRON_JOB)}
        patch = {"status": {"decision": decision, "message": MESSAGE, "knownGoodRevisions": known, **status}}
        direct.patch(self.cluster, "releasegate", name, patch, namespace=self.namespace, subresource="status")

    def change(
        self, change: Change, api: Api = DEPLOYMENT, name: str = "checkout", *, dry: bool = True, manager: str = "ann"
    ) -> str:
        """What the API server says to a changed workload; "" if it passes. `manager`: the client's own name."""
        path = api.path(self.namespace, name)

        def attempt() -> tuple[int, Any]:
            _, found = self.request("GET", path)
            body = copy.deepcopy(found)
            change(body)
            return self.request("PUT", path, body, dryRun="All" if dry else None, fieldManager=manager or None)

        code, reply = attempt()
        while code == 409 and reply["reason"] == "Conflict":
            code, reply = attempt()
        assert code in (200, 403), reply
        return "" if code == 200 else str(reply["message"])

    def await_refusal(self, change: Change, api: Api = DEPLOYMENT, name: str = "checkout") -> None:
        waiting.until(lambda: self.change(change, api, name) != "", "the gate to close", 10)

    def await_passing(self, change: Change, api: Api = DEPLOYMENT, name: str = "checkout") -> None:
        waiting.until(lambda: self.change(change, api, name) == "", "the gate to open", 10)


def image(container: str, reference: str) -> Change:
    def change(workload: dict[str, Any]) -> None:
        spec = workload["spec"]["template"]["spec"]
        for each in [*spec["containers"], *spec.get("initContainers", ())]:
            if each["name"] == container:
                each["image"] = reference

    return change


def environment(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DEBUG", "value": "1"}]


def both(*changes: Change) -> Change:
    def change(workload: dict[str, Any]) -> None:
        for each in changes:
            each(workload)

    return change


def add_container(reference: str) -> Change:
    return lambda workload: workload["spec"]["template"]["spec"]["containers"].append(
        {"name": "extra", "image": reference}
    )


def reorder(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["spec"]["containers"].reverse()


def swap(workload: dict[str, Any]) -> None:
    first, second = workload["spec"]["template"]["spec"]["containers"]
    first["image"], second["image"] = second["image"], first["image"]


def rename(workload: dict[str, Any]) -> None:
    container = workload["spec"]["template"]["spec"]["containers"][0]
    container.update(name="renamed", image="checkout:v41", command=["sh"])


def annotate_template(key: str) -> Change:
    def change(workload: dict[str, Any]) -> None:
        workload["spec"]["template"]["metadata"].setdefault("annotations", {})[key] = "2026-03-01T12:00:00Z"

    return change


def label_template(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["metadata"]["labels"]["extra"] = "1"


def image_volume(reference: str) -> Change:
    return lambda workload: (
        workload["spec"]["template"]["spec"]
        .setdefault("volumes", [])
        .append({"name": "data", "image": {"reference": reference}})
    )


def forge(workload: dict[str, Any]) -> None:
    workload["metadata"]["managedFields"] = [
        {"manager": "ninefold", "operation": "Update", "apiVersion": "apps/v1", "time": "2099-01-01T00:00:00Z"}
    ]
    environment(workload)


NEW = image("app", "checkout:v43")
RESTART = annotate_template("kubectl.kubernetes.io/restartedAt")


def closed_in(server: devcluster.Cluster, namespace: str) -> Shop:
    shop = Shop(server, namespace)
    shop.deploy()
    shop.gate()
    shop.decide("Hold")
    shop.await_refusal(NEW)
    return shop


@pytest.fixture
def shop(server: devcluster.Cluster, namespace: str) -> Shop:
    """With the gate closed."""
    return closed_in(server, namespace)


@pytest.fixture(scope="module")
def closed(server: devcluster.Cluster) -> Iterator[Shop]:
    """With the gate closed, for tests that only ask and change nothing."""
    server.kubectl("create", "namespace", "closed-gate")
    yield closed_in(server, "closed-gate")
    server.kubectl("delete", "namespace", "closed-gate", "--wait=false")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a new image", NEW),
        ("an environment variable", environment),
        ("an init container", image("migrate", "migrate:2")),
        ("a container with a good image", add_container("checkout:v41")),
        ("a container with its own image", add_container("checkout:v42")),
        ("another order of containers", reorder),
        ("images that change places", swap),
        ("another name for a rolled back container", rename),
        ("a rollback beside an unknown image", both(image("app", "checkout:v41"), image("proxy", "proxy:2"))),
        ("a rollback beside an unknown init image", both(image("app", "checkout:v41"), image("migrate", "migrate:2"))),
        ("a rollback beside an unknown image volume", both(image("app", "checkout:v41"), image_volume("data:9"))),
        ("a template's annotation", annotate_template("note")),
        ("a template's label", label_template),
        ("a restart with a change in it", both(RESTART, environment)),
        ("a restart with another annotation", both(RESTART, annotate_template("note"))),
        ("forged managed fields", forge),
    ],
)
def test_a_closed_gate_refuses(closed: Shop, name: str, change: Change) -> None:
    refusal = closed.change(change)
    assert f"release gate {closed.namespace}/checkout is closed (Hold): {MESSAGE}" in refusal, name
    assert refusal.endswith(emergency(closed)), name


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a scale", lambda workload: workload["spec"].update(replicas=0, paused=True)),
        ("a label of the workload", lambda workload: workload["metadata"]["labels"].update(extra="1")),
        ("an annotation of the workload", lambda workload: workload["metadata"].update(annotations={"a": "b"})),
        ("a restart", RESTART),
        ("a rollback", image("app", "checkout:v41")),
        ("a rollback with the configuration of that time", both(image("app", "checkout:v41"), environment)),
        ("a rollback of an init container", both(image("migrate", "checkout:v41"))),
        ("a strategy", lambda workload: workload["spec"].update(minReadySeconds=3)),
    ],
)
def test_a_closed_gate_lets_pass(closed: Shop, name: str, change: Change) -> None:
    assert closed.change(change) == "", name


def test_a_person_with_kubectl(shop: Shop) -> None:
    """The commands that people type, and what they read."""
    for refused in (["set", "image", "deploy/checkout", "app=checkout:v43"], ["set", "env", "deploy/checkout", "A=b"]):
        with pytest.raises(CommandError) as error:
            shop.kubectl(*refused)
        assert f"release gate {shop.namespace}/checkout is closed (Hold): {MESSAGE}" in str(error.value)
    shop.kubectl("scale", "deploy/checkout", "--replicas=1")
    shop.kubectl("label", "deploy/checkout", "x=y")
    shop.kubectl("annotate", "deploy/checkout", "x=y")
    shop.kubectl("rollout", "restart", "deploy/checkout")
    shop.kubectl("set", "image", "deploy/checkout", "app=checkout:v41")
    shop.kubectl("rollout", "undo", "deploy/checkout")
    shop.kubectl("autoscale", "deploy/checkout", "--max=3")
    shop.kubectl("delete", "deploy/checkout")


def test_a_bad_release_is_undone_and_not_redone(shop: Shop) -> None:
    shop.decide("Allow")
    shop.await_passing(NEW)
    shop.kubectl("set", "image", "deploy/checkout", "app=checkout:v43")
    shop.kubectl("rollout", "status", "deploy/checkout", f"--timeout={patient(30):.0f}s")
    shop.decide("Deny")
    shop.await_refusal(environment)
    shop.kubectl("rollout", "undo", "deploy/checkout")
    with pytest.raises(CommandError, match=r"is closed \(Deny\)"):
        shop.kubectl("rollout", "undo", "deploy/checkout")


@pytest.mark.parametrize("api", WORKLOADS, ids=lambda api: api.kind)
def test_every_kind_of_workload(server: devcluster.Cluster, namespace: str, api: Api) -> None:
    shop = Shop(server, namespace)
    shop.deploy(api)
    shop.gate()
    assert shop.change(NEW, api) == ""
    shop.decide("Hold")
    shop.await_refusal(NEW, api)
    assert shop.change(environment, api) != ""
    assert shop.change(RESTART, api) == ""
    assert shop.change(image("app", "checkout:v41"), api) == ""
    shop.kubectl("rollout", "restart", f"{api.kind}/checkout")


def test_a_gate_without_a_decision_lets_pass(server: devcluster.Cluster, namespace: str) -> None:
    shop = Shop(server, namespace)
    shop.deploy()
    shop.gate()
    probe = namespace.replace("test", "probe")
    shop.gate(probe, {"app": "probe"})
    shop.deploy(name="probe")
    shop.decide("Hold", probe)
    # Once the second gate is enforced, the first one is known to the policy as well.
    shop.await_refusal(environment, name="probe")
    assert shop.change(NEW) == ""
    for decision in ("Unknown", "Allow"):
        shop.decide(decision)
        assert shop.change(NEW) == ""
    shop.kubectl("patch", "releasegate", "checkout", "--subresource=status", "--type=merge", "-p", '{"status":null}')
    assert shop.change(NEW) == ""


def test_a_closed_gate_without_a_list_of_good_images_lets_no_rollback_pass(shop: Shop) -> None:
    shop.decide("Hold", knownGoodRevisions=None, message=None)
    shop.await_refusal(image("app", "checkout:v41"))
    assert shop.change(NEW).endswith(f"release gate {shop.namespace}/checkout is closed (Hold)." + emergency(shop))


def test_a_gate_selects_by_labels_and_only_in_its_namespace(shop: Shop, server: devcluster.Cluster) -> None:
    shop.deploy(name="cart")
    assert shop.change(NEW, name="cart") == ""
    # One label in the selector and the other on the workload: no set carries both.
    shop.gate("both", {"app": "cart", "team": "shop"})
    shop.decide("Hold", "both")
    shop.gate("probe", {"app": "probe"})
    shop.deploy(name="probe")
    shop.decide("Hold", "probe")
    shop.await_refusal(NEW, name="probe")
    assert shop.change(NEW, name="cart") == ""
    other = Shop(server, f"{shop.namespace}-other")
    server.kubectl("create", "namespace", other.namespace)
    try:
        other.deploy()
        assert other.change(NEW) == ""
    finally:
        server.kubectl("delete", "namespace", other.namespace, "--wait=false")


def test_any_closed_gate_of_several_refuses(shop: Shop) -> None:
    shop.gate("team", {"team": "shop"})
    shop.decide("Allow")
    shop.decide("Deny", "team", message="no.")
    shop.await_refusal(NEW)
    waiting.until(lambda: f"{shop.namespace}/team is closed (Deny): no." in shop.change(NEW), "the second gate", 10)
    shop.decide("Allow", "team")
    shop.await_passing(NEW)


def test_a_workload_cannot_be_taken_out_from_under_a_closed_gate(shop: Shop) -> None:
    def unlabel(workload: dict[str, Any]) -> None:
        del workload["metadata"]["labels"]["team"]

    # Selected by a label in its immutable selector: its own labels do not matter.
    assert shop.change(unlabel, dry=False) == ""
    assert shop.change(NEW) != ""
    # Selected by its own label alone: that label stays while the gate is closed.
    shop.decide("Allow")
    shop.await_passing(both(lambda workload: workload["metadata"].update(labels={"team": "shop"}), NEW))
    shop.change(lambda workload: workload["metadata"].update(labels={"team": "shop"}), dry=False)
    shop.gate("team", {"team": "shop"})
    shop.decide("Hold", "team")
    shop.await_refusal(NEW)
    refusal = shop.change(unlabel)
    assert refusal.endswith(
        f"{shop.namespace}/team is closed (Hold): keep the labels that it selects by until it opens"
    )


def emergency(shop: Shop) -> str:
    """What a refusal ends with: the command that lets the change pass."""
    return f" To release all the same: ninefold gate override checkout -n {shop.namespace} --for 30m --reason ..."


def test_a_refusal_ends_with_whom_to_ask(shop: Shop) -> None:
    asked = " Contact: https://wiki.example.com/releases?team=shop"
    patch = {"spec": {"contact": asked.removeprefix(" Contact: ")}}
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", json.dumps(patch))
    waiting.until(lambda: shop.change(NEW).endswith(emergency(shop) + asked), "the contact", 10)
    patch["spec"]["contact"] = "ann\nbob"
    with pytest.raises(CommandError, match="write it on one line"):
        shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", json.dumps(patch))


def moment(seconds: float) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))


def stamp(year: int) -> Change:
    """Another time among those that the API server keeps of who changed what, in the form it takes."""
    entry = {
        "manager": "forger",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": f"{year}-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:team": {}}}},
    }
    return lambda workload: workload["metadata"]["managedFields"].append(entry)


def closure(**times: str) -> dict[str, Any]:
    return {"decision": "Hold", "because": "freeze: sale", "message": "Nothing changes now: sale.", **times}


def test_a_freeze_ends_by_the_clock_of_the_api_server(shop: Shop) -> None:
    def freeze(end: datetime) -> None:
        shop.decide("Hold", closures=[closure(until=rfc3339(end))], passes="A rollback to checkout:v41 passes.")

    def told() -> bool:
        refusal = shop.change(NEW)
        words = "is closed (Hold): Nothing changes now: sale. A rollback to checkout:v41 passes." + emergency(shop)
        return "freeze" not in refusal and refusal.endswith(words) and shop.change(image("app", "checkout:v41")) == ""

    before(3, freeze, told)
    # Nobody writes the gate any more.
    waiting.until(lambda: shop.change(NEW) == "", "the end of the freeze", 15)


def test_a_freeze_begins_by_the_clock_of_the_api_server(shop: Shop) -> None:
    def freeze(begin: datetime) -> None:
        shop.decide("Allow", closures=[closure(**{"from": rfc3339(begin), "until": moment(600)})])

    before(3, freeze, lambda: shop.change(NEW) == "")
    waiting.until(lambda: "sale" in shop.change(NEW), "the begin of the freeze", 15)


def test_several_reasons_are_told_and_forged_stamps_open_nothing(shop: Shop) -> None:
    stop = {"decision": "Deny", "because": "stopped by ann", "message": "ann has closed it: x."}
    shop.decide("Deny", closures=[stop, closure(until=moment(600))])
    waiting.until(lambda: "ann" in shop.change(NEW), "the stop", 10)
    assert shop.change(NEW).endswith(
        "is closed (Deny): ann has closed it: x. Closed by freeze: sale too. A rollback to checkout:v41 passes."
        + emergency(shop)
    )
    shop.decide("Hold", closures=[closure(until=moment(600))])
    waiting.until(lambda: "ann" not in shop.change(NEW), "the freeze alone", 10)
    for year in (2000, 2099):
        assert "sale" in shop.change(both(NEW, stamp(year)))


def grant(name: str = "fix", seconds: float = 600, **more: Any) -> dict[str, Any]:
    return {"name": name, "by": "ann", "until": moment(seconds), **more}


def test_an_override_lets_change_pass_and_ends_by_itself(shop: Shop) -> None:
    before(
        3,
        lambda end: shop.decide("Hold", overrides=[grant(until=rfc3339(end))]),
        lambda: shop.change(NEW) == shop.change(environment) == "",
    )
    waiting.until(lambda: shop.change(NEW) != "", "the end of the override", 15)
    for year in (2000, 2099):
        assert shop.change(both(NEW, stamp(year))) != ""


def test_an_override_of_images_is_of_no_other(shop: Shop) -> None:
    shop.decide("Hold", overrides=[grant(images=["checkout:v43"])])
    shop.await_passing(NEW)
    assert shop.change(image("app", "checkout:v44")) != ""
    assert shop.change(both(NEW, image("proxy", "proxy:2"))) != ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nothing moves", environment),
        ("a container is taken away", lambda workload: workload["spec"]["template"]["spec"]["containers"].pop()),
        ("another order", reorder),
        ("another name", lambda workload: workload["spec"]["template"]["spec"]["containers"][0].update(name="other")),
    ],
)
def test_an_override_of_images_lets_nothing_pass_that_brings_none_of_them(
    shop: Shop, name: str, change: Change
) -> None:
    shop.decide("Hold", overrides=[grant(images=["checkout:v43", "checkout:v42"])])
    shop.await_passing(NEW)
    assert shop.change(both(NEW, environment)) == "", "the configuration of the hotfix comes with it"
    assert shop.change(change) != "", name


def rename_to_server(workload: dict[str, Any]) -> None:
    workload["spec"]["template"]["spec"]["containers"][0].update(name="server", image="checkout:v43")


@pytest.mark.parametrize("release", [NEW, rename_to_server, both(NEW, add_container("extra:1")), both(NEW, reorder)])
def test_each_rollback_that_a_refusal_names_passes(shop: Shop, release: Change) -> None:
    """Whatever the bad release did to the containers."""
    shop.decide("Allow")
    shop.await_passing(NEW)
    _, before = shop.request("GET", DEPLOYMENT.path(shop.namespace, "checkout"))
    shop.change(release, dry=False)
    shop.kubectl("rollout", "status", "deploy/checkout", "--timeout=60s")
    shop.decide("Hold", closures=[closure()])
    shop.await_refusal(environment)
    told = shop.change(environment).partition("A rollback to ")[2].partition(" passes.")[0]
    assert told == "checkout:v42 or checkout:v41"

    def to(reference: str) -> Change:
        def change(workload: dict[str, Any]) -> None:
            """As rollout undo does."""
            workload["spec"]["template"] = copy.deepcopy(before["spec"]["template"])
            image("app", reference)(workload)

        return change

    for target in told.split(" or "):
        assert shop.change(to(target)) == "", target
    assert shop.change(to("checkout:v40")) != ""
    shop.kubectl("rollout", "undo", "deploy/checkout")


def test_a_dry_run_is_answered_as_the_write_would_be(shop: Shop) -> None:
    """Flux tries all objects before it applies one: what passed there would be applied by half."""
    shop.kubectl("set", "image", "deploy/checkout", "app=checkout:v41", "--dry-run=server")
    with pytest.raises(CommandError, match="is closed"):
        shop.kubectl("set", "image", "deploy/checkout", "app=checkout:v43", "--dry-run=server")


def set_environment(name: str, **entry: Any) -> Change:
    return lambda workload: (
        workload["spec"]["template"]["spec"]["containers"][1].setdefault("env", []).append({"name": name, **entry})
    )


RESTARTS = (
    annotate_template("reloader.stakater.com/last-reloaded-from"),
    annotate_template("cattle.io/timestamp"),
    set_environment("STAKATER_CHECKOUT_SECRET", value="0123456789abcdef"),
    both(RESTART, set_environment("STAKATER_A_CONFIGMAP", value="1"), set_environment("STAKATER_B_SECRET", value="2")),
)
NO_RESTARTS = (
    set_environment("LEVEL", value="debug"),
    set_environment("STAKATER_A", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}),
    both(set_environment("STAKATER_A", value="1"), set_environment("LEVEL", value="debug")),
    both(set_environment("STAKATER_A", value="1"), reorder),
    both(set_environment("STAKATER_A", value="1"), image_volume("data:1")),
    both(annotate_template("cattle.io/timestamp"), label_template),
    annotate_template("reloader.stakater.org/x"),
    both(RESTART, lambda workload: workload["spec"]["template"]["metadata"].update(finalizers=["example.com/hold"])),
)


def test_a_refused_undo_of_configuration_says_which_gate_lets_it_pass(shop: Shop) -> None:
    shop.decide("Hold")
    shop.await_refusal(environment)
    assert "a gate with spec.knownGood.templates lets a rollback of configuration pass" in shop.change(environment)
    assert "spec.knownGood.templates" not in shop.change(NEW)
    learning = json.dumps({"spec": {"knownGood": {"templates": 2}}})
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", learning)
    waiting.until(lambda: "knownGood.templates" not in shop.change(environment), "the gate to be enforced so", 10)
    assert shop.change(environment) != ""


def test_what_tools_write_to_restart_pods_passes_and_nothing_else(closed: Shop) -> None:
    assert [closed.change(change) for change in RESTARTS] == [""] * len(RESTARTS)
    assert all(closed.change(change) != "" for change in NO_RESTARTS)


def test_a_gate_names_the_tools_that_restart(shop: Shop) -> None:
    names = {"annotations": ["example.com/*"], "environment": []}
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", json.dumps({"spec": {"restartedBy": names}}))
    shop.await_passing(annotate_template("example.com/restart"))
    assert shop.change(RESTART) != ""
    assert shop.change(RESTARTS[2]) != ""


def test_what_gets_no_stamp_waits_for_an_annotation(shop: Shop) -> None:
    """A change that only takes away: whether the freeze to come has begun cannot be told, and people read why."""

    def remove(workload: dict[str, Any]) -> None:
        workload["spec"]["template"]["spec"]["containers"].pop()

    def note(workload: dict[str, Any]) -> None:
        workload["metadata"]["annotations"] = {"note": moment(0)}

    coming = closure(**{"from": moment(600), "until": moment(900)})
    shop.decide("Allow", closures=[coming])
    shop.await_passing(NEW)
    assert "change an annotation with it" in shop.change(remove)
    assert shop.change(both(remove, note)) == ""
    shop.decide("Hold", closures=[closure()], overrides=[grant()])
    shop.await_passing(NEW)
    assert "change an annotation with it" in shop.change(remove)
    assert shop.change(both(remove, note)) == ""


def test_without_the_operator_a_freeze_ends_for_those_who_name_themselves(shop: Shop) -> None:
    shop.decide("Hold", closures=[closure(until=moment(-1))])
    shop.await_passing(NEW)
    assert "try again with kubectl, or name a field manager." in shop.change(NEW, manager="")


def test_a_gate_that_warns_and_one_that_audits_let_pass(server: devcluster.Cluster, namespace: str) -> None:
    shop = Shop(server, namespace)
    shop.deploy()
    shop.gate(mode="Warn")
    shop.decide("Hold")

    def warned() -> str:
        argv = [str(server.binary("kubectl")), "-n", namespace, "set", "image", "deploy/checkout", "app=checkout:v43"]
        environment = {**os.environ, **server.environment}
        done = subprocess.run([*argv, "--dry-run=server"], env=environment, check=True, capture_output=True, text=True)
        return done.stderr

    waiting.until(lambda: f"{namespace}/checkout is closed (Hold)" in warned(), "the warning", 10)
    assert warned().startswith("Warning: ")
    assert warned().strip().endswith("The gate only warns: the change passes."), "and not how to get past it"
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", '{"spec":{"mode":"Audit"}}')
    waiting.until(lambda: warned() == "", "silence", 10)
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", '{"spec":{"mode":"Enforce"}}')
    shop.await_refusal(NEW)


@pytest.mark.parametrize(
    "workloads",
    [
        {"scope": "Namespace"},
        {"names": ["Deployment/checkout"]},
        {"service": "checkout"},
        {"team": "shop"},
    ],
)
def test_a_gate_is_about_one_workload_a_service_a_team_or_a_namespace(
    server: devcluster.Cluster, namespace: str, workloads: dict[str, Any]
) -> None:
    shop = Shop(server, namespace)
    shop.deploy()
    shop.deploy(name="other")
    shop.kubectl("label", "deploy/checkout", "ninefold.dev/team=shop")
    shop.gate(workloads=workloads)
    shop.decide("Hold")
    shop.await_refusal(NEW)
    assert (shop.change(NEW, name="other") == "") is ("scope" not in workloads)


def test_a_rollback_of_configuration_passes_to_a_template_that_is_known_to_be_good(shop: Shop) -> None:
    _, found = shop.request("GET", DEPLOYMENT.path(shop.namespace, "checkout"))
    template = found["spec"]["template"]
    known = {
        "workload": "Deployment/checkout",
        "hash": "0123456789",
        "labels": template["metadata"]["labels"],
        "spec": template["spec"],
    }

    def knows(**changed: Any) -> None:
        shop.decide("Hold", knownGoodTemplates=[known | changed])

    # The release that is to be undone: another configuration of the same image.
    shop.decide("Allow")
    shop.await_passing(environment)
    shop.change(environment, dry=False)

    def undo(workload: dict[str, Any]) -> None:
        workload["spec"]["template"] = template

    def nearly(workload: dict[str, Any]) -> None:
        workload["spec"]["template"] = {**template, "spec": {**template["spec"], "hostNetwork": True}}

    knows()
    shop.await_refusal(nearly)
    shop.await_passing(undo)
    assert shop.change(both(undo, RESTART)) == ""
    assert shop.change(both(undo, annotate_template("other"))) != ""
    assert shop.change(both(undo, label_template)) != ""
    others: list[dict[str, Any]] = [{"workload": "Deployment/other"}, {"labels": {}}, {"annotations": {"other": "x"}}]
    for different in others:
        knows(**different)
        shop.await_refusal(undo)
    shop.decide("Hold", knownGoodTemplates=None)
    shop.await_refusal(undo)


def test_restarts_may_wait_too(shop: Shop) -> None:
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", '{"spec":{"restarts":"Hold"}}')
    shop.await_refusal(RESTART)


def test_a_cron_job_is_a_workload(server: devcluster.Cluster, namespace: str) -> None:
    shop = Shop(server, namespace)
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "checkout:v42"}]}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "checkout", "labels": {"app": "checkout"}},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
    }
    assert shop.request("POST", CRON_JOB.path(namespace), job)[0] == 201
    shop.gate()
    shop.decide("Hold")

    def to(reference: str) -> Change:
        def change(found: dict[str, Any]) -> None:
            found["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] = reference

        return change

    shop.await_refusal(to("checkout:v43"), CRON_JOB)
    assert shop.change(to("checkout:v41"), CRON_JOB) == ""
    assert shop.change(lambda found: found["spec"].update(schedule="0 1 * * *", suspend=True), CRON_JOB) == ""


def test_who_may_open_a_gate(shop: Shop, server: devcluster.Cluster) -> None:
    """Neither edit nor admin may write a gate's status; edit may not even change the gate."""
    for manifest, _ in people(MODELS, GUARDS, RECORDS):
        server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(manifest))
    for role in ("edit", "admin"):
        user = f"{role}-{shop.namespace}"
        shop.kubectl("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")

        def may(verb: str, *resource: str, user: str = user) -> bool:
            answer = server.kubectl("auth", "can-i", verb, *resource, "-n", shop.namespace, f"--as={user}", check=False)
            return answer.strip() == "yes"

        # The roles are aggregated by a controller, a moment after they were made.
        waiting.until(partial(may, "get", "releasegates.ninefold.dev"), "aggregated roles", 20)
        assert not may("patch", "releasegates.ninefold.dev", "--subresource=status")
        assert not may("update", "releasegates.ninefold.dev", "--subresource=status")
        assert may("patch", "releasegates.ninefold.dev") is (role == "admin")
        with pytest.raises(CommandError, match=r"cannot \w+ resource \"releasegates/status\""):
            server.kubectl(
                *("-n", shop.namespace, "patch", "releasegate", "checkout", "--subresource=status", f"--as={user}"),
                *("--type=merge", "-p", '{"status":{"decision":"Allow"}}'),
            )


def test_the_samples_are_accepted_strictly(shop: Shop) -> None:
    for sample in sorted(SAMPLES.glob("errorbudgetpolicy-*.yaml")) + sorted(SAMPLES.glob("releasegate-*.yaml")):
        text = sample.read_text().replace("namespace: shop", f"namespace: {shop.namespace}")
        shop.cluster.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", input=text)


def test_a_status_in_the_main_resource_is_ignored(shop: Shop) -> None:
    """Whoever may write the gate still does not decide by it."""
    shop.kubectl("patch", "releasegate", "checkout", "--type=merge", "-p", '{"status":{"decision":"Allow"}}')
    assert shop.change(NEW) != ""


def test_each_refusal_is_one_check(shop: Shop) -> None:
    """What `make bench` divides the API server's seconds by; the seconds themselves are its matter."""

    def checks() -> float:
        _, text = shop.request("GET", "/metrics")
        name = "apiserver_validating_admission_policy_check_duration_seconds_count"
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith(name) and 'policy="ninefold-release-gate"' in line
        )

    before = checks()
    for _ in range(10):
        shop.change(NEW)
    assert checks() - before == 10
