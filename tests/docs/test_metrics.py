"""docs/metrics.md names every metric on /metrics, with its type, labels and help, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from ninefold.cli.run.collectors import collectors
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.metrics import Metrics
from ninefold.kube.store import Store

PAGE = Path(__file__).parents[2] / "docs/metrics.md"


def served() -> list[str]:
    """A row for each metric that the operator registers."""
    rows = []
    for instrument in vars(Metrics()).values():
        if isinstance(instrument, MetricWrapperBase):
            help_text, labels = instrument._documentation, instrument._labelnames
            rows.append(_row(instrument._name, instrument._type, labels, help_text))
    prometheus = Prometheus(ConnectionOptions("http://127.0.0.1:1"))
    for collector in collectors(
        Store(), PrometheusSources([PrometheusSource(prometheus, MeasurementPoller(prometheus))])
    ):
        for family in collector.collect():
            rows.append(_row(family.name, family.type, getattr(family, "_labelnames", ()), family.documentation))
    return rows


def _row(name: str, kind: str | None, labels: tuple[str, ...], help_text: str) -> str:
    full = f"{name}_total" if kind == "counter" else name
    return f"| `{full}` | {kind} | {', '.join(f'`{label}`' for label in labels) or 'none'} | {help_text} |"


def test_the_page_is_what_is_served() -> None:
    documented = re.findall(r"^\| `.*$", PAGE.read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(served())
