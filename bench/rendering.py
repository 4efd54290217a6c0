"""What `ninefold render` of 1,000 objectives costs: CPU of the whole process, start-up included."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import yaml

from bench.figure import Figure, Say, at_most, compared, significant
from bench.objects import objectives
from bench.process import cpu_of

ROOT = Path(__file__).parent.parent
GOAL = 1.5
"""Seconds of CPU for 1,000 objectives."""


def rendering(say: Say, count: int, rounds: int) -> Iterator[Figure]:
    """One file in, one stream of PrometheusRules out; beside it the floor, in turns."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    with tempfile.TemporaryDirectory(prefix="ninefold-bench-") as directory:
        source, result, known = (Path(directory, name) for name in ("slo.yaml", "rules.yaml", "rules.json"))
        source.write_text(yaml.dump_all(objectives(count, "shop"), Dumper=yaml.CSafeDumper, sort_keys=False))
        render: list[str | Path] = [sys.executable, "-m", "ninefold", "render", "-f", source]
        floor: list[str | Path] = [sys.executable, "-m", "bench.dump", known]
        cpu_of([*render, "-o", "json"], known, environment, ROOT)
        ours, floors = [], []
        for _ in range(rounds):
            ours.append(cpu_of(render, result, environment, ROOT))
            floors.append(cpu_of(floor, result, environment, ROOT))
            say(f"render {ours[-1]:.2f} s CPU, floor {floors[-1]:.2f} s CPU")
        size = result.stat().st_size
    name = f"CPU of ninefold render, {count} objectives"
    figure = compared(name, median(ours), "s", "load the libraries, dump the same with PyYAML", median(floors))
    goal, holds = at_most("value", median(ours), GOAL)
    yield replace(figure, goal=goal, holds=holds)
    yield Figure("size of these rules", significant(size / 1e6), "MB")
