"""A steady state writes nothing, under real and noisy traffic."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from tests.e2e.conftest import install, open_shops
from tests.e2e.objects import Manifest, Objects, dashboard, gate, objective, policy
from tests.faultproxy import FaultProxy
from tests.processes import OperatorProcess, wait_for

OBJECTIVES, POLICIES, GATES, DASHBOARDS = 280, 10, 10, 2


@pytest.fixture
def quiet_cluster() -> Iterator[devcluster.Cluster]:
    """A cluster whose Prometheus keeps the pace of a real one: its own speed is not what is measured here."""
    with devcluster.start(own=True, prometheus=True, scrape_interval="5s", evaluation_interval="15s") as cluster:
        install(cluster)
        cluster.sync_rules()
        yield cluster


@pytest.mark.slow
def test_three_hundred_objects_write_nothing_in_a_minute(quiet_cluster: devcluster.Cluster, tmp_path: Path) -> None:
    open_shops(quiet_cluster).serve("shop", rps=40, bad=0.004, jitter=0.3)
    objects = Objects(quiet_cluster, "default")
    kinds: list[Manifest] = [objective(f"o{number}", service="shop") for number in range(OBJECTIVES)]
    kinds += [
        # That a budget begins to be judged at 1 % coverage, half a minute in, is a change that a person wants to see.
        policy(f"p{number}", objectives={"names": _share(number)}, minimumCoverage="0")
        for number in range(POLICIES)
    ]
    kinds += [gate(f"g{number}", sources=[{"errorBudgetPolicy": f"p{number}"}]) for number in range(GATES)]
    kinds += [dashboard("shop", service="shop"), dashboard("all", fleet={})]
    objects.apply(*kinds)
    proxy = FaultProxy(quiet_cluster.kubeconfig, tmp_path)
    command = ["-m", "ninefold", "run", "--log-format=text", "--poll-interval=5s", "--sweep-interval=30s"]
    command += ["--prometheus-url", quiet_cluster.prometheus.url]
    try:
        with OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log"):
            wait_for("all to be ready", lambda: _all_ready(objects), 150)
            # The figures of an objective that has just begun really do move.
            wait_for("ten seconds without a write", lambda: _quiet(proxy, 10), 120)
            before = len(proxy.requests)
            time.sleep(60)
            assert [request.path for request in proxy.writes(since=before)] == []
    finally:
        proxy.close()


def _quiet(proxy: FaultProxy, seconds: float) -> bool:
    before = len(proxy.requests)
    time.sleep(seconds)
    return not proxy.writes(since=before)


def _share(policy_number: int) -> list[str]:
    return [f"o{number}" for number in range(policy_number, OBJECTIVES, POLICIES)]


def _all_ready(objects: Objects) -> bool:
    items = json.loads(objects.kubectl("get", "slo,ebp,gate,dash", "-o", "json"))["items"]
    ready = [
        any(c["type"] == "Ready" and c["status"] == "True" for c in item.get("status", {}).get("conditions", ()))
        for item in items
    ]
    return len(ready) == OBJECTIVES + POLICIES + GATES + DASHBOARDS and all(ready)
