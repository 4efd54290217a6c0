"""Fixtures: a cluster for each peer, and Ninefold in it with the rights that it is installed with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import devcluster
from tests.peers.flux import Flux, Repository
from tests.peers.objects import Objects
from tests.processes import ROOT, OperatorProcess

Start = Callable[..., OperatorProcess]

ACCOUNT = "system:serviceaccount:ninefold-system:ninefold"
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:ninefold-system")


@pytest.fixture(scope="module")
def cluster() -> Iterator[devcluster.Cluster]:
    """A control plane in which one peer is installed, whose Prometheus watches itself."""
    with devcluster.start(own=True, prometheus=True, scrape_interval="1s", evaluation_interval="1s") as cluster:
        cluster.prometheus.add_scrape("prometheus", cluster.prometheus.inside_url.removeprefix("http://"))
        cluster.sync_rules()
        yield cluster


@pytest.fixture
def start_ninefold(cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[Start]:
    """Starts the operator as the service account of the installation; it must stop cleanly with the test."""
    with ExitStack() as stack:

        def start(*arguments: str) -> OperatorProcess:
            command = ["-m", "ninefold", "run", "--log-format=text", "--poll-interval=1s", *arguments]
            command += ["--prometheus-url", cluster.prometheus.url]
            kubeconfig = cluster.kubeconfig_for(ACCOUNT, GROUPS)
            return stack.enter_context(OperatorProcess(command, kubeconfig, tmp_path / "operator.log"))

        yield start


@pytest.fixture(scope="module")
def flux(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Flux:
    """Flux, which has installed Ninefold by the shipped example."""
    work = tmp_path_factory.mktemp("repository")
    for folder in ("crds", "manifests"):
        shutil.copytree(ROOT / folder, work / folder)
    repository = Repository(cluster, tmp_path_factory.mktemp("artifacts"), work)
    repository.serve()
    flux = Flux(cluster, repository)
    flux.install()
    return flux


@pytest.fixture
def objects(cluster: devcluster.Cluster) -> Objects:
    return Objects(cluster)
