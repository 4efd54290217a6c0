"""The same objective in two clusters behind one query front: the operator of a cluster goes by its own figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.builders.servicelevelobjective import objective
from tests.integrations.server import SELF, PrometheusServer

from devcluster.waiting import patient
from ninefold.domain.measurements.measurement import Measurement
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.reliability.servicelevelobjective.compiler import Group

TOTAL = f'prometheus_http_requests_total{{job="{SELF}"}}'


def cluster(tmp_path: Path, name: str, front: PrometheusServer) -> PrometheusServer:
    """The Prometheus of a cluster, which sends all that it has to the front."""
    folder = tmp_path / name
    folder.mkdir()
    usual: dict[str, Any] = {"scrape_interval": "1s", "evaluation_interval": "1s", "external_labels": {"cluster": name}}
    config: dict[str, Any] = {"global": usual, "remote_write": [{"url": f"{front.url}/api/v1/write"}]}
    return PrometheusServer(folder, **config)


def figure(url: str, labels: Mapping[str, str], seen: Callable[[Measurement], bool]) -> Measurement:
    """What an operator reads at the front with these labels, once it is as wanted."""

    async def scenario() -> Measurement:
        async with Prometheus(ConnectionOptions(url, external_labels=labels)) as prometheus:
            figures, end = MeasurementPoller(prometheus), time.monotonic() + patient(60)
            while not seen(found := figures.snapshot.by_id.get("shop/checkout", Measurement())):
                assert time.monotonic() < end, figures.snapshot
                await figures.poll()
                await asyncio.sleep(0.2)
            return found

    return asyncio.run(scenario())


def test_each_operator_reads_its_own_cluster(tmp_path: Path) -> None:
    with (
        PrometheusServer(tmp_path) as front,
        cluster(tmp_path, "prod-1", front) as good,
        cluster(tmp_path, "prod-2", front) as bad,
    ):
        good.load(Group(objective(window="1h", indicator={"ratio": {"bad": "nothing", "total": TOTAL}})).as_dict())
        bad.load(Group(objective(window="1h", indicator={"ratio": {"bad": TOTAL, "total": TOTAL}})).as_dict())

        def measured(found: Measurement) -> bool:
            return found.budget_left is not None

        of_good = figure(front.url, {"cluster": "prod-1"}, measured)
        of_bad = figure(front.url, {"cluster": "prod-2"}, measured)
        assert (of_good.budget_left, of_good.data) == (1.0, "Healthy")
        assert of_bad.budget_left is not None
        assert of_bad.budget_left < -1
        without = figure(front.url, {}, lambda found: bool(found.contested))
        assert without.data == "Contested"
        assert "if all series have it, run the operator with --cluster-label cluster=..." in without.contested
