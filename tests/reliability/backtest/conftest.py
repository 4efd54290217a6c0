"""Fixtures for backtests: the real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integrations.server import PrometheusServer
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    return Promtool(binary("promtool"), tmp_path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], PrometheusServer]]:
    """Start a Prometheus on a data directory. It is stopped with the test."""
    with ExitStack() as stack:
        yield lambda data: stack.enter_context(PrometheusServer(tmp_path, data))
