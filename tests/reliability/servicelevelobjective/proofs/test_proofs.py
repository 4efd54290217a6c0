"""The generated proofs: they hold for the rules that they were made for, and not for rules with a fault."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.mutants import Mutant, mutants
from bench.mutations import GOAL, SHAPES, notices, shape
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import objective
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.cli import main
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.proofs.labels import SampleMatcher, samples, satisfying
from ninefold.reliability.servicelevelobjective.proofs.suite import proof

SAMPLES = sorted((Path(__file__).parents[4] / "manifests" / "samples").glob("slo-*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_proof_of_every_sample_holds(tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "-f", str(sample), "--tests", str(tmp_path)]) == 0
    (suite,) = tmp_path.glob("*.test.yaml")
    assert re.fullmatch(rf"{suite}: \d+ cases(; counters replace its own PromQL)?\n", capsys.readouterr().out)
    done = subprocess.run([binary("promtool"), "test", "rules", suite], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


COMPONENTS = [{"objective": name} for name in ("a", "b", "c")]
TIERS = [
    {"burnRate": "10", "long": "30m", "short": "5m", "severity": "Page", "for": "2m"},
    {"burnRate": "1", "long": "1h", "short": "10m", "severity": "Ticket"},
]


def composite(mode: str) -> dict[str, Any]:
    return {"window": "6h", "indicator": {"composite": {"mode": mode, "components": COMPONENTS}}}


LONG: list[dict[str, Any]] = [
    {"window": "6h", "indicator": {"errorRatio": {"query": "avg_over_time(x[$window])"}}, "groupBy": ["a"]},
    {"window": "8h", "indicator": {"latency": {"histogram": "h", "threshold": "1s"}}, "groupBy": ["a", "b"]},
    {"window": "6h", "indicator": {"ratio": {"bad": "bad", "total": "all", "births": "Counted"}}},
    {"window": "6h", "alerting": {"tiers": TIERS}},
    composite("Parallel"),
    composite("Weighted"),
    {"window": {"calendar": {"period": "Week", "timeZone": "Asia/Tokyo"}}, "alerting": {"tiers": TIERS}},
]


@pytest.mark.parametrize(
    "spec",
    [
        {"window": "6h", "indicator": {"ratio": {"good": 'ok{a!="b"}', "total": "all"}}, "objective": "80"},
        {"window": "1h", "indicator": {"boolean": {"selector": 'up{job=~"a|b"}'}}},
        composite("Serial"),
        {"window": "6h", "alerting": {"disabled": True}},
        *(pytest.param(spec, marks=pytest.mark.slow) for spec in LONG),
    ],
)
def test_the_proof_of_every_shape_holds(promtool: Promtool, spec: dict[str, Any]) -> None:
    slo = objective(**spec)
    made = proof(Group(slo), "rules.yaml")
    (promtool.directory / "rules.yaml").write_text(yaml.safe_dump(dict(made.rules), width=1 << 20))
    (promtool.directory / "test.yaml").write_text(yaml.safe_dump(dict(made.tests), width=1 << 20))
    promtool.run("test", "rules", promtool.directory / "test.yaml")


def _ratio() -> Group:
    return Group(shape(SHAPES["a ratio"], grouped=False))


@pytest.mark.parametrize(
    "fault",
    [
        r"burn_rate:5m: 0\.01 at \d+ is 0\.015",
        r"ErrorBudgetBurn 6x.*: 6 at \d+ is 9",
        r"ErrorBudgetBurn 1x.*: slo:burn_rate:\w+ is slo:burn_rate:5m",
        r"ErrorBudgetBurn 6x.*: without its label severity",
        r"ErrorBudgetBurn 6x.*: without its label burn_rank",
        r"slo:errors:rate5m: or vector\(0\)",
        r"slo:error_ratio:window: or vector\(0\)",
        r"slo:burn_rate:5m: > at \d+ is <",
    ],
)
def test_a_fault_that_people_make_is_noticed(tmp_path: Path, fault: str) -> None:
    group = _ratio()
    tests = proof(group, "rules.yaml").tests
    found = [mutant for mutant in mutants(group.rules) if re.search(fault, mutant.what)]
    assert found
    assert notices(tmp_path, 0, tests, group.name, found[0])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_all_faults_nearly_all_are_noticed(tmp_path: Path) -> None:
    """Every tenth of them; `make bench` tries them all."""
    group = _ratio()
    tests = proof(group, "rules.yaml").tests
    tried: list[Mutant] = list(mutants(group.rules))[::10]
    missed = [m.what for n, m in enumerate(tried, 1) if not notices(tmp_path, n, tests, group.name, m)]
    assert len(missed) <= (1 - GOAL) * len(tried) + 1, missed


_PIECE = st.sampled_from(["a", "b1", "[0-9]", "[^a]", "\\.", "\\d", ".", "x+", "y?", "z*", "(ab|cd)", "5{2}", "-"])
_PATTERN = st.lists(st.lists(_PIECE, max_size=4).map("".join), min_size=1, max_size=3).map("|".join)


@given(_PATTERN)
def test_a_sample_of_a_pattern_is_taken_by_it(pattern: str) -> None:
    assert all(re.fullmatch(pattern, sample) for sample in samples(pattern))


@given(_PATTERN)
def test_labels_satisfy_what_is_wanted_and_not_all_of_what_is_not(pattern: str) -> None:
    total = [SampleMatcher("__name__", "=", "x"), SampleMatcher("job", "=", "a")]
    bad = [*total, SampleMatcher("code", "=~", pattern)]
    both, rest = satisfying(bad), satisfying(total, but_not=bad)
    if both is not None:
        assert all(matcher.takes(both.get(matcher.label, "")) for matcher in bad)
    if rest is not None:
        assert all(matcher.takes(rest.get(matcher.label, "")) for matcher in total)
        assert not all(matcher.takes(rest.get(matcher.label, "")) for matcher in bad)
