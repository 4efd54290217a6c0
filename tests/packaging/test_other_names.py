"""An installation under names of its own: the policies know its account all the same, and no other."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.packaging.conftest import IMAGE
from tests.processes import wait_for

import devcluster
from devcluster import CommandError
from devcluster.waiting import patient
from ninefold.kinds import MODELS

Manifest = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]

USUAL = "system:serviceaccount:ninefold-system:ninefold"
NAMESPACE = "reliability"


@pytest.mark.parametrize(("way", "account"), [("chart", "gatekeeper"), ("kustomize", "ninefold")])
def test_the_policies_follow_an_installation(
    bare: devcluster.Cluster, helm: Helm, root: Path, tmp_path: Path, way: str, account: str
) -> None:
    manifests = _chart(helm, account) if way == "chart" else _overlay(bare, root, tmp_path)
    running = [manifest for manifest in manifests if manifest["kind"] not in ("Deployment", "PodDisruptionBudget")]
    bare.kubectl("create", "namespace", NAMESPACE, check=False)
    apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    bare.kubectl(*apply, input=yaml.safe_dump_all(running))
    bare.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={patient(30):.0f}s",
        "crd",
        *(kind.api.name for kind in MODELS),
    )
    namespace = bare.namespace()

    def refusal(user: str, *arguments: str, body: object = None) -> str:
        try:
            bare.kubectl("-n", namespace, *arguments, f"--as={user}", input=json.dumps(body) if body else None)
        except CommandError as error:
            return str(error)
        return ""

    def decide(user: str) -> str:
        body = {**GATE, "status": {"decision": "Hold"}}
        return refusal(user, *apply, "--subresource=status", "--dry-run=server", body=body)

    me, ours = f"system:serviceaccount:{NAMESPACE}:{account}", {"app.kubernetes.io/managed-by": "ninefold"}
    bare.kubectl("create", "clusterrolebinding", f"other-{way}", "--clusterrole=cluster-admin", f"--user={USUAL}")
    try:
        wait_for("gates to be served", lambda: not refusal(me, "get", "releasegates"), 30)
        bare.kubectl("-n", namespace, *apply, input=json.dumps(GATE))
        # Who has the usual name is nobody here, with whatever rights.
        wait_for("the policy on statuses", lambda: "ninefold-status" in decide(USUAL), 30)
        assert decide(me) == ""
        kept = {**GATE, "metadata": {"name": "cluster.line", "labels": ours}}
        assert "is kept for the ClusterReleaseGate line" in refusal(USUAL, "create", "-f", "-", body=kept)
        assert refusal(me, "create", "-f", "-", body=kept) == ""

        # What keeps the operator to its own objects holds for this account.
        def writes(labels: dict[str, str]) -> str:
            metadata = {"name": "dashboard-it", "labels": labels}
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {f"{namespace}.it.json": "{}"},
            }
            return refusal(me, "create", "-f", "-", "--dry-run=server", body=body)

        assert "ninefold-operator-writes" in writes({})
        assert writes(ours) == ""
    finally:
        bare.kubectl("delete", "clusterrolebinding", f"other-{way}")


GATE: Manifest = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ReleaseGate",
    "metadata": {"name": "it"},
    "spec": {"workloads": {"scope": "Namespace"}},
}


def _chart(helm: Helm, account: str) -> list[Manifest]:
    text = helm(
        "template", "sre", "helm/ninefold", "--namespace", NAMESPACE, *IMAGE, "--set", f"serviceAccount.name={account}"
    ).stdout
    assert "ninefold-system" not in text
    manifests = [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == account
    subjects = [subject for each in manifests for subject in each.get("subjects", ())]
    ours = [subject for subject in subjects if subject["kind"] == "ServiceAccount"]
    assert {(subject["name"], subject["namespace"]) for subject in ours} == {(account, NAMESPACE)}
    return manifests


def _overlay(bare: devcluster.Cluster, root: Path, tmp_path: Path) -> list[Manifest]:
    """`namespace:` in an overlay is all that it takes."""
    mine = {"resources": [os.path.relpath(root / "manifests/base", tmp_path)], "namespace": NAMESPACE}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(mine))
    text = bare.kubectl("kustomize", str(tmp_path))
    # Only the exemption from gates names a namespace: kustomize does not reach into a selector.
    assert {line.strip() for line in text.splitlines() if "ninefold-system" in line} <= {"- ninefold-system"}
    found: list[Manifest] = list(yaml.load_all(text, yaml.CSafeLoader))
    return found
