from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

import devcluster
from ninefold.kube.crd import crd
from tests.faultproxy import FaultProxy
from tests.kube.lamp import Lamp
from tests.kube.lamps import Lamps
from tests.processes import OperatorProcess


@pytest.fixture(scope="session")
def lamp_crd(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump(crd(Lamp)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{Lamp.api.name}")


@pytest.fixture
def lamps(cluster: devcluster.Cluster, lamp_crd: None, namespace: str) -> Lamps:
    return Lamps(cluster, namespace)


@pytest.fixture
def lamp_operator(proxy: FaultProxy, lamp_crd: None, tmp_path: Path) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts operators for lamps behind the fault proxy; those still alive at the end must stop cleanly."""
    with ExitStack() as stack:

        def start(*arguments: str) -> OperatorProcess:
            command = ["-m", "tests.kube.lamp", *arguments]
            return stack.enter_context(OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log"))

        yield start
