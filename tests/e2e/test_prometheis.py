"""Several Prometheis: each measures its own objectives, and a dead one takes nobody along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import devcluster
from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, objective
from tests.processes import OperatorProcess, free_port, wait_for

Start = Callable[..., OperatorProcess]


def test_objectives_choose_a_prometheus_and_a_dead_one_takes_nobody_along(
    cluster: devcluster.Cluster, objects: Objects, shops: Shops, start_operator: Start, tmp_path: Path
) -> None:
    name = objects.namespace
    shops.serve(name)
    dead = f"http://127.0.0.1:{free_port()}"
    config = tmp_path / "prometheis.yaml"
    entries = [
        {"name": "living", "url": cluster.prometheus.url, "ruleLabels": {"prometheus": "living"}},
        {"name": "theirs", "url": cluster.prometheus.url, "namespaceLabels": {"team": "theirs"}},
    ]
    config.write_text(json.dumps({"prometheis": entries}))
    # The default does not answer.
    operator = start_operator("--prometheus-config", str(config), prometheus=dead)
    objects.apply(
        objective("a", service=name, prometheus="living"),
        objective("b", service=name),
        objective("c", service=name, prometheus="theirs"),
    )
    wait_for("one to be measured", lambda: objects.status("slo", "a").get("data") == "Healthy", 60)
    objects.wait_condition("slo", "a", {"RulesLoaded"}, 60)
    objects.wait_condition("slo", "b", {"PrometheusUnreachable"}, 30)
    assert dead in objects.condition("slo", "b")[2]
    objects.wait_condition("slo", "c", {"NoSuchPrometheus"}, 30)
    # Only those that serve this namespace.
    assert objects.condition("slo", "c")[2].endswith("write one of default, living")
    labels = objects.get("configmap", "slo-a-rules")["metadata"]["labels"]
    assert labels["prometheus"] == "living"
    assert operator.metric("ninefold_prometheus_reachable", 'prometheus="default"') == 0
    assert operator.metric("ninefold_prometheus_reachable", 'prometheus="living"') == 1

    # A namespace moves as a whole.
    cluster.kubectl("label", "namespace", name, "team=theirs")
    wait_for("the namespace's Prometheus", lambda: objects.status("slo", "b").get("data") == "Healthy", 60)
