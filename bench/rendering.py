"""CPU that `ninefold render` of 1,000 objectives takes, and `sloth generate`: the whole process, start-up included."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.figure import Figure, Say, at_most, compared, significant
from bench.objects import objectives
from bench.process import cpu_of
from devcluster.binaries import binary

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


def rendering_beside_sloth(say: Say, count: int, rounds: int) -> Iterator[Figure]:
    """The same objectives through Sloth's binary and through ours, in turns."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    with tempfile.TemporaryDirectory(prefix="ninefold-bench-") as directory:
        ours, theirs, result, made = (
            Path(directory, name) for name in ("ours.yaml", "sloth.yaml", "rules.yaml", "made.yaml")
        )
        written = objectives(count, "shop")
        ours.write_text(yaml.dump_all(written, Dumper=yaml.CSafeDumper, sort_keys=False))
        theirs.write_text(yaml.dump_all(map(_as_sloth, written), Dumper=yaml.CSafeDumper, sort_keys=False))
        render: list[str | Path] = [sys.executable, "-m", "ninefold", "render", "-f", ours]
        generate: list[str | Path] = [binary("sloth"), "generate", "--no-log", "-i", theirs, "-o", made]
        took: dict[str, list[float]] = {"ninefold": [], "sloth": []}
        for _ in range(rounds):
            took["ninefold"].append(cpu_of(render, result, environment, ROOT))
            took["sloth"].append(cpu_of(generate, Path(directory, "log"), environment, ROOT))
            say(f"ninefold render {took['ninefold'][-1]:.2f} s CPU, sloth generate {took['sloth'][-1]:.2f} s CPU")
        sizes = [file.stat().st_size / 1e6 for file in (result, made)]
    name = f"CPU of ninefold render, {count} objectives, beside Sloth"
    yield compared(name, median(took["ninefold"]), "s", "sloth generate", median(took["sloth"]))
    yield compared("size of these rules, beside Sloth", sizes[0], "MB", "sloth generate", sizes[1])


def _as_sloth(manifest: dict[str, Any]) -> dict[str, Any]:
    """A specification that promises the same."""
    spec = manifest["spec"]
    events = {
        f"{field}_query": f"sum(rate({spec['indicator']['ratio'][name]}[{{{{.window}}}}]))"
        for field, name in (("error", "bad"), ("total", "total"))
    }
    slo = {
        "name": "availability",
        "objective": float(spec["objective"]),
        "sli": {"events": events},
        "alerting": {"name": "ErrorBudgetBurn"},
    }
    return {"version": "prometheus/v1", "service": spec["service"], "slos": [slo]}
