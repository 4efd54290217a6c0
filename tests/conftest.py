"""Fixtures that every test may use: a real cluster, a namespace of one's own, a proxy that makes the API fail."""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import devcluster
from devcluster.waiting import patient
from tests import direct
from tests.faultproxy import FaultProxy

# The machine may be busy with a control plane: slowness of one example is no fault of the code.
hypothesis.settings.register_profile(
    "ninefold", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("ninefold")

# Control planes, Prometheis and kubectl collect garbage less often: a fifth less CPU for a third more memory.
os.environ.setdefault("GOGC", "400")

LONG = ("demo", "kube/test_drills.py", "e2e", "domain/measurements/test_contested.py", "devcluster")
"""Files and folders that wait for most of a minute or more."""

_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", default="0/1", metavar="K/N", help="run the K-th of N parts of what was collected")


def pytest_report_header(config: pytest.Config) -> str:
    return f"part: {config.getoption('--part')} of the tests (make test-all runs all)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A part is chosen by the names of the tests, so that it stays the same where others come or go."""
    part, parts = map(int, config.getoption("--part").split("/"))
    chosen = [item for item in items if zlib.crc32(item.nodeid.encode()) % parts == part]
    others = set(items) - set(chosen)
    if others:
        config.hook.pytest_deselected(items=list(others))
        items[:] = chosen
    # The longest come first, and what only computes fills the workers up in the end; a file's tests stay together.
    long = [config.rootpath / "tests" / name for name in LONG]
    on_cluster = {item.path for item in items if {"cluster", "bare"} & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: (not any(map(item.path.is_relative_to, long)), item.path not in on_cluster))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """The bound of a whole test is for an idle machine, as the bounds of its waits are."""
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else float(item.config.getini("timeout"))
    item.add_marker(pytest.mark.timeout(patient(seconds)), append=False)
    return (yield)


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
    """A fresh namespace, cleared afterwards so that later tests do not carry its objects along."""
    name = f"test-{next(_numbers)}"
    direct.apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    direct.clear(cluster, name)


@pytest.fixture
def proxy(cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    """The API server behind a proxy that can fail on purpose."""
    proxy = FaultProxy(cluster.kubeconfig, tmp_path)
    yield proxy
    proxy.close()
