"""A steady state writes nothing, under real and noisy traffic."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from ninefold.integrations.prometheus import ConnectionOptions
from tests.e2e.conftest import install, open_shops
from tests.e2e.objects import Manifest, Objects, dashboard, gate, objective, policy
from tests.faultproxy import FaultProxy
from tests.processes import OperatorProcess, wait_for

OBJECTIVES, POLICIES, GATES, DASHBOARDS = 280, 10, 10, 2


@pytest.fixture
def quiet_cluster() -> Iterator[devcluster.Cluster]:
    """A cluster whose Prometheus keeps the pace of a real one: its own speed is not what is measured here."""
    with devcluster.start(own=True, prometheus=True, scrape_interval="10s", evaluation_interval="30s") as cluster:
        install(cluster)
        cluster.sync_rules()
        yield cluster


@pytest.mark.slow
def test_three_hundred_objects_write_nothing_in_a_minute(quiet_cluster: devcluster.Cluster, tmp_path: Path) -> None:
    open_shops(quiet_cluster).serve("shop", rps=40, bad=0.004, jitter=0.3)
    objects = Objects(quiet_cluster, "default")
    # A window of an hour is a tenth fuller every six minutes, and that is written.
    month = {"rolling": "30d"}
    kinds: list[Manifest] = [objective(f"o{number}", service="shop", window=month) for number in range(OBJECTIVES)]
    kinds += [
        # That a budget begins to be judged at 1 % coverage, half a minute in, is a change that a person wants to see.
        policy(f"p{number}", objectives={"names": _share(number)}, minimumCoverage="0")
        for number in range(POLICIES)
    ]
    kinds += [gate(f"g{number}", sources=[{"errorBudgetPolicy": f"p{number}"}]) for number in range(GATES)]
    kinds += [dashboard("shop", service="shop"), dashboard("all", fleet={})]
    objects.apply(*kinds)
    proxy = FaultProxy(quiet_cluster.kubeconfig, tmp_path)
    command = ["-m", "ninefold", "run", "--log-format=text", "--poll-interval=15s", "--sweep-interval=30s"]
    command += ["--prometheus-url", quiet_cluster.prometheus.url]
    try:
        with OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log") as operator:
            wait_for("all to be ready", lambda: _all_ready(objects), 200)
            # The figures of an objective that has just begun really do move.
            wait_for("half a minute without a write", lambda: _quiet(proxy, 30), 180)
            before = len(proxy.requests)
            time.sleep(60)
            _slow(quiet_cluster.component("prometheus"))
            assert [request.path for request in proxy.writes(since=before)] == []
            # One that was away for longer than a question may take is asked again.
            wait_for("it to be asked again", lambda: "prometheus: ok" in operator.page("readyz"), 60)
    finally:
        proxy.close()


def _slow(prometheus: devcluster.Process) -> None:
    """It answers nothing for longer than a question may take, and not for so long that figures are old."""
    prometheus.signal(signal.SIGSTOP)
    try:
        time.sleep(ConnectionOptions("").timeout + 5)
    finally:
        prometheus.signal(signal.SIGCONT)
    time.sleep(10)


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
