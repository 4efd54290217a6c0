"""The API server keeps the operator to the objects that it made."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import devcluster
from devcluster import CommandError
from ninefold.kube.api import CONFIG_MAP, PROMETHEUS_RULE
from ninefold.kube.controller import Controller
from ninefold.kube.guard import NAME, guard
from ninefold.kube.rbac import OPERATOR_ROLE, grants, role, rules
from ninefold.kube.rbac import binding as binding_of_operator
from tests.kube.lamp import Lamp
from tests.processes import wait_for

OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
OURS = {"app.kubernetes.io/managed-by": "ninefold"}


class Lamps(Controller[Lamp, None]):
    resource = Lamp
    children = (CONFIG_MAP,)


class More(Controller[Lamp, None]):
    resource = Lamp
    children = (PROMETHEUS_RULE, CONFIG_MAP)


class Childless(Controller[Lamp, None]):
    resource = Lamp


def test_each_resource_is_named_once() -> None:
    policy, binding = guard([Lamps, More, Childless])
    rules_of = policy["spec"]["matchConstraints"]["resourceRules"]
    assert [rule["resources"] for rule in rules_of] == [["configmaps"], ["prometheusrules"]]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]


def test_without_children_there_is_nothing_to_guard() -> None:
    assert guard([Childless]) == []


@pytest.fixture
def guarded(cluster: devcluster.Cluster) -> Iterator[devcluster.Cluster]:
    """A cluster with the operator's rights and the guard over them, for one test."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "test-guard"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-guard"},
        "subjects": [{"kind": "ServiceAccount", "name": "ninefold", "namespace": "ninefold-system"}],
    }
    manifests = [*guard([Lamps]), role("test-guard", rules(grants([Lamps]))), binding]
    # By this the API server knows the operator; it stays, since others in the cluster may need it.
    cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(binding_of_operator(OPERATOR_ROLE))
    )
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    cluster.kubectl("--warnings-as-errors", "apply", "--server-side", "--validate=strict", "-f", "-", input=listed)
    yield cluster
    cluster.kubectl("delete", "-f", "-", input=listed)


def test_the_operator_cannot_take_what_it_did_not_make(guarded: devcluster.Cluster, namespace: str) -> None:
    def apply(name: str, labels: dict[str, str], *options: str) -> str:
        """The refusal, or an empty text."""
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        return act("apply", "--server-side", "--force-conflicts", *options, "-f", "-", manifest=manifest)

    def act(*arguments: str, manifest: str | None = None) -> str:
        try:
            guarded.kubectl("-n", namespace, *arguments, "--as", OPERATOR, input=manifest)
        except CommandError as refused:
            return str(refused)
        return ""

    guarded.kubectl("-n", namespace, "create", "configmap", "theirs", "--from-literal=a=1")
    # A new policy is enforced a moment after it is written. Another test of this cluster may have left the policy over
    # all kinds, which also says what a ConfigMap may hold: until this test's policy replaces it, "new" is refused.
    wait_for(
        "the guard",
        lambda: (
            NAME in act("delete", "configmap", "theirs", "--dry-run=server")
            and not apply("new", OURS, "--dry-run=server")
        ),
    )
    assert "another owner" in apply("theirs", OURS)
    assert NAME in act("delete", "configmap", "theirs")
    assert NAME in apply("new", {})
    assert apply("new", OURS) == ""
    assert NAME in act("label", "configmap", "new", "app.kubernetes.io/managed-by-")
    assert act("delete", "configmap", "new") == ""


def test_everybody_else_goes_on(guarded: devcluster.Cluster, namespace: str) -> None:
    guarded.kubectl("-n", namespace, "create", "configmap", "mine", "--from-literal=a=1")
    guarded.kubectl("-n", namespace, "delete", "configmap", "mine")
