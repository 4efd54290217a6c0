"""Fixtures that every test may use: a real cluster, a namespace of one's own, a proxy that makes the API fail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import devcluster
from tests.faultproxy import FaultProxy

# The machine may be busy with a control plane: slowness of one example is no fault of the code.
hypothesis.settings.register_profile(
    "ninefold", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("ninefold")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[devcluster.Cluster]:
    """A real control plane, shared by all tests: keep to a namespace of your own."""
    with devcluster.start(
        own=True, prometheus=True, alertmanager=True, scrape_interval="1s", evaluation_interval="1s"
    ) as cluster:
        cluster.sync_rules()
        yield cluster


@pytest.fixture
def namespace(cluster: devcluster.Cluster) -> Iterator[str]:
    """A fresh namespace, deleted afterwards so that later tests do not carry its objects along."""
    name = f"test-{next(_numbers)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def proxy(cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    """The API server behind a proxy that can fail on purpose."""
    proxy = FaultProxy(cluster.kubeconfig, tmp_path)
    yield proxy
    proxy.close()
