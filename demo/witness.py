"""The answers of the API server, Prometheus and Alertmanager: the evidence of the demo."""

from __future__ import annotations

from typing import Any

import devcluster
from demo.steps import Seen

SLO = "checkout-availability"

_OURS = "/apis/ninefold.dev/v1alpha1/namespaces/shop"
_DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
_BUDGET = f'slo:error_budget_left:ratio{{slo_id="shop/{SLO}"}}'
_BURN = f'slo:burn_rate:5m{{slo_id="shop/{SLO}"}}'
_REQUESTS = 'sum(rate(http_requests_total{job="checkout"}[5s]))'
_FAILED = f'sum(rate(http_requests_total{{job="checkout",code="500"}}[5s])) / ({_REQUESTS} > 0)'


class Witness:
    """Queries the cluster. Any query may raise OSError while no server answers."""

    def __init__(self, cluster: devcluster.Cluster) -> None:
        self._cluster = cluster

    def healthy(self) -> Seen:
        """There is traffic with few errors, budget is left, and the objective reports it."""
        status = self._status("servicelevelobjectives", SLO)
        ready = {condition["type"]: condition for condition in status.get("conditions", [])}.get("Ready", {})
        left, burn, rate = self._number(_BUDGET), self._number(_BURN), self._number(_REQUESTS)
        words = (
            f"Prometheus: {_show(rate, '.0f')} requests/s, budget left {_show(left, '.1%')}, burn rate over 5m "
            f"{_show(burn, '.2f')}x. API server: slo/{SLO} data {status.get('data')}, Ready {ready.get('status')}: "
            f"{ready.get('message')}"
        )
        good = bool(rate) and (left or 0) > 0 and burn is not None and burn < 1
        return Seen(good and status.get("data") == "Healthy" and ready.get("status") == "True", words)

    def gate_open(self) -> Seen:
        """The gate allows change."""
        decision = self._status("releasegates", "checkout").get("decision")
        return Seen(decision == "Allow", f"API server: gate/checkout decides {decision}")

    def known_good(self, tag: str) -> Seen:
        """The gate is open and knows only this version as good."""
        known = self._status("releasegates", "checkout").get("knownGoodRevisions", {})
        images = [line.partition("=")[2] for lines in known.values() for line in lines.splitlines()]
        gate = self.gate_open()
        words = f"{gate.words}, known good images: {', '.join(images) or 'none'}"
        return Seen(gate.true and images == [f"checkout:{tag}"], words)

    def gate_closed(self) -> Seen:
        """The gate refuses change."""
        gate = self._status("releasegates", "checkout")
        words = (
            f"API server: gate/checkout decides {gate.get('decision')} ({gate.get('because')}): {gate.get('message')}"
        )
        return Seen(gate.get("decision") in ("Hold", "Deny"), words)

    def runs(self, tag: str) -> Seen:
        """The Deployment has this version, and customers reach it."""
        image = self.image()
        versions = [row["metric"]["version"] for row in self._cluster.prometheus.query("checkout_info")]
        words = f"API server: deployment/checkout has {image}. Prometheus: the running version is {versions}"
        return Seen(versions == [tag] and image == f"checkout:{tag}", words)

    def burns(self) -> Seen:
        """The budget burns faster than the objective allows."""
        left, burn, failed = self._number(_BUDGET), self._number(_BURN), self._number(_FAILED)
        words = (
            f"Prometheus: {_show(failed, '.0%')} of the requests of the last 5 s failed, burn rate over 5m "
            f"{_show(burn, '.1f')}x, budget left {_show(left, '.1%')}"
        )
        return Seen(burn is not None and burn > 1, words)

    def recovered(self) -> Seen:
        """Only the usual few requests fail, and there is budget again."""
        status, failed = self._status("errorbudgetpolicies", "checkout"), self._number(_FAILED)
        lowest = status.get("lowestBudget")
        words = (
            f"Prometheus: {_show(failed, '.1%')} of the requests of the last 5 s failed. "
            f"API server: ebp/checkout lowest budget {lowest}"
        )
        return Seen(failed is not None and failed < 0.05 and _percent(lowest) >= 1, words)

    def alert(self, severity: str) -> Seen:
        """Alertmanager holds a firing alert about the objective."""
        words = "; ".join(
            f"{alert['labels']['alertname']} {alert['labels']['burn_tier']} ({severity}) is "
            f"{alert['status']['state']} since {alert['startsAt']}: {alert['annotations']['summary']}"
            for alert in self._firing(severity)
        )
        return Seen(bool(words), f"Alertmanager: {words or f'no {severity} about {SLO}'}")

    def page_ended(self) -> Seen:
        """Alertmanager no longer pages."""
        burn, pages = self._number(_BURN), len(self._firing("page"))
        words = f"Prometheus: burn rate over 5m {_show(burn, '.1f')}x. Alertmanager: {pages or 'no'} page about {SLO}"
        return Seen(not pages, words)

    def image(self) -> str:
        """The image of the Deployment."""
        image: str = self._get(_DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def gauge(self) -> str:
        """The main measurements, on one line."""
        try:
            gate = self._status("releasegates", "checkout").get("decision", "?")
            left, burn, rate, failed = (self._number(query) for query in (_BUDGET, _BURN, _REQUESTS, _FAILED))
        except (OSError, devcluster.DevclusterError):
            return "starting"
        return (
            f"{_show(rate, '.0f')} requests/s, {_show(failed, '.0%')} fail | burn {_show(burn, '.1f')}x | "
            f"budget left {_show(left, '.1%')} | gate {gate}"
        )

    def _status(self, plural: str, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self._get(f"{_OURS}/{plural}/{name}").get("status", {})
        return status

    def _get(self, path: str) -> dict[str, Any]:
        code, reply = self._cluster.api.request("GET", path)
        if code != 200:
            raise devcluster.DevclusterError(f"API server answers {code} to {path}: {reply}")
        found: dict[str, Any] = reply
        return found

    def _number(self, expression: str) -> float | None:
        """The value of a query that returns one series; None if it returns none."""
        rows = self._cluster.prometheus.query(expression)
        return float(rows[0]["value"][1]) if rows else None

    def _firing(self, severity: str) -> list[dict[str, Any]]:
        wanted = {"slo_id": f"shop/{SLO}", "severity": severity}.items()
        alerts = self._cluster.alertmanager.alerts()
        return [alert for alert in alerts if wanted <= alert["labels"].items() and alert["status"]["state"] == "active"]


def _percent(shown: str | None) -> float:
    """The number in "38.2 %"; nan, for which every comparison is false, if there is none."""
    return float(shown.removesuffix("%")) if shown else float("nan")


def _show(value: float | None, form: str) -> str:
    return "?" if value is None else format(value, form)
