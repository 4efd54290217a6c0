"""The chart, rendered by real Helm and installed for real."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.packaging.conftest import IMAGE
from tests.processes import wait_for

import devcluster
from devcluster.waiting import patient
from ninefold.cli.run.command import parser
from ninefold.kinds import MODELS
from ninefold.kube.accounts import MACHINES
from ninefold.release.tools import TOOLS

Manifest = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[Manifest]]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def container(manifests: list[Manifest]) -> Manifest:
    (deployment,) = of_kind(manifests, "Deployment")
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    found: Manifest = only
    return found


def test_helm_lint_is_content(helm: Helm) -> None:
    helm("lint", "helm/ninefold", "--strict", *IMAGE)


def test_the_crds_can_be_left_out_and_are_kept_by_default(rendered: Render) -> None:
    crds = of_kind(rendered(), "CustomResourceDefinition")
    assert sorted(crd["metadata"]["name"] for crd in crds) == sorted(kind.api.name for kind in MODELS)
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)
    free = of_kind(rendered("--set", "crds.keep=false"), "CustomResourceDefinition")
    assert all("annotations" not in crd["metadata"] for crd in free)
    assert not of_kind(rendered("--set", "crds.install=false"), "CustomResourceDefinition")


def test_the_crds_of_the_chart_are_those_of_the_repository(rendered: Render, root: Path) -> None:
    for crd in of_kind(rendered("--set", "crds.keep=false"), "CustomResourceDefinition"):
        assert crd == yaml.safe_load((root / "crds" / f"{crd['spec']['names']['plural']}.yaml").read_text())


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ([], "ninefold:0.1.0"),
        (["--set", "image.repository=images.example.com/a,image.tag=v2"], "images.example.com/a:v2"),
        (["--set", f"image.tag=v2,image.digest=sha256:{'a' * 64}"], f"ninefold@sha256:{'a' * 64}"),
    ],
)
def test_image(rendered: Render, values: list[str], image: str) -> None:
    assert container(rendered(*values))["image"] == image


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://prometheus:9090", 9090), ("https://mimir.example.com/prometheus", 443), ("http://thanos/", 80)],
)
def test_the_network_policy_lets_the_operator_reach_its_prometheus(rendered: Render, url: str, port: int) -> None:
    manifests = rendered("--set", f"prometheus.url={url}")
    (policy,) = of_kind(manifests, "NetworkPolicy")
    assert {"port": port} in [each for rule in policy["spec"]["egress"] for each in rule["ports"]]
    assert f"--prometheus-url={url}" in container(manifests)["args"]


def test_how_prometheus_is_asked_reaches_the_operator(rendered: Render) -> None:
    values = (
        "prometheus.clusterLabels.cluster=prod-1,prometheus.clusterLabels.region=eu,prometheus.username=ninefold,"
        "prometheus.headers.X-Scope-OrgID=shop,prometheus.secret.name=prom,prometheus.secret.keys={ca.crt,password},"
        "prometheus.further[0].name=pay,prometheus.further[0].url=http://pay:9091,"
        "prometheus.further[0].namespaceLabels.team=pay"
    )
    manifests = rendered("--set", values)
    options = parser().parse_args(container(manifests)["args"][1:])
    assert options.cluster_label == {"cluster": "prod-1", "region": "eu"}
    assert options.prometheus_header == [("X-Scope-OrgID", "shop")]
    assert (options.prometheus_username, options.prometheus_token_file) == ("ninefold", None)
    assert str(options.prometheus_ca_file) == "/etc/ninefold/prometheus/ca.crt"
    assert str(options.prometheus_password_file) == "/etc/ninefold/prometheus/password"
    assert str(options.prometheus_config) == "/etc/ninefold/prometheis/prometheis.yaml"
    mounts = {mount["mountPath"] for mount in container(manifests)["volumeMounts"]}
    assert mounts >= {"/etc/ninefold/prometheus", "/etc/ninefold/prometheis"}
    (policy,) = of_kind(manifests, "NetworkPolicy")
    assert {"port": 9091} in [each for rule in policy["spec"]["egress"] for each in rule["ports"]]
    (config,) = of_kind(manifests, "ConfigMap")
    (entry,) = yaml.safe_load(config["data"]["prometheis.yaml"])["prometheis"]
    assert entry == {"name": "pay", "url": "http://pay:9091", "namespaceLabels": {"team": "pay"}}


def test_extras_reach_the_pod(rendered: Render, tmp_path: Path) -> None:
    values = {
        "extraArgs": ["--log-level=debug"],
        "extraEnv": [{"name": "A", "value": "1"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "imagePullSecrets": [{"name": "pull"}],
        "podLabels": {"team": "sre"},
        "podAnnotations": {"note": "x"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "serviceAccount": {"annotations": {"a": "b"}},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    manifests = rendered("--values", str(file))
    (deployment,) = of_kind(manifests, "Deployment")
    template = deployment["spec"]["template"]
    spec = template["spec"]
    assert container(manifests)["args"][-1] == "--log-level=debug"
    assert container(manifests)["env"][-1] == {"name": "A", "value": "1"}
    assert container(manifests)["volumeMounts"][-1]["mountPath"] == "/ca"
    assert spec["volumes"][-1]["name"] == "ca"
    assert template["metadata"]["labels"]["team"] == "sre"
    assert template["metadata"]["annotations"] == {"note": "x"}
    for name in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert spec[name] == values[name]
    (account,) = of_kind(manifests, "ServiceAccount")
    assert account["metadata"]["annotations"] == {"a": "b"}


def test_rule_labels_reach_the_operator(rendered: Render) -> None:
    assert not any("rule-labels" in argument for argument in container(rendered())["args"])
    arguments = container(rendered("--set", "rules.labels.release=kps,rules.labels.a=b"))["args"]
    assert "--rule-labels=a=b,release=kps" in arguments


def test_the_operator_understands_what_the_manifests_pass(rendered: Render) -> None:
    arguments = container(rendered("--set", "rules.labels.release=kps"))["args"]
    assert arguments[0] == "run"
    options = parser().parse_args(arguments[1:])
    assert (options.leader_elect, options.bind[1], options.poll_interval) == (True, 8080, 15)
    assert options.rule_labels == {"release": "kps"}
    assert (options.rules_per_group, options.share_indicators, options.aliases) == (None, False, "none")
    values = "rules.perGroup=20,rules.shareIndicators=true,rules.aliases=sloth"
    options = parser().parse_args(container(rendered("--set", values))["args"][1:])
    assert (options.rules_per_group, options.share_indicators, options.aliases) == (20, True, "sloth")


def test_the_tools_to_hold_are_those_that_the_operator_knows(rendered: Render, root: Path) -> None:
    schema = json.loads((root / "helm/ninefold/values.schema.json").read_text())
    known = schema["properties"]["gates"]["properties"]["hold"]["items"]["enum"]
    assert sorted(known) == sorted(TOOLS)
    arguments = container(rendered("--set", f"gates.hold={{{','.join(known)}}}"))["args"]
    assert parser().parse_args(arguments[1:]).hold == known
    assert parser().parse_args(["--prometheus-url=http://a", "--hold=flux", "--hold", "flux"]).hold == ["flux", "flux"]


def test_the_secret_of_the_gates_reaches_the_operator_as_files(rendered: Render) -> None:
    assert not any("gate" in argument for argument in container(rendered())["args"]), "closed by default"
    manifests = rendered("--set", "gates.secret=ninefold-gates")
    options = parser().parse_args(container(manifests)["args"][1:])
    (deployment,) = of_kind(manifests, "Deployment")
    (volume,) = (each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "gates")
    assert volume["secret"] == {"secretName": "ninefold-gates", "optional": True}
    (mount,) = (each for each in container(manifests)["volumeMounts"] if each["name"] == "gates")
    assert {options.gate_token_file.parent, options.gate_hmac_key_file.parent} == {Path(mount["mountPath"])}
    assert mount["readOnly"]


def test_who_may_ask_gates_can_reach_them(rendered: Render) -> None:
    """The pages are on the port of the metrics: its Service leads to it, and the NetworkPolicy lets everybody in."""
    manifests = rendered("--set", "gates.secret=ninefold-gates")
    (service,) = of_kind(manifests, "Service")
    (port,) = service["spec"]["ports"]
    (policy,) = of_kind(manifests, "NetworkPolicy")
    assert (port["port"], port["targetPort"]) == (8080, "http")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": "http"}]}]


def test_options(rendered: Render) -> None:
    manifests = rendered(
        "--set", "serviceMonitor.enabled=true,serviceMonitor.labels.release=kps",
        "--set", "podDisruptionBudget.enabled=false,networkPolicy.enabled=false",
    )  # fmt: skip
    (monitor,) = of_kind(manifests, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "kps"
    assert not of_kind(manifests, "PodDisruptionBudget")
    assert not of_kind(manifests, "NetworkPolicy")


def test_every_object_follows_the_namespace_of_the_release(helm: Helm) -> None:
    text = helm("template", "ninefold", "helm/ninefold", "--namespace", "elsewhere", *IMAGE).stdout
    assert "ninefold-system" not in text
    # No policy names an account; that they follow all the same is in test_other_names.py.
    assert "namespace: elsewhere" in text


@pytest.mark.parametrize(
    "value",
    [
        "replicas=0",
        "surprise=1",
        "prometheus.url=prometheus:9090",
        "prometheus.pollInterval=15",
        "rules.output=Thanos",
        "image.digest=sha256:1",
        "gates.secret=Not_A_Name",
        "gates.hold={nomad}",
    ],
)
def test_a_value_that_makes_no_sense_is_refused(helm: Helm, value: str) -> None:
    done = helm("template", "ninefold", "helm/ninefold", *IMAGE, "--set", value, check=False)
    assert done.returncode != 0
    assert f"/{value.split('=')[0].replace('.', '/')}" in done.stderr or "additional properties" in done.stderr


def test_every_value_of_the_schema_has_a_default_and_is_explained(root: Path) -> None:
    schema = json.loads((root / "helm/ninefold/values.schema.json").read_text())
    values = yaml.safe_load((root / "helm/ninefold/values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)


def test_install_upgrade_and_uninstall(bare: devcluster.Cluster, helm: Helm, tmp_path: Path) -> None:
    on = partial(helm, cluster=bare)
    bare.kubectl("create", "namespace", "reliability")
    bare.kubectl("label", "namespace", "reliability", "pod-security.kubernetes.io/enforce=restricted")
    bare.wait_for_service_account("reliability")
    where = ("ninefold", "helm/ninefold", "--namespace", "reliability", *IMAGE)
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(helm("template", *where).stdout)
    strictly = ("--warnings-as-errors", "apply", "--server-side", "--validate=strict", "--dry-run=server")
    bare.kubectl(*strictly, "-f", str(rendered))

    installed = on("install", *where, "--wait", f"--timeout={patient(60):.0f}s")
    assert "Ninefold 0.1.0 runs in reliability" in installed.stdout
    assert "warning" not in installed.stderr.lower()
    pods = json.loads(bare.kubectl("-n", "reliability", "get", "pods", "-o", "json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]

    wait_for(
        "gates to be served", lambda: bare.api.request("GET", "/apis/ninefold.dev/v1alpha1/releasegates")[0] == 200
    )
    gate = {
        "apiVersion": "ninefold.dev/v1alpha1",
        "kind": "ReleaseGate",
        "metadata": {"name": "kept", "namespace": "default"},
        "spec": {"workloads": {"matchLabels": {"app": "a"}}, "sources": [{"errorBudgetPolicy": "a"}]},
    }
    bare.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(gate))

    second = on("install", "other", *where[1:], check=False)
    assert second.returncode != 0
    assert "image" not in second.stderr

    on("upgrade", *where, "--set", "replicas=1", "--wait", f"--timeout={patient(60):.0f}s")
    assert bare.kubectl("-n", "reliability", "get", "deploy", "ninefold", "-o", "jsonpath={.spec.replicas}") == "1"
    drain = bare.kubectl("-n", "reliability", "get", "pdb", "ninefold", "-o", "jsonpath={.spec.maxUnavailable}")
    assert drain == "1"

    on("uninstall", "ninefold", "--namespace", "reliability", "--wait", f"--timeout={patient(60):.0f}s")
    assert bare.kubectl("-n", "reliability", "get", "deploy,service,pdb", "--ignore-not-found") == ""
    assert bare.kubectl("get", "clusterrole,validatingadmissionpolicy", "-o", "name").count("ninefold") == 0
    assert "kept" in bare.kubectl("get", "releasegates", "-n", "default"), "uninstalling keeps what people wrote"
    on("install", *where, "--wait", f"--timeout={patient(60):.0f}s")


def test_machines_are_listed(rendered: Render) -> None:
    """A list of names in the values becomes the subjects that the policies read; without any there are none."""

    def listed(*arguments: str) -> list[tuple[str, str]]:
        bindings = of_kind(rendered(*arguments), "ClusterRoleBinding")
        (binding,) = (each for each in bindings if each["metadata"]["name"] == MACHINES)
        return [(subject["kind"], subject["name"]) for subject in binding["subjects"]]

    assert listed() == []
    users, groups = "machines.users={argocd-remote,arn:aws:sts::1:assumed-role/ci}", "machines.groups={runners}"
    found = listed("--set", users, "--set", groups)
    assert found == [("User", "argocd-remote"), ("User", "arn:aws:sts::1:assumed-role/ci"), ("Group", "runners")]
