"""How many faults in the rules the generated proofs notice."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figure import Figure, Say
from bench.mutants import Mutant, mutants
from devcluster.binaries import binary
from ninefold.kube import yamltext
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.proofs.suite import proof
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

GOAL = 0.95
SHAPES: Mapping[str, dict[str, Any]] = {
    "a ratio": {"ratio": {"bad": 'errors_total{job="checkout"}', "total": 'requests_total{job="checkout"}'}},
    "a latency by region": {"latency": {"histogram": 'duration_seconds{job="checkout"}', "threshold": "300ms"}},
}


@dataclass(frozen=True)
class Score:
    """What became of the mutants."""

    killed: int
    survivors: Sequence[str]

    @property
    def tried(self) -> int:
        return self.killed + len(self.survivors)

    @property
    def share(self) -> float:
        return self.killed / self.tried


def mutations(say: Say, step: int = 1) -> Iterator[Figure]:
    """The share of faults noticed; only every `step`-th is tried."""
    killed, survivors = 0, 0
    for name, indicator in SHAPES.items():
        score = score_of(shape(indicator, grouped="region" in name), say, step)
        say(f"{name}: {score.killed} of {score.tried} faults noticed; not these: {'; '.join(score.survivors)}")
        killed, survivors = killed + score.killed, survivors + len(score.survivors)
    share = killed / (killed + survivors)
    against = f"{killed + survivors} rules with one fault each"
    yield Figure(
        "faults that a generated proof notices",
        round(share * 100, 1),
        "%",
        against,
        None,
        f"value >= {GOAL * 100:g}",
        share >= GOAL,
    )


def shape(indicator: dict[str, Any], *, grouped: bool) -> ServiceLevelObjective:
    """An objective over half a day: hours and minutes both count in it, and no case takes long."""
    spec = {"service": "checkout", "objective": "99", "window": {"rolling": "12h"}, "indicator": indicator}
    if grouped:
        spec["groupBy"] = ["region"]
    return ServiceLevelObjective.parse({"metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec})


def score_of(slo: ServiceLevelObjective, say: Say, step: int = 1) -> Score:
    """Run the proof of the right rules against every wrong one."""
    group = Group(slo)
    tests = proof(group, "rules.yaml").tests
    found = list(mutants(group.rules))[::step]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="ninefold-mutants-") as directory, ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda each: notices(Path(directory), each[0], tests, group.name, each[1]), enumerate(found))
        for number, (mutant, killed) in enumerate(zip(found, runs, strict=True), 1):
            if not killed:
                survivors.append(mutant.what)
            if number % 50 == 0:
                say(f"{number} of {len(found)} faults tried, {len(survivors)} not noticed")
    return Score(len(found) - len(survivors), survivors)


def notices(directory: Path, number: int, tests: Mapping[str, Any], name: str, mutant: Mutant) -> bool:
    """Whether a case fails. The short ones come first: most faults need no more."""
    folder = directory / str(number)
    folder.mkdir()
    (folder / "rules.yaml").write_text(yamltext.document({"groups": [{"name": name, "rules": mutant.rules}]}))
    for cases in _by_length(tests["tests"]):
        (folder / "test.yaml").write_text(yamltext.document({**tests, "tests": cases}))
        run = subprocess.run(
            [binary("promtool"), "test", "rules", folder / "test.yaml"], check=False, capture_output=True
        )
        if run.returncode:
            return True
    return False


def _by_length(cases: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    def last(case: Mapping[str, Any]) -> int:
        return max(int(check["eval_time"].rstrip("m")) for check in case["promql_expr_test"])

    ordered = sorted(cases, key=last)
    return [ordered[:4], ordered[4:9], ordered[9:]]
