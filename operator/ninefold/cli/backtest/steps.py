"""The steps of a backtest: read objectives, query Prometheus, run the rules, judge, print."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from ninefold.cli.backtest import backfill
from ninefold.cli.shared import files, history, resources
from ninefold.cli.shared.findings import in_order
from ninefold.cli.shared.progress import Failed, Progress
from ninefold.domain.resource_set import Diagnostic
from ninefold.domain.wording.lengths import length
from ninefold.integrations import tsdb
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339
from ninefold.reliability.backtest import report
from ninefold.reliability.backtest.asking import ask
from ninefold.reliability.backtest.grid import CannotEvaluate, Grid, Vector
from ninefold.reliability.backtest.judge import Limits
from ninefold.reliability.backtest.judgement import Judgement
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.backtest.sweep import Wishes
from ninefold.reliability.correction.occurrences import verified
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.feedback.matching import MetricNames, unmatched
from ninefold.reliability.servicelevelobjective.feedback.unmatched import doubt
from ninefold.reliability.servicelevelobjective.namespace.corrections import recorded
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE
from ninefold.reliability.servicelevelobjective.recording.selectors import selectors
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_MOST = 10_000_000
"""The most points of all groups of an objective: some gigabytes for its recordings."""
_DAY = 86_400_000


def run(options: argparse.Namespace) -> int:
    """The exit code."""
    parsed = _parsed(options)
    if parsed is None:
        return 1
    backtest = _Backtest(options, *parsed)
    try:
        judgements = backtest.run()
    except BrokenPipeError:
        raise  # The reader has closed the pipe: handled the same for every command.
    except (Failed, CannotEvaluate, tsdb.NotServed, QueryRefused, Unreachable, OSError) as error:
        print(f"ninefold: {error}", file=sys.stderr)
        return 1
    faults = [
        f"{slo_id}: it has no events in this time range: does its indicator select any?" for slo_id in backtest.missing
    ]
    for judgement in judgements:
        broken = (threshold.broken(judgement) for threshold in options.fail_on)
        faults += [f"{report.title(judgement)}: {sentence}" for sentence in broken if sentence]
    for fault in faults:
        print(f"ninefold: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _parsed(options: argparse.Namespace) -> tuple[list[BacktestCase], list[Correction]] | None:
    """The objectives and the corrections in the files; None, after printing why, if the files hold a fault or no
    objective."""
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    cases: list[BacktestCase] = []
    for entry in parsed.found:
        try:
            if isinstance(entry.resource, ServiceLevelObjective):
                cases.append(BacktestCase(entry.resource, options.targets))
            elif isinstance(entry.resource, Correction):
                verified(entry.resource)
        except Stalled as stalled:
            parsed.findings.append(entry.finding(Diagnostic.of(stalled.message)))
        except CannotEvaluate as error:
            parsed.findings.append(entry.finding(Diagnostic((), str(error))))
    findings = in_order([*findings, *parsed.findings])
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings and not cases:
        print("ninefold: these files hold no ServiceLevelObjective", file=sys.stderr)
    return (cases, resources.of_kind(Correction, parsed.found)) if cases and not findings else None


class _Backtest:
    def __init__(
        self, options: argparse.Namespace, cases: Sequence[BacktestCase], corrections: Sequence[Correction]
    ) -> None:
        self._options, self._corrections = options, corrections
        self._scenario = Scenario(cases)
        self._say = Progress(quiet=options.json)
        self.missing: list[str] = []
        """Objectives without history."""
        self._doubts: dict[str, str] = {}
        """Why no target can be suggested, by slo_id."""

    def run(self) -> list[Judgement]:
        options = self._options
        with history.served(options) as url:
            grid, begin, answers = asyncio.run(self._asked(url))
        judgements: list[Judgement] = []
        for number, case in enumerate(self._scenario.cases):
            self._say.judged(number, len(self._scenario.cases))
            for judgement in self._judged(case, grid, begin, answers):
                if not options.json:
                    print(("\n\n" if judgements else "") + report.text(judgement), flush=True)
                judgements.append(judgement)
        if options.json:
            print(
                json.dumps({"judgements": [asdict(judgement) for judgement in judgements]}, indent=2, default=rfc3339)
            )
        if options.backfill is not None:
            pasts = (self._scenario.past(case, grid, answers) for case in self._scenario.cases)
            backfill.write(options.backfill, pasts, options.promtool, self._say)
        return judgements

    def _corrected(self, case: BacktestCase, since: datetime, end: datetime) -> BacktestCase:
        """The case with its rules as if its corrections had always been known; unchanged without corrections."""
        left_out = recorded(case.slo, self._corrections, since, end)
        return case if left_out == NONE else BacktestCase(case.slo, self._options.targets, left_out)

    async def _asked(self, url: str) -> tuple[Grid, int, dict[str, Vector]]:
        """The times of the rules' evaluations, the index of the first that counts, and Prometheus' answers."""
        options = self._options
        async with history.client(options, url) as prometheus:
            end = options.end or await history.newest(options, prometheus)
            begin = options.begin or end - timedelta(days=options.days)
            if begin >= end:
                raise Failed(f"--from {rfc3339(begin)} is not before --to {rfc3339(end)}")
            grid, first = _grid(begin, end, options.step * 1000, self._scenario.memory())
            since = datetime.fromtimestamp(grid.start / 1000, UTC)
            self._scenario = Scenario([self._corrected(case, since, end) for case in self._scenario.cases])
            answers = await ask(prometheus, self._scenario.questions(), grid, self._say.asked)
            await self._note_unmatched(prometheus, since, end)
        most = max(map(len, answers.values()), default=0)
        if most * grid.count > _MOST:
            raise Failed(
                f"{most:,} groups at {grid.count:,} times are too many: evaluate fewer days, or use a longer --step"
            )
        return grid, first, answers

    async def _note_unmatched(self, prometheus: Prometheus, since: datetime, end: datetime) -> None:
        """Note which selectors matched nothing in this time range, as far as this server reports it."""
        names = MetricNames(prometheus)
        with suppress(QueryRefused, Unreachable):
            for case in self._scenario.cases:
                without_series = await unmatched(prometheus, names, case.slo, since, end)
                for selector in without_series:
                    self._say.note(f"{case.slo.slo_id}: {selector}")
                self._doubts[case.slo.slo_id] = doubt(selectors(case.slo.spec.indicator), without_series)

    def _judged(self, case: BacktestCase, grid: Grid, begin: int, answers: Mapping[str, Vector]) -> list[Judgement]:
        options = self._options
        limits = Limits(options.incident_budget, options.noise_budget)
        wishes = Wishes(options.kept, options.most_pages, self._doubts.get(case.slo.slo_id, ""))
        judgements = list(self._scenario.judgements(case, grid, answers, begin, limits, wishes))
        if not judgements:
            self.missing.append(case.slo.slo_id)
        for judgement in judgements:
            asked = (grid.count - 1 - begin) * grid.step / _DAY
            present = (judgement.end - judgement.begin) / timedelta(days=1)
            if present < 0.99 * asked:
                self._say.note(
                    f"{report.title(judgement)}: there is a history of {_span(present)}, not of {asked:.1f} days"
                )
        return judgements


def _span(days: float) -> str:
    return f"{days:.1f} days" if days >= 1 else length(timedelta(days=days))


def _grid(begin: datetime, end: datetime, step: int, memory: int) -> tuple[Grid, int]:
    """The evaluations, from as long before `begin` as rules read back, and the index of the first that counts."""
    first, last = (int(time.timestamp() * 1000) // step for time in (begin, end))
    lead = -(-memory // step)
    return Grid((first - lead) * step, step, last - first + lead + 1), lead
