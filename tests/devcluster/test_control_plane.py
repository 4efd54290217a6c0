"""The control plane is a real one: nodes, pods, RBAC, TLS, an audit log."""

import json
import ssl
from pathlib import Path

import httpx
import pytest
import yaml

import devcluster
from devcluster import waiting
from devcluster.waiting import patient
from devcluster.web import kubernetes

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {"containers": [{"name": "c", "image": "x"}]},
}


def phase(cluster: devcluster.Cluster, namespace: str) -> str:
    return cluster.kubectl("get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].status.phase}")


def test_a_cluster_that_nobody_named_leaves_no_files() -> None:
    with devcluster.start(own=True) as cluster:
        assert "Ready" in cluster.kubectl("get", "nodes")
        home = cluster.directory
    assert not home.exists()
    cluster.stop()


def test_pods_run_and_jobs_finish(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("create", "deployment", "web", "--image=nothing", "--replicas=2", "-n", namespace)
    cluster.kubectl("create", "job", "once", "--image=nothing", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, f"--timeout={patient(60):.0f}s")
    cluster.kubectl("wait", "job/once", "--for=condition=Complete", "-n", namespace, f"--timeout={patient(60):.0f}s")
    assert sorted(phase(cluster, namespace).split()) == ["Running", "Running", "Succeeded"]


def test_a_deleted_pod_goes(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(POD))
    waiting.until(lambda: phase(cluster, namespace) == "Running", "the pod runs", 30)
    cluster.kubectl("delete", "pod", "one", "-n", namespace, f"--timeout={patient(30):.0f}s")
    assert phase(cluster, namespace) == ""


def test_a_user_has_the_rights_that_rbac_gives(cluster: devcluster.Cluster, namespace: str) -> None:
    config = str(cluster.kubeconfig_for("alice", ["readers"]))
    with pytest.raises(devcluster.CommandError, match='User "alice" cannot list resource "pods"'):
        cluster.kubectl("--kubeconfig", config, "get", "pods", "-n", namespace)
    cluster.kubectl("create", "rolebinding", "r", "--clusterrole=view", "--group=readers", "-n", namespace)
    waiting.until(
        lambda: (
            cluster.kubectl("--kubeconfig", config, "auth", "can-i", "list", "pods", "-n", namespace, check=False)
            == "yes\n"
        ),
        "the right arrives",
        10,
    )
    with pytest.raises(devcluster.CommandError, match="forbidden"):
        cluster.kubectl("--kubeconfig", config, "delete", "configmap", "kube-root-ca.crt", "-n", namespace)


def test_the_server_is_known_by_its_own_authority(cluster: devcluster.Cluster, tmp_path: Path) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(server, verify=ssl.create_default_context(), trust_env=False)
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "config").write_text(json.dumps(config))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        kubernetes(tmp_path / "config").request("GET", "/version")


def test_nobody_is_nobody(cluster: devcluster.Cluster) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]
    authority = ssl.create_default_context(cafile=str(cluster.directory / "pki" / "ca.crt"))
    assert httpx.get(f"{server}/api/v1/pods", verify=authority, trust_env=False).status_code == 403


def test_the_audit_log_has_every_write_by_the_time_it_is_answered(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("create", "configmap", "written", "-n", namespace)
    events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    mine = [each for each in events if each.get("objectRef", {}).get("namespace") == namespace]
    assert ("create", "admin", "written") in [
        (each["verb"], each["user"]["username"], each["objectRef"].get("name")) for each in mine
    ]


def test_a_failed_command_says_why(cluster: devcluster.Cluster) -> None:
    with pytest.raises(devcluster.CommandError, match='"no-such-thing" not found') as caught:
        cluster.kubectl("get", "namespace", "no-such-thing")
    assert caught.value.returncode == 1
    assert cluster.kubectl("get", "namespace", "no-such-thing", check=False) == ""
