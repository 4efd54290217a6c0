from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import devcluster
from devcluster.waiting import patient
from tests.e2e.objects import Objects
from tests.faultproxy import FaultProxy
from tests.installing import collect_garbage_of_new_kinds
from tests.processes import ROOT, OperatorProcess, wait_for
from tests.web import plain

SHOPS_PORT = 18181


def install(cluster: devcluster.Cluster) -> None:
    """CRDs, rights and the admission policies, as a user installs them."""
    cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests/base"))
    # The tests start the operator themselves.
    cluster.kubectl("--namespace=ninefold-system", "delete", "deployment", "ninefold")
    for kind in (
        "servicelevelobjectives",
        "corrections",
        "errorbudgetpolicies",
        "releasegates",
        "releases",
        "dashboards",
    ):
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{kind}.ninefold.dev")


@pytest.fixture(scope="session")
def installed(cluster: devcluster.Cluster) -> None:
    install(cluster)
    collect_garbage_of_new_kinds(cluster)


@pytest.fixture
def objects(cluster: devcluster.Cluster, installed: None, namespace: str) -> Objects:
    return Objects(cluster, namespace)


@pytest.fixture
def start_operator(
    cluster: devcluster.Cluster, installed: None, proxy: FaultProxy, tmp_path: Path
) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts the operator behind the fault proxy; at the end it must stop cleanly unless it is dead."""
    with ExitStack() as stack:

        def start(*arguments: str, prometheus: str = cluster.prometheus.url) -> OperatorProcess:
            command = ["-m", "ninefold", "run", "--log-format=text", "--poll-interval=1s", *arguments]
            command += ["--prometheus-url", prometheus]
            return stack.enter_context(OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log"))

        yield start


class Shops:
    """Sets the traffic of services that Prometheus scrapes."""

    def __init__(self, url: str) -> None:
        self._url = url

    def serve(self, name: str, *, rps: float = 50, bad: float = 0, jitter: float = 0) -> None:
        plain.put(
            f"{self._url}/{name}", params={"rps": rps, "bad": bad, "jitter": jitter}, timeout=patient(5)
        ).raise_for_status()


def open_shops(cluster: devcluster.Cluster) -> Shops:
    cluster.spawn("shops", [sys.executable, str(ROOT / "tests/e2e/shops.py"), str(SHOPS_PORT)])
    url = f"http://{cluster.forward(SHOPS_PORT)}"

    def answers() -> bool:
        try:
            return plain.get(url, timeout=patient(5)).status_code == 200
        except httpx.TransportError:
            return False

    wait_for("the shops to be open", answers)
    cluster.prometheus.add_scrape("shops", f"127.0.0.1:{SHOPS_PORT}")
    return Shops(url)


@pytest.fixture(scope="session")
def shops(cluster: devcluster.Cluster) -> Shops:
    return open_shops(cluster)
