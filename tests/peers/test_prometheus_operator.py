"""With prometheus-operator: our rules reach Prometheus by way of it, and an objective knows whether they did."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

import devcluster
from devcluster.build import unpacked
from devcluster.errors import CommandError
from devcluster.pki import Authority
from devcluster.recipes import RECIPES
from ninefold.kube.api import CONFIG_MAP, PROMETHEUS_RULE
from tests.peers.conftest import Start
from tests.peers.objects import SLO, TOTAL, Manifest, Objects, objective
from tests.processes import ROOT, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

RECIPE = RECIPES["prometheus-operator"]


class Monitoring:
    """prometheus-operator with a Prometheus that wants rules labelled prometheus=k8s from all namespaces."""

    namespace = "monitoring"

    def __init__(self, cluster: devcluster.Cluster) -> None:
        self._cluster = cluster
        self._objects = Objects(cluster)
        self._mounted: dict[str, str] = {}
        self._canaries = 0

    def install(self) -> None:
        cluster, port = self._cluster, self._cluster.free_port()
        crds = unpacked(RECIPE.name, RECIPE.module) / "example" / "prometheus-operator-crd"
        cluster.kubectl("apply", "--server-side", "-f", str(crds))
        cluster.kubectl("wait", "--for=condition=Established", "crd/prometheuses.monitoring.coreos.com")
        cluster.kubectl("create", "namespace", self.namespace)
        program = cluster.binary("prometheus-operator")
        cluster.spawn("prometheus-operator", [program, f"--web.listen-address=127.0.0.1:{port}"])
        self._objects.apply(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "Prometheus",
                "metadata": {"name": "k8s", "namespace": self.namespace},
                "spec": {"ruleSelector": {"matchLabels": {"prometheus": "k8s"}}, "ruleNamespaceSelector": {}},
            }
        )

    @property
    def rule_files(self) -> dict[str, str]:
        """The files that prometheus-operator has made for its Prometheus."""
        made = self._objects.list(CONFIG_MAP, self.namespace, "prometheus-name=k8s")
        return {file: text for each in made for file, text in each.get("data", {}).items()}

    def mount(self) -> None:
        """The part of kubelet and reloader, as the pods here are only played: bring the files to Prometheus."""
        files = self.rule_files
        if files == self._mounted:
            return
        for gone in self._mounted.keys() - files.keys():
            (self._cluster.prometheus.rules_dir / gone).unlink()
        for file, text in files.items():
            (self._cluster.prometheus.rules_dir / file).write_text(text)
        self._cluster.prometheus.reload()
        self._mounted = files

    def catch_up(self) -> None:
        """Return when everything that was written before has been looked at: a rule written now has come through."""
        self._canaries += 1
        name = f"canary-{self._canaries}"
        self._objects.apply(
            rule(name, self.namespace, {"prometheus": "k8s"}, {"record": f"canary:{self._canaries}", "expr": "1"})
        )
        wait_for("prometheus-operator to take the canary", lambda: any(name in file for file in self.rule_files), 60)
        self.mount()


def rule(name: str, namespace: str, labels: dict[str, str], *rules: Manifest) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"groups": [{"name": name, "rules": list(rules)}]},
    }


@pytest.fixture(scope="module")
def without_crds(cluster: devcluster.Cluster) -> devcluster.Cluster:
    """The cluster with Ninefold installed, and nothing else yet. The tests start the operator themselves."""
    cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "base"))
    cluster.kubectl("-n", "ninefold-system", "delete", "deployment", "ninefold")
    cluster.kubectl("wait", "--for=condition=Established", "crd/servicelevelobjectives.ninefold.dev")
    return cluster


@pytest.fixture(scope="module")
def monitoring(without_crds: devcluster.Cluster) -> Monitoring:
    monitoring = Monitoring(without_crds)
    monitoring.install()
    return monitoring


@pytest.fixture
def objects(cluster: devcluster.Cluster) -> Objects:
    return Objects(cluster)


def rules_object(objects: Objects, namespace: str) -> str:
    status = objects.get(SLO, "checkout", namespace)["status"]
    return str(status.get("rules", {}).get("object", ""))


def test_rules_move_into_a_prometheus_rule_once_its_crd_appears(
    without_crds: devcluster.Cluster,
    objects: Objects,
    namespace: str,
    start_ninefold: Start,
    request: pytest.FixtureRequest,
) -> None:
    assert "prometheusrules" not in without_crds.kubectl("get", "crd", "-o", "name"), "this test comes first"
    start_ninefold("--rules=auto", "--rule-labels=prometheus=k8s", "--sweep-interval=1s")
    objects.apply(objective("checkout", namespace))
    wait_for("the rules from a ConfigMap", lambda: objects.ready(SLO, "checkout", namespace), 60)
    assert rules_object(objects, namespace) == "ConfigMap/slo-checkout-rules"

    monitoring: Monitoring = request.getfixturevalue("monitoring")
    wait_for("the PrometheusRule", lambda: objects.get(PROMETHEUS_RULE, "slo-checkout-rules", namespace), 90)
    wait_for("the ConfigMap to go", lambda: not objects.get(CONFIG_MAP, "slo-checkout-rules", namespace))

    def loaded() -> list[Path]:
        monitoring.mount()
        groups = without_crds.prometheus.get("/api/v1/rules")["groups"]
        return [Path(group["file"]).parent for group in groups if group["name"] == f"ninefold/{namespace}/checkout"]

    # The revision is the same as that of the ConfigMap before: only the file tells them apart.
    wait_for("the rules from prometheus-operator", lambda: loaded() == [without_crds.prometheus.rules_dir], 90)
    wait_for("the objective to be ready by them", lambda: objects.ready(SLO, "checkout", namespace), 60)
    assert rules_object(objects, namespace) == "PrometheusRule/slo-checkout-rules"
    assert [each["metric"]["slo_id"] for each in without_crds.prometheus.query("slo:info")] == [f"{namespace}/checkout"]
    wait_for("figures", lambda: objects.get(SLO, "checkout", namespace)["status"]["data"] == "Healthy", 60)


def test_labels_that_no_prometheus_selects_are_said_and_can_be_mended(
    monitoring: Monitoring, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    objects.apply(objective("checkout", namespace))
    wrong = start_ninefold("--rule-labels=prometheus=other")
    wait_for("the PrometheusRule", lambda: objects.get(PROMETHEUS_RULE, "slo-checkout-rules", namespace))
    monitoring.catch_up()
    assert not any(file.startswith(namespace) for file in monitoring.rule_files)

    wait_for("a verdict", lambda: objects.condition(SLO, "checkout", namespace))
    ready = objects.condition(SLO, "checkout", namespace)
    assert (ready["status"], ready["reason"]) == ("False", "RulesNotLoaded")
    assert "PrometheusRule/slo-checkout-rules" in ready["message"]
    assert "check that ruleSelector and ruleNamespaceSelector of the Prometheus resource select it" in ready["message"]
    assert "set the operator's --rule-labels to the labels they want" in ready["message"]
    assert objects.get(SLO, "checkout", namespace)["status"]["data"] == "Unknown", "no figure without rules"

    assert wrong.stop() == 0
    start_ninefold("--rule-labels=prometheus=k8s")

    def loaded() -> bool:
        monitoring.mount()
        return objects.ready(SLO, "checkout", namespace)

    wait_for("the rules to be loaded with the right label", loaded, 90)


def test_the_admission_webhook_passes_our_rules_and_its_mark_is_left_alone(
    monitoring: Monitoring, cluster: devcluster.Cluster, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    start_webhook(cluster, objects)
    bad = rule("bad", namespace, {}, {"record": "a", "expr": "sum("})
    wait_for("the webhook to refuse", lambda: "could not parse expression" in refusal(objects, bad), 30)

    for name, spec in KINDS_OF_OBJECTIVES.items():
        objects.apply(objective(name, namespace, **spec))
    start_ninefold("--rule-labels=prometheus=k8s")

    def versions() -> list[str]:
        found = [objects.get(PROMETHEUS_RULE, f"slo-{name}-rules", namespace) for name in KINDS_OF_OBJECTIVES]
        assert all(each["metadata"]["annotations"]["prometheus-operator-validated"] == "true" for each in found if each)
        return [each["metadata"]["resourceVersion"] for each in found if each]

    def loaded() -> bool:
        monitoring.mount()
        return all(objects.ready(SLO, name, namespace) for name in KINDS_OF_OBJECTIVES)

    wait_for("all rules to be admitted and loaded", loaded, 90)
    before = versions()
    assert len(before) == len(KINDS_OF_OBJECTIVES)
    time.sleep(5)
    assert versions() == before, "the annotation of the webhook must not start a tug-of-war"


def test_rules_return_to_a_configmap_when_prometheus_operator_is_removed(
    monitoring: Monitoring, cluster: devcluster.Cluster, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    """Comes last: nothing of monitoring.coreos.com is left."""
    start_ninefold("--rule-labels=prometheus=k8s", "--sweep-interval=1s")
    objects.apply(objective("checkout", namespace))
    wait_for("the PrometheusRule", lambda: objects.get(PROMETHEUS_RULE, "slo-checkout-rules", namespace), 30)
    cluster.kubectl("delete", "crd", PROMETHEUS_RULE.name)

    def loaded() -> bool:
        ready = objects.ready(SLO, "checkout", namespace)
        return ready and rules_object(objects, namespace) == "ConfigMap/slo-checkout-rules"

    wait_for("the rules from a ConfigMap", loaded, 90)


KINDS_OF_OBJECTIVES: dict[str, Manifest] = {
    "bad": {},
    "good": {"indicator": {"ratio": {"good": f'{TOTAL}{{code="200"}}', "total": TOTAL}}},
    "latency": {
        "indicator": {"latency": {"histogram": "prometheus_http_request_duration_seconds", "threshold": "100ms"}},
    },
    "boolean": {
        "indicator": {"boolean": {"selector": "up"}},
        "alerting": {
            "tiers": [
                {"burnRate": "2.5", "long": "2h", "short": "10m", "severity": "Page", "for": "5m"},
                {"burnRate": "1", "long": "6h", "short": "30m", "severity": "Ticket"},
            ],
            "minimumErrors": 10,
            "labels": {"team": "shop"},
            "annotations": {"summary": "{{ $labels.slo_name }} burns {{ $value | humanize }}x"},
            "runbook": "https://runbooks.example.com/checkout",
        },
    },
}


def start_webhook(cluster: devcluster.Cluster, objects: Objects) -> None:
    """As the chart kube-prometheus-stack sets it up: it marks what it has seen and refuses what does not parse."""
    port = cluster.free_port()
    certificate, key = Authority(cluster.directory / "pki").server("rule-webhook")
    program = cluster.binary("prometheus-operator-admission-webhook")
    options = {"listen-address": f"127.0.0.1:{port}", "cert-file": certificate, "key-file": key, "client-ca-file": ""}
    cluster.spawn("rule-webhook", [program, *(f"--web.{name}={value}" for name, value in options.items())])
    authority = base64.b64encode((cluster.directory / "pki" / "ca.crt").read_bytes()).decode()
    for kind, path in (("Mutating", "mutate"), ("Validating", "validate")):
        url = f"https://127.0.0.1:{port}/admission-prometheusrules/{path}"
        webhook = {
            "name": f"prometheusrules.{path}.example.com",
            "clientConfig": {"url": url, "caBundle": authority},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "rules": [
                {
                    "apiGroups": ["monitoring.coreos.com"],
                    "apiVersions": ["*"],
                    "resources": ["prometheusrules"],
                    "operations": ["CREATE", "UPDATE"],
                }
            ],
        }
        objects.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": "prometheus-operator"},
                "webhooks": [webhook],
            }
        )


def refusal(objects: Objects, manifest: Manifest) -> str:
    """What the API server says against it, or ""."""
    try:
        objects.apply(manifest)
    except CommandError as error:
        return str(error)
    return ""
