"""Objectives and the targets to try for each: the queries for Prometheus, and the judgements of its answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ninefold.kube.errors import Stalled
from ninefold.reliability.backtest.backfill import Past, past
from ninefold.reliability.backtest.grid import Grid, Vector
from ninefold.reliability.backtest.judge import Limits, judge
from ninefold.reliability.backtest.judgement import Judgement, TargetJudgement
from ninefold.reliability.backtest.questions import question
from ninefold.reliability.backtest.reads import reads
from ninefold.reliability.backtest.recordings import LOOKBACK
from ninefold.reliability.backtest.rulefile import FileRule, Group, Library, Makers, parse
from ninefold.reliability.backtest.simulate import Simulation, SimulationOutcome
from ninefold.reliability.backtest.sweep import Wishes, around, retargeted, suggestion
from ninefold.reliability.servicelevelobjective import compiler
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE, Corrections
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


@dataclass(frozen=True, slots=True)
class Variant:
    """An objective under one target; without rules if they cannot be made, with the reason in `refused`."""

    slo: ServiceLevelObjective
    rules: Group
    refused: str = ""


class BacktestCase:
    """An objective unchanged, and under each target."""

    def __init__(
        self, slo: ServiceLevelObjective, targets: Sequence[str] | None, corrections: Corrections = NONE
    ) -> None:
        """Without targets, the usual targets around its own are tried. Raises Stalled and CannotEvaluate."""
        self.slo, self.rules = slo, compiled(slo, corrections)
        wanted = around(slo.spec.objective) if targets is None else targets
        self.variants = [_variant(retargeted(slo, target), corrections) for target in wanted]


class Scenario:
    """Several objectives, which may read one another's recordings."""

    def __init__(self, cases: Sequence[BacktestCase]) -> None:
        self.cases = cases
        self._library = Library(case.rules for case in cases)

    def questions(self) -> list[str]:
        """The queries for Prometheus. Raises CannotEvaluate."""
        queries: dict[str, None] = {}
        for groups in self._runs():
            makers = Makers(rule for group in groups for rule in group)
            asked = (question(rule, makers) for group in groups for rule in group)
            queries |= {text: None for text in asked if text is not None}
        return list(queries)

    def memory(self) -> int:
        """How far back a value depends on recordings, in milliseconds. Raises CannotEvaluate."""
        return max(max(_depths(groups).values()) for groups in self._runs()) + LOOKBACK

    def outcome(self, case: BacktestCase, grid: Grid, answers: Mapping[str, Vector]) -> SimulationOutcome:
        """What the rules of an objective did, under its own target. Raises CannotEvaluate."""
        return Simulation(grid, answers).outcome(self._with_needed(case, case.rules))

    def past(self, case: BacktestCase, grid: Grid, answers: Mapping[str, Vector]) -> Past:
        """The samples of the grid that the first evaluations of an objective's rules after it read. Raises
        CannotEvaluate."""
        groups = self._with_needed(case, case.rules)
        return past(groups, Simulation(grid, answers).outcome(groups).recordings)

    def judgements(
        self, case: BacktestCase, grid: Grid, answers: Mapping[str, Vector], begin: int, limits: Limits, wishes: Wishes
    ) -> Iterator[Judgement]:
        """A judgement for each group of an objective. `begin` is the first point that counts. Raises CannotEvaluate."""
        simulation = Simulation(grid, answers)

        def judged(slo: ServiceLevelObjective, group: Group) -> list[Judgement]:
            return list(judge(slo, group, simulation.outcome(self._with_needed(case, group)), begin, limits))

        present = judged(case.slo, case.rules)
        targets: list[list[TargetJudgement]] = [[] for _ in present]
        for variant in case.variants:
            under = judged(variant.slo, variant.rules) if variant.rules else [None] * len(present)
            for row, judgement in zip(targets, under, strict=True):
                row.append(_target(variant, judgement, case.slo.spec.objective))
        for row, budget in zip(targets, present, strict=True):
            data = (budget.end - budget.begin) * budget.coverage
            yield replace(budget, targets=row, suggestion=suggestion(row, wishes, data))

    def _with_needed(self, case: BacktestCase, group: Group) -> list[Group]:
        """The rules of a case under a target, after the groups that they read."""
        return [*self._library.needed(group, instead_of=case.rules), group]

    def _runs(self) -> Iterator[list[Group]]:
        """The groups of each case and variant: the groups that it reads, and its own."""
        for case in self.cases:
            for group in (case.rules, *(variant.rules for variant in case.variants if variant.rules)):
                yield self._with_needed(case, group)


def _depths(groups: Sequence[Group]) -> dict[FileRule, int]:
    """How far back each rule reads, directly and through the rules that it reads, in milliseconds."""
    makers, depths = Makers(rule for group in groups for rule in group), dict[FileRule, int]()
    for rule in (rule for group in groups for rule in group):
        deep = [0]
        for selector, times in reads(rule.expression):
            deep.append(times.back + max((depths[maker] for maker in makers.of(selector)), default=0))
        depths[rule] = max(deep)
    return depths


def compiled(slo: ServiceLevelObjective, corrections: Corrections = NONE) -> Group:
    """The rules of an objective. Raises Stalled, and CannotEvaluate for PromQL that is not supported here."""
    return parse(compiler.Group(slo, corrections).as_dict())


def _variant(slo: ServiceLevelObjective, corrections: Corrections) -> Variant:
    try:
        return Variant(slo, compiled(slo, corrections))
    except Stalled as stalled:
        return Variant(slo, (), stalled.message)


def _target(variant: Variant, judged: Judgement | None, present: str) -> TargetJudgement:
    objective = variant.slo.spec.objective
    if judged is None:
        return TargetJudgement(objective, objective == present, None, refused=variant.refused)
    return TargetJudgement(objective, objective == present, judged.summary, judged.missed)
