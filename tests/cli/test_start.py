"""What a command imports before it does anything: people wait for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("ninefold.cli", ("argparse", "pydantic", "kubernetes", "ninefold.kinds")),
        ("ninefold.cli.gate.command", ("httpx", "numpy", "ninefold.kinds", "ninefold.integrations.prometheus")),
        (
            "ninefold.cli.lint.command",
            ("httpx", "numpy", "kubernetes", "aiohttp", "prometheus_client", "grafana_foundation_sdk"),
        ),
        ("ninefold.cli.status.command", ("httpx", "numpy", "grafana_foundation_sdk")),
    ],
)
def test_a_command_does_not_import_what_it_does_not_need(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(heavy) & set(json.loads(done.stdout))
