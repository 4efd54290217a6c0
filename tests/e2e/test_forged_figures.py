"""A gate goes by no figure that an exporter has forged: from a scrape of Prometheus to the decision of the gate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import devcluster
from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, gate, objective, policy
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]
FIGURES = ("slo:error_budget_left:ratio", "slo:burn_rate:1h", "slo:burn_rate:5m", "slo:coverage:ratio")


class Forger:
    """An exporter that Prometheus scrapes with honorLabels: it says that it has neither job nor instance."""

    def __init__(self, folder: Path) -> None:
        self._page = folder / "metrics"
        self._page.write_text("")

    def forge(self, slo_id: str, value: float) -> None:
        self._page.write_text("".join(f'{n}{{slo_id="{slo_id}",job="",instance=""}} {value}\n' for n in FIGURES))

    def stop(self) -> None:
        self._page.write_text("")


@pytest.fixture
def forger(cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[Forger]:
    folder, port = tmp_path / "forger", cluster.free_port()
    folder.mkdir()
    forger = Forger(folder)
    process = cluster.spawn("forger", [sys.executable, "-m", "http.server", "--directory", str(folder), str(port)])
    config = cluster.prometheus.directory / "prometheus.yml"
    before = config.read_text()
    usual = yaml.safe_load(before)
    scrape = {
        "job_name": "forger",
        "honor_labels": True,
        "fallback_scrape_protocol": "PrometheusText0.0.4",
        "scrape_interval": "300ms",
        "scrape_timeout": "300ms",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    config.write_text(yaml.safe_dump({**usual, "scrape_configs": [*usual["scrape_configs"], scrape]}))
    cluster.prometheus.reload()
    yield forger
    config.write_text(before)
    cluster.prometheus.reload()
    process.stop()


def stays(check: Callable[[], Any], seconds: float) -> None:
    """It is so at each look; that of a change would be within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert check()
        time.sleep(0.3)


@pytest.mark.parametrize(("bad", "decision", "forged"), [(0.9, "Hold", 1.0), (0.0, "Allow", -5.0)])
def test_a_forged_figure_moves_no_gate(
    objects: Objects,
    shops: Shops,
    start_operator: Start,
    forger: Forger,
    bad: float,
    decision: str,
    forged: float,
) -> None:
    name = objects.namespace
    shops.serve(name, bad=bad)
    start_operator()
    objects.apply(objective(name), policy(name), gate(name, failMode={"staleAfter": "10m", "decision": "Hold"}))
    wait_for("the gate", lambda: objects.status("gate", name).get("decision") == decision, 60)
    wait_for("figures", lambda: objects.status("slo", name).get("data") == "Healthy", 60)

    forger.forge(f"{name}/{name}", forged)
    wait_for("the forger to be seen", lambda: objects.status("slo", name)["data"] == "Contested", 30)
    # The policy recovers within 3 s of good figures, and closes at once on bad ones.
    stays(lambda: objects.status("gate", name)["decision"] == decision, 8)
    status, reason, message = objects.condition("slo", name)
    assert (status, reason) == ("False", "FiguresContested")
    assert "has samples between the evaluations of its rule" in message
    assert "Contested" in objects.kubectl("get", "slo", name)
    # What is spent is not unknown because somebody contests the figures.
    assert objects.condition("ebp", name)[1] == ("Evaluated" if decision == "Hold" else "DataMissing")

    forger.stop()
    wait_for("our figures to count again", lambda: objects.status("slo", name)["data"] == "Healthy", 60)
    assert objects.status("gate", name)["decision"] == decision


def test_who_takes_the_name_of_the_rules_opens_nothing(
    objects: Objects, shops: Shops, start_operator: Start, cluster: devcluster.Cluster
) -> None:
    """What is spent is no matter of failMode because somebody keeps its rules from running."""
    name = objects.namespace
    shops.serve(name, bad=0.9)
    operator = start_operator()
    objects.apply(objective(name), policy(name), gate(name, failMode={"staleAfter": "4s", "decision": "Allow"}))
    wait_for("the gate", lambda: objects.status("gate", name).get("decision") == "Hold", 60)
    operator.kill()
    objects.kubectl("delete", "configmap", f"slo-{name}-rules")
    objects.kubectl("create", "configmap", f"slo-{name}-rules", "--from-literal=a=b")
    left = f'slo:error_budget_left:ratio{{slo_id="{name}/{name}"}}'
    wait_for("the figures to end", lambda: not cluster.prometheus.query(left), 60)
    operator.start()
    wait_for("the operator to be refused", lambda: objects.condition("slo", name)[1] == "NameTaken", 60)
    stays(lambda: objects.status("gate", name)["decision"] == "Hold", 8)
