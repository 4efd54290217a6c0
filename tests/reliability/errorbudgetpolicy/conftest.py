"""What the tests of policies on a real cluster share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.processes import OperatorProcess

import devcluster


@pytest.fixture
def operator(cluster: devcluster.Cluster, tmp_path: Path) -> OperatorProcess:
    """The operator, not started yet, that asks the cluster's Prometheus every second."""
    arguments = ["-m", "ninefold", "run", "--prometheus-url", cluster.prometheus.url, "--poll-interval", "1s"]
    return OperatorProcess(arguments, cluster.kubeconfig, tmp_path / "operator.log")
