"""Prometheus scrapes inside, evaluates rules from ConfigMaps, and its alerts reach Alertmanager."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster import waiting

EXPORTER = """
import sys, time
from prometheus_client import Counter, start_http_server
counter = Counter("devcluster_test_requests", "Requests")
start_http_server(int(sys.argv[1]), addr="127.0.0.1")
while True:
    counter.inc()
    time.sleep(0.1)
"""


def rule_file(*rules: dict[str, object]) -> str:
    return json.dumps({"groups": [{"name": "group", "rules": rules}]})


def publish(cluster: devcluster.Cluster, namespace: str, name: str, text: str) -> None:
    labels = {"ninefold.dev/rules": "true"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"rules.yaml": text}}
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(configmap))


@pytest.fixture
def published(cluster: devcluster.Cluster, namespace: str) -> Iterator[str]:
    """A namespace whose rules end with the test: a bad file would stop everybody's reloads."""
    yield namespace
    cluster.kubectl("delete", "configmaps", "--all", "-n", namespace)
    waiting.until(lambda: not files(cluster, namespace), "its rules are gone", 10)


def files(cluster: devcluster.Cluster, namespace: str) -> list[Path]:
    return list(cluster.prometheus.synced_dir.glob(f"{namespace}_*"))


def test_a_process_inside_is_scraped(cluster: devcluster.Cluster) -> None:
    port = cluster.free_port()
    exporter = cluster.spawn("exporter", [sys.executable, "-c", EXPORTER, str(port)])
    cluster.prometheus.add_scrape("shop", f"127.0.0.1:{port}", labels={"team": "shop"})
    expression = 'rate(devcluster_test_requests_total{job="shop", team="shop"}[5s]) > 0'
    waiting.until(lambda: cluster.prometheus.query(expression), "it is scraped", 30)
    cluster.prometheus.remove_scrape("shop")
    exporter.stop()
    waiting.until(lambda: not cluster.prometheus.query('up{job="shop"}'), "it is forgotten", 30)


def test_a_rule_from_a_configmap_fires_in_alertmanager(cluster: devcluster.Cluster, published: str) -> None:
    record: dict[str, object] = {"record": "devcluster:test", "expr": "vector(3)"}
    alert: dict[str, object] = {
        "alert": "DevclusterTest",
        "expr": "devcluster:test > 2",
        "labels": {"namespace": published},
    }
    publish(cluster, published, "rules", rule_file(record, alert))
    waiting.until(lambda: cluster.prometheus.query("devcluster:test == 3"), "the rule is evaluated", 20)
    waiting.until(
        lambda: published in [each["labels"].get("namespace") for each in cluster.alertmanager.alerts()],
        "the alert arrives",
        20,
    )


def test_a_changed_configmap_changes_the_rule_and_a_deleted_one_ends_it(
    cluster: devcluster.Cluster, published: str
) -> None:
    publish(cluster, published, "rules", rule_file({"record": "devcluster:changing", "expr": "vector(1)"}))
    waiting.until(lambda: cluster.prometheus.query("devcluster:changing == 1"), "the first value", 20)
    publish(cluster, published, "rules", rule_file({"record": "devcluster:changing", "expr": "vector(2)"}))
    waiting.until(lambda: cluster.prometheus.query("devcluster:changing == 2"), "the second value", 20)
    cluster.kubectl("delete", "configmap", "rules", "-n", published)
    waiting.until(lambda: not cluster.prometheus.query("devcluster:changing"), "no value", 20)


def test_refused_rules_are_logged_and_the_old_ones_stay(cluster: devcluster.Cluster, published: str) -> None:
    publish(cluster, published, "good", rule_file({"record": "devcluster:good", "expr": "vector(1)"}))
    waiting.until(lambda: cluster.prometheus.query("devcluster:good"), "the good rule", 20)
    before = time.time()
    publish(cluster, published, "bad", rule_file({"record": "devcluster:bad", "expr": "sum("}))
    sidecar = cluster.component("rule-sync")
    waiting.until(lambda: "Prometheus refuses the rules" in sidecar.tail(500), "the refusal is logged", 20)
    waiting.until(
        lambda: float(cluster.prometheus.query("timestamp(devcluster:good)")[0]["value"][1]) > before,
        "the good rule goes on",
        20,
    )
    with pytest.raises(devcluster.DevclusterError, match="Prometheus refuses its configuration"):
        cluster.prometheus.reload()


def test_the_sidecar_sees_what_changed_while_it_was_down(cluster: devcluster.Cluster, published: str) -> None:
    publish(cluster, published, "old", rule_file({"record": "devcluster:old", "expr": "vector(1)"}))
    waiting.until(lambda: files(cluster, published), "its file", 20)
    sidecar = cluster.component("rule-sync")
    sidecar.kill()
    cluster.kubectl("delete", "configmap", "old", "-n", published)
    publish(cluster, published, "new", rule_file({"record": "devcluster:new", "expr": "vector(1)"}))
    sidecar.start()
    waiting.until(
        lambda: [each.name for each in files(cluster, published)] == [f"{published}_new_rules.yaml"],
        "the files follow",
        20,
    )


def test_a_wrong_query_is_an_error_with_prometheus_words(cluster: devcluster.Cluster) -> None:
    with pytest.raises(devcluster.DevclusterError, match="parse error"):
        cluster.prometheus.query("sum(")


def test_prometheus_restarts(cluster: devcluster.Cluster) -> None:
    component = cluster.component("prometheus")
    component.kill()
    with pytest.raises(OSError, match="query"):
        cluster.prometheus.query("1")
    component.start()
    assert cluster.prometheus.query("vector(1)")[0]["value"][1] == "1"


def test_alertmanager_takes_another_configuration(cluster: devcluster.Cluster) -> None:
    with pytest.raises(devcluster.DevclusterError, match="Alertmanager refuses"):
        cluster.alertmanager.configure({"route": {"receiver": "missing"}, "receivers": []})
    cluster.alertmanager.configure(devcluster.monitoring.QUIET)
