"""The samples that show that an installation works do so, and touch nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import devcluster
from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects
from tests.processes import ROOT, OperatorProcess, wait_for

START = str(ROOT / "manifests/samples/start")
NAMESPACE = "ninefold-start"
MADE = [("slo", "targets-up"), ("ebp", "targets"), ("gate", "targets"), ("dash", "targets")]


def test_all_of_it_becomes_ready_and_goes_without_a_trace(
    cluster: devcluster.Cluster, shops: Shops, start_operator: Callable[..., OperatorProcess]
) -> None:
    shops.serve("any")  # something that Prometheus scrapes
    start_operator()
    said = cluster.kubectl("--warnings-as-errors", "apply", "--server-side", "--validate=strict", "-k", START)
    assert len(said.splitlines()) == len(MADE) + 1
    objects = Objects(cluster, NAMESPACE)
    try:
        for kind, name in MADE:
            objects.wait_condition(kind, name, {"True"}, 90)
        wait_for("the objective to be measured", lambda: objects.status("slo", "targets-up")["data"] == "Healthy", 60)
        command = [sys.executable, "-m", "ninefold", "status", "-n", NAMESPACE]
        done = subprocess.run(
            command, env={**os.environ, **cluster.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "targets-up" in done.stdout
    finally:
        cluster.kubectl("delete", "-k", START, "--wait=false")
    wait_for("all of it to be gone", lambda: not cluster.kubectl("get", "sre,cm", "-n", NAMESPACE, "-o", "name"), 60)
