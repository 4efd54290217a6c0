"""promtool as a Python object: it evaluates rules over synthetic series with the engine of Prometheus."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Promtool:
    """The binary, and a directory for the files it is given."""

    binary: Path
    directory: Path

    def run(self, *arguments: str | Path) -> str:
        """What it prints. Fails the test with its words if it is not content."""
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def check(self, *groups: Mapping[str, Any]) -> None:
        """The groups load."""
        self.run("check", "rules", "--lint=all", "--lint-fatal", self._write("rules.yaml", {"groups": list(groups)}))

    def test(
        self,
        groups: Sequence[Mapping[str, Any]],
        series: Mapping[str, str],
        holds: Sequence[tuple[str, str]] = (),
        absent: Sequence[tuple[str, str]] = (),
        interval: str = "1m",
        start: datetime | None = None,
    ) -> None:
        """Expressions that must be 1 at a time, and such that must yield nothing.

        `series` maps selectors to values in promtool's notation, one value each `interval` from `start`, by default
        the beginning of Unix time.
        """
        rules = self._write("rules.yaml", {"groups": list(groups)})
        expected = [
            {"expr": f"min({expr})", "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}]}
            for at, expr in holds
        ]
        expected += [{"expr": expr, "eval_time": at, "exp_samples": []} for at, expr in absent]
        suite = {
            "rule_files": [str(rules)],
            "evaluation_interval": interval,
            "tests": [
                {
                    "interval": interval,
                    **({"start_timestamp": int(start.timestamp())} if start else {}),
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": expected,
                }
            ],
        }
        self.run("test", "rules", self._write("test.yaml", suite))

    def _write(self, name: str, content: object) -> Path:
        path = self.directory / name
        path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, width=1 << 20))
        return path


def near(series: str, value: float, tolerance: float = 1e-3) -> str:
    """An expression that is 1 while a series is within a share of a value."""
    return f"abs({series} - {value!r}) <= bool {abs(value) * tolerance + 1e-12!r}"


def firing(tier: str = ".+", alertname: str = "ErrorBudgetBurn") -> str:
    """A selector of the firing alerts of some tiers."""
    return f'ALERTS{{alertname="{alertname}",alertstate="firing",burn_tier=~"{tier}"}}'
