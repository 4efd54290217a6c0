"""One incident, one page: what a real Alertmanager keeps back by the generated inhibition rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.builders.servicelevelobjective import objective
from tests.processes import free_port, wait_for

from devcluster.binaries import binary
from devcluster.waiting import patient
from ninefold.reliability.servicelevelobjective.alerting.inhibition import dependencies, inhibit_rules, manifests
from ninefold.reliability.servicelevelobjective.output.manifests import Output, render


class Alertmanager:
    """A process with nothing in its configuration but inhibition rules."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/v2", trust_env=False)

    def fire(self, slo_id: str, tier: str, severity: str, rank: int, **more: str) -> None:
        labels = {
            "alertname": "ErrorBudgetBurn",
            "slo_id": slo_id,
            "burn_tier": tier,
            "burn_rank": str(rank),
            "severity": severity,
            **more,
        }
        self._client.post("/alerts", json=[{"labels": labels}]).raise_for_status()

    def speaking(self) -> set[tuple[str, str]]:
        """Who is not kept back: slo_id (and group) and tier."""
        found: list[dict[str, Any]] = self._client.get("/alerts").raise_for_status().json()
        return {
            (alert["labels"]["slo_id"] + alert["labels"].get("slo_group", ""), alert["labels"]["burn_tier"])
            for alert in found
            if alert["status"]["state"] == "active"
        }

    def ready(self) -> bool:
        try:
            return self._client.get("/status").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    slos = [
        objective("checkout", dependsOn=["db"]),
        objective("db"),
        objective(
            "journey",
            indicator={"composite": {"mode": "Serial", "components": [{"objective": "checkout"}, {"objective": "db"}]}},
        ),
    ]
    config = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}], "inhibit_rules": inhibit_rules(slos)}
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    argv = [
        str(binary("alertmanager")),
        f"--config.file={tmp_path}/alertmanager.yml",
        f"--storage.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    process = subprocess.Popen(argv)
    try:
        started = Alertmanager(f"http://127.0.0.1:{port}")
        wait_for("Alertmanager", started.ready, 30)
        yield started
    finally:
        process.terminate()
        process.wait(patient(30))


def test_the_fastest_tier_speaks_for_the_slower_ones_of_its_group(alertmanager: Alertmanager) -> None:
    alertmanager.fire("shop/db", "14.4x/1h", "page", 1, slo_group="eu")
    alertmanager.fire("shop/db", "6x/6h", "page", 2, slo_group="eu")
    alertmanager.fire("shop/db", "1x/3d", "ticket", 4, slo_group="eu")
    alertmanager.fire("shop/db", "6x/6h", "page", 2, slo_group="us")
    alertmanager.fire("shop/db", "1x/3d", "ticket", 4, slo_group="us")
    expected = {("shop/dbeu", "14.4x/1h"), ("shop/dbus", "6x/6h")}
    wait_for("the slower ones to be silent", lambda: alertmanager.speaking() == expected, 20)


def test_a_dependency_that_pages_speaks_for_those_that_depend_on_it(alertmanager: Alertmanager) -> None:
    for name in ("checkout", "journey", "other"):
        alertmanager.fire(f"shop/{name}", "14.4x/1h", "page", 1)
    # A component that pages speaks for its composite.
    others = {("shop/checkout", "14.4x/1h"), ("shop/other", "14.4x/1h")}
    wait_for("the journey to be silent", lambda: alertmanager.speaking() == others, 20)
    alertmanager.fire("shop/db", "3x/1d", "ticket", 3)
    wait_for("a ticket to silence nobody", lambda: ("shop/checkout", "14.4x/1h") in alertmanager.speaking(), 20)
    alertmanager.fire("shop/db", "6x/6h", "page", 2)
    expected = {("shop/db", "6x/6h"), ("shop/other", "14.4x/1h")}
    wait_for("those that depend on it to be silent", lambda: alertmanager.speaking() == expected, 20)


def test_an_objective_that_depends_on_others_has_an_alertmanagerconfig() -> None:
    slo = objective("checkout", dependsOn=["db", "auth"])
    assert dependencies(slo) == ["shop/db", "shop/auth"]
    assert manifests(objective()) == []
    kinds = [manifest["kind"] for manifest in render(slo, Output(inhibition=True))]
    assert kinds == ["PrometheusRule", "AlertmanagerConfig"]
    (config,) = manifests(slo)
    first, second = config["spec"]["inhibitRules"]
    assert {match["name"]: match["value"] for match in first["sourceMatch"]}["slo_id"] == "shop/db"
    assert {match["name"]: match["value"] for match in second["targetMatch"]}["slo_id"] == "shop/checkout"
