from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

import devcluster
from ninefold.kube.crd import crd
from tests.faultproxy import FaultProxy
from tests.installing import collect_garbage_of_new_kinds
from tests.kube.lamp import Lamp
from tests.kube.lamps import Lamps
from tests.processes import OperatorProcess


@pytest.fixture(scope="session")
def lamp_crd(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump(crd(Lamp)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{Lamp.api.name}")
    collect_garbage_of_new_kinds(cluster)


@pytest.fixture
def lamps(cluster: devcluster.Cluster, lamp_crd: None, namespace: str) -> Lamps:
    return Lamps(cluster, namespace)


@pytest.fixture
def lamp_operator(proxy: FaultProxy, lamp_crd: None) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts operators for lamps behind the fault proxy; those still alive at the end must stop cleanly."""
    with ExitStack() as stack:

        def start(*arguments: str, behind: FaultProxy = proxy) -> OperatorProcess:
            command = ["-m", "tests.kube.lamp", *arguments]
            log = behind.kubeconfig.with_name("operator.log")
            return stack.enter_context(OperatorProcess(command, behind.kubeconfig, log))

        yield start


@pytest.fixture
def other_proxy(cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    """A way to the API server for a second replica, so that it shows who writes what."""
    directory = tmp_path / "other"
    directory.mkdir()
    proxy = FaultProxy(cluster.kubeconfig, directory)
    yield proxy
    proxy.close()
