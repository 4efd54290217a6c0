"""docs/metrics.md names every metric on /metrics: what is generated is what a registry serves."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, generate_latest

from ninefold.cli.run.collectors import collectors
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.metrics import Metrics
from ninefold.kube.store import Store
from tests.processes import ROOT


def served() -> set[str]:
    """The names of the metrics that the operator serves."""
    prometheus = Prometheus(ConnectionOptions("http://127.0.0.1:1"))
    sources = PrometheusSources([PrometheusSource(prometheus, MeasurementPoller(prometheus))])
    registry: CollectorRegistry = Metrics().registry
    for collector in collectors(Store(), sources):
        registry.register(collector)
    return set(re.findall(r"^# TYPE (\S+)", generate_latest(registry).decode(), re.MULTILINE))


def test_the_page_names_what_is_served() -> None:
    documented = re.findall(r"^\| `(\w+)` ", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert {name for name in served() if not name.endswith("_created")} == set(documented)
