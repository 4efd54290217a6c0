"""The kustomize base, installed for real on a control plane that validates strictly."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.processes import wait_for

import devcluster
from devcluster import CommandError
from devcluster.waiting import patient
from ninefold.cli.run.command import parser
from ninefold.kinds import MODELS
from ninefold.kube.accounts import MACHINES, OPERATOR_BINDING
from ninefold.kube.api import GROUP, VERSION
from ninefold.kube.rbac import LEASE_NAME
from ninefold.release.tools import TOOLS

Manifest = dict[str, Any]
APPLY = ("--warnings-as-errors", "apply", "--server-side", "--validate=strict")


@pytest.fixture(scope="module")
def installed(bare: devcluster.Cluster, root: Path) -> devcluster.Cluster:
    """A cluster with the base. The dry run comes first: it must not need what the run itself makes."""
    bare.kubectl(*APPLY, "--dry-run=server", "-f", str(root / "crds"))
    bare.kubectl(*APPLY, "-k", str(root / "manifests/base"))
    bare.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={patient(30):.0f}s",
        "crd",
        *(kind.api.name for kind in MODELS),
    )
    # The API server serves a new kind a moment after it is established.
    wait_for("our kinds to be served", lambda: _served(bare), 30)
    return bare


def _served(cluster: devcluster.Cluster) -> bool:
    return all(cluster.api.request("GET", kind.api.path())[0] == 200 for kind in MODELS)


def test_the_pods_run_in_a_restricted_namespace(installed: devcluster.Cluster) -> None:
    installed.kubectl(
        "-n", "ninefold-system", "rollout", "status", "deployment/ninefold", f"--timeout={patient(60):.0f}s"
    )
    namespace = json.loads(installed.kubectl("get", "namespace", "ninefold-system", "-o", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = json.loads(installed.kubectl("-n", "ninefold-system", "get", "pods", "-o", "json"))["items"]
    assert len(pods) == 2


def test_installing_again_changes_nothing(installed: devcluster.Cluster, root: Path) -> None:
    def generations() -> dict[str, Any]:
        found = json.loads(
            installed.kubectl("get", "crd,clusterrole,deployment,validatingadmissionpolicy", "-A", "-o", "json")
        )
        return {
            f"{item['kind']}/{item['metadata']['name']}": item["metadata"].get("generation") for item in found["items"]
        }

    before = generations()
    installed.kubectl(*APPLY, "-k", str(root / "manifests/base"))
    assert generations() == before


def test_every_field_is_explained(installed: devcluster.Cluster) -> None:
    """What `kubectl explain` shows is what the API server publishes."""
    code, document = installed.api.request("GET", f"/openapi/v3/apis/{GROUP}/{VERSION}")
    assert code == 200
    schemas = document["components"]["schemas"]
    for kind in MODELS:
        (schema,) = [each for name, each in schemas.items() if name.endswith(f".{kind.__name__}")]
        assert list(_unexplained(schema, kind.__name__)) == []
        assert "suspend\t<boolean>" in installed.kubectl("explain", f"{kind.api.plural}.spec", "--recursive")


def _unexplained(schema: Manifest, path: str) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        if "description" not in inner and name != "metadata":
            yield f"{path}.{name}"
        yield from _unexplained(inner, f"{path}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from _unexplained(schema[part], f"{path}[]")


def test_the_category_and_the_short_names_work(installed: devcluster.Cluster) -> None:
    def names_known() -> bool:
        known = installed.kubectl("api-resources", "--categories=sre", "-o", "name").split()
        return sorted(known) == sorted(kind.api.name for kind in MODELS if kind.in_category)

    wait_for("the category", names_known, 30)
    for kind in MODELS:
        for name in kind.short_names:
            installed.kubectl("get", name, "-A")


def test_nobody_has_looked_at_a_new_object(installed: devcluster.Cluster) -> None:
    """kstatus, and with it Flux and Helm, must not take an object without a status for ready."""
    namespace = installed.namespace()
    manifest: Manifest = {
        "apiVersion": "ninefold.dev/v1alpha1",
        "kind": "ReleaseGate",
        "metadata": {"name": "new", "namespace": namespace},
        "spec": {"workloads": {"matchLabels": {"app": "a"}}, "sources": [{"errorBudgetPolicy": "a"}]},
    }
    installed.kubectl(*APPLY, "-f", "-", input=json.dumps(manifest))
    stored = json.loads(installed.kubectl("-n", namespace, "get", "gate", "new", "-o", "json"))
    assert stored["status"] == {"observedGeneration": -1}
    assert stored["spec"] == manifest["spec"], "the API server rewrites nothing that a user wrote"
    unknown = {**manifest, "spec": {**manifest["spec"], "surprise": 1}}
    with pytest.raises(CommandError, match="surprise"):
        installed.kubectl(*APPLY, "-f", "-", input=json.dumps(unknown))


def test_the_samples_apply_without_a_warning(installed: devcluster.Cluster, root: Path) -> None:
    installed.kubectl("create", "namespace", "shop")
    installed.kubectl(*APPLY, "-f", str(root / "manifests/samples"))
    made = installed.kubectl("get", "sre", "-n", "shop", "-o", "name").split()
    assert {name.split(".")[0] for name in made} == {kind.__name__.lower() for kind in MODELS if kind.in_category}


def test_an_editor_writes_no_guard_and_an_admin_no_status(installed: devcluster.Cluster) -> None:
    """That no edit of an objective opens a gate either is in tests/reliability/errorbudgetpolicy/test_spent_loop.py."""
    namespace = installed.namespace()
    for role in ("view", "edit", "admin"):
        installed.kubectl("-n", namespace, "create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}")

    def may(user: str, *what: str) -> bool:
        return installed.kubectl("-n", namespace, "auth", "can-i", *what, "--as", user, check=False).strip() == "yes"

    # Aggregation into the roles of Kubernetes is done by a controller a moment later.
    wait_for("aggregated roles", lambda: may("admin", "delete", "releasegates.ninefold.dev"), 30)
    gate, objective = "releasegates.ninefold.dev", "servicelevelobjectives.ninefold.dev"
    for user in ("view", "edit", "admin"):
        assert may(user, "watch", gate)
        assert may(user, "watch", objective)
        for verb in ("patch", "update"):
            assert not may(user, verb, gate, "--subresource=status")
            assert not may(user, verb, objective, "--subresource=status")
    assert not may("view", "create", objective)
    assert may("edit", "create", objective)
    for verb in ("create", "patch", "delete", "deletecollection"):
        assert not may("edit", verb, gate)
        assert may("admin", verb, gate)


def test_the_operator_may_what_it_needs_and_not_more(installed: devcluster.Cluster) -> None:
    def may(verb: str, resource: str, namespace: str = "default") -> bool:
        user = "system:serviceaccount:ninefold-system:ninefold"
        said = installed.kubectl("-n", namespace, "auth", "can-i", verb, resource, "--as", user, check=False)
        return said.strip() == "yes"

    for kind in MODELS:
        assert may("watch", kind.api.name)
    lease = f"leases.coordination.k8s.io/{LEASE_NAME}"
    assert may("update", lease, "ninefold-system")
    assert not may("update", lease)
    assert not may("update", "leases.coordination.k8s.io/other", "ninefold-system")
    for refused in (
        "get secrets",
        "create pods",
        "patch deployments.apps",
        "create clusterroles.rbac.authorization.k8s.io",
    ):
        assert not may(*refused.split())


def test_kustomize_and_helm_install_the_same(
    kustomized: Callable[[str], list[Manifest]], rendered: Callable[..., list[Manifest]]
) -> None:
    base = {_name(manifest): _plain(manifest) for manifest in kustomized("manifests/base")}
    del base["Namespace/ninefold-system"]  # Helm makes it with --create-namespace
    assert {_name(manifest): _plain(manifest) for manifest in rendered()} == base


def _name(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _plain(manifest: Manifest) -> Manifest:
    """Without labels and annotations that only tell who installed it."""
    labels = manifest["metadata"].get("labels", {})
    kept = {name: value for name, value in labels.items() if name.startswith("rbac.authorization")}
    annotations = manifest["metadata"].get("annotations", {})
    notes = {name: value for name, value in annotations.items() if not name.startswith("helm.sh/")}
    metadata = {**manifest["metadata"], "labels": kept, "annotations": notes}
    return {**manifest, "metadata": metadata}


def test_the_overlay_changes_what_it_says(kustomized: Callable[[str], list[Manifest]]) -> None:
    made = kustomized("manifests/overlays/production")
    (deployment,) = [manifest for manifest in made if manifest["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "images.example.com/sre/ninefold:0.1.0"
    url = urlsplit(parser().parse_args(container["args"][1:]).prometheus_url)
    assert url.hostname == "thanos-query.observability.svc"
    (network,) = [manifest for manifest in made if manifest["kind"] == "NetworkPolicy"]
    assert {"ports": [{"port": url.port}]} in network["spec"]["egress"], "the operator can reach it"


def test_the_component_lets_tools_ask_gates_as_the_chart_does(
    root: Path, kustomized: Callable[[str], list[Manifest]], rendered: Callable[..., list[Manifest]], tmp_path: Path
) -> None:
    mine = {
        "resources": [os.path.relpath(root / "manifests/base", tmp_path)],
        "components": [os.path.relpath(root / "manifests/components/gates", tmp_path)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(mine))
    ours, chart = _pod(kustomized(str(tmp_path))), _pod(rendered("--set", "gates.secret=ninefold-gates"))
    assert ours["volumes"] == chart["volumes"]
    assert ours["containers"][0]["volumeMounts"] == chart["containers"][0]["volumeMounts"]
    gates = [argument for argument in chart["containers"][0]["args"] if "gate" in argument]
    assert gates == [argument for argument in ours["containers"][0]["args"] if "gate" in argument] != []


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_the_component_holds_the_objects_of_a_tool_as_the_chart_does(
    root: Path,
    kustomized: Callable[[str], list[Manifest]],
    rendered: Callable[..., list[Manifest]],
    tmp_path: Path,
    tool: str,
) -> None:
    mine = {
        "resources": [os.path.relpath(root / "manifests/base", tmp_path)],
        "components": [os.path.relpath(root / f"manifests/components/hold-{tool}", tmp_path)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(mine))
    ours, chart = kustomized(str(tmp_path)), rendered("--set", f"gates.hold={{{tool}}}")
    base = {_name(manifest) for manifest in kustomized("manifests/base")}

    def brought(manifests: list[Manifest]) -> dict[str, Manifest]:
        return {_name(each): each for each in manifests if _name(each) not in base | {"Namespace/ninefold-system"}}

    assert brought(ours) == brought(chart)
    assert f"ClusterRoleBinding/ninefold-hold-{tool}" in brought(chart)
    for manifests in (ours, chart):
        assert f"--hold={tool}" in _pod(manifests)["containers"][0]["args"]


def test_nothing_is_held_unless_an_installation_asks_for_it(
    kustomized: Callable[[str], list[Manifest]], rendered: Callable[..., list[Manifest]]
) -> None:
    foreign = {follower.api.group for tool in TOOLS.values() for follower in tool.followers()}
    for manifests in (kustomized("manifests/base"), rendered()):
        rules = [rule for each in manifests if each["kind"] == "ClusterRole" for rule in each["rules"]]
        writes = [rule for rule in rules if set(rule["verbs"]) - {"get", "list", "watch"}]
        assert not foreign & {group for rule in writes for group in rule["apiGroups"]}
        assert not any("--hold" in argument for argument in _pod(manifests)["containers"][0]["args"])


def _pod(manifests: list[Manifest]) -> Manifest:
    (deployment,) = (manifest for manifest in manifests if manifest["kind"] == "Deployment")
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def test_the_gitops_examples_point_at_what_exists(root: Path) -> None:
    (application,) = yaml.safe_load_all((root / "manifests/gitops/argocd-application.yaml").read_text())
    assert (root / application["spec"]["source"]["path"] / "Chart.yaml").exists()
    source, kustomization = yaml.safe_load_all((root / "manifests/gitops/flux.yaml").read_text())
    assert (root / kustomization["spec"]["path"] / "kustomization.yaml").exists()
    assert kustomization["spec"]["sourceRef"] == {"kind": source["kind"], "name": source["metadata"]["name"]}


@pytest.mark.parametrize("by", ["kustomize", "helm"])
def test_the_bindings_that_policies_read_come_before_the_policies(
    by: str, kustomized: Callable[[str], list[Manifest]], rendered: Callable[..., list[Manifest]]
) -> None:
    """A policy that does not find its ClusterRoleBinding refuses, in words of the API server's own."""
    manifests = kustomized("manifests/base") if by == "kustomize" else rendered()
    places = {f"{each['kind']}/{each['metadata']['name']}": place for place, each in enumerate(manifests)}
    first = min(place for name, place in places.items() if name.startswith("ValidatingAdmissionPolicy"))
    assert all(places[f"ClusterRoleBinding/{name}"] < first for name in (OPERATOR_BINDING, MACHINES))
