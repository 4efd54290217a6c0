"""The steps of `ninefold gate backtest`: read resources, query Prometheus, replay policies and gates, print."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ninefold.cli.gate.backtest import printing, scene
from ninefold.cli.gate.backtest.scene import Scene
from ninefold.cli.shared import history
from ninefold.cli.shared.progress import Failed, Progress
from ninefold.domain.measurements.samples import query_of
from ninefold.integrations import tsdb
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339
from ninefold.release.replay.gate import GateReplay
from ninefold.release.replay.history import PastRecord
from ninefold.release.replay.outcome import outcome
from ninefold.reliability.backtest.asking import ask
from ninefold.reliability.backtest.grid import NAME, CannotEvaluate, Grid, Vector
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.backtest.spending import EVENTS
from ninefold.reliability.replay.history import moments
from ninefold.reliability.replay.policy import PolicyReplay, ReplayMoment, Said, stays
from ninefold.reliability.servicelevelobjective.namespace.corrections import recorded
from ninefold.reliability.servicelevelobjective.recording.composite import components
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

LEAD = timedelta(days=1)
"""How long before its time range a replay begins, so that gates have the state that they would have had."""
_MOST = 20_000_000
"""The most values of all series together, eight bytes each."""
_NOT_RECORDED = "it has no recordings in this time range: --recompute evaluates its rules over scraped series"
_NO_EVENTS = "it has no events in this time range: does its indicator select any?"


def run(options: argparse.Namespace) -> int:
    """The exit code."""
    try:
        print(_Replay(options).run())
    except BrokenPipeError:
        raise  # The reader has closed the pipe: handled the same for every command.
    except (Failed, Stalled, CannotEvaluate, tsdb.NotServed, QueryRefused, Unreachable, OSError) as error:
        print(f"ninefold: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recordings of each objective, by slo_id, at the times of a grid."""

    grid: Grid
    by_id: Mapping[str, Vector]


class Play:
    """Replays policies and gates over one history. Raises Stalled like their plans."""

    def __init__(self, of: Scene, records: Sequence[PastRecord], start: datetime) -> None:
        self.policies = [PolicyReplay(policy, of.selected(key)) for key, policy in of.policies.items()]
        self.gates = [
            GateReplay(gate, [at.name for at in of.policies if at.namespace == key.namespace], records, start)
            for key, gate in of.gates.items()
        ]

    def take(self, moment: ReplayMoment) -> None:
        self._pass_on((policy.key, word) for policy in self.policies for word in policy.take(moment))

    def finish(self, begin: datetime, end: datetime) -> printing.Result:
        """The result between two moments."""
        self._pass_on((policy.key, word) for policy in self.policies for word in policy.pass_until(end))
        for gate in self.gates:
            gate.pass_until(end)
        return printing.Result(
            policies={str(policy.key): stays(policy.states, begin, end) for policy in self.policies},
            gates=[outcome(gate, begin, end) for gate in self.gates],
        )

    def _pass_on(self, said: Iterable[tuple[Key, Said]]) -> None:
        for key, word in sorted(said, key=lambda each: each[1].at):
            for gate in self.gates:
                if gate.key.namespace == key.namespace:
                    gate.hear(key.name, word.status, word.at)


class _Replay:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._say = Progress(quiet=options.json)
        found, self._records = scene.of_options(options)
        self._scenes = [found, found.changed(scene.against(options))] if options.against else [found]
        if options.name:
            self._scenes = [part.only(options.name) for part in self._scenes]
        for part in self._scenes:
            part.check()
        self._note_left_out()

    def run(self) -> str:
        """The text to print."""
        options = self._options
        with history.served(options) as url:
            begin, end, found = asyncio.run(self._asked(url))
        for slo_id, vector in found.by_id.items():
            if not any((NAME, EVENTS) in labels for labels in vector):
                raise Failed(f"{slo_id}: {_NO_EVENTS if options.recompute else _NOT_RECORDED}")
        results = self._played(begin, end, found)
        if options.json:
            return json.dumps(printing.as_dict(begin, end, results), indent=2, ensure_ascii=False)
        return printing.text(begin, end, results, ", ".join(options.against or ()))

    def _note_left_out(self) -> None:
        for key, gate in self._scenes[-1].gates.items():
            for name in filter(None, (source.cluster_release_gate for source in gate.spec.sources)):
                self._say.note(f"ReleaseGate {key}: the decisions of ClusterReleaseGate {name} are left out")

    def _played(self, begin: datetime, end: datetime, found: Recorded) -> list[printing.Result]:
        start = begin - LEAD
        plays = [Play(part, self._records, start) for part in self._scenes]
        for moment in moments(found.grid, found.by_id):
            self._say.replayed(moment.at - start, end - start)
            for play in plays:
                play.take(moment)
        return [play.finish(begin, end) for play in plays]

    async def _asked(self, url: str) -> tuple[datetime, datetime, Recorded]:
        """The begin and end on whole steps, and Prometheus' data for that time and the lead."""
        options, step = self._options, self._options.step
        async with history.client(options, url) as prometheus:
            until = options.until or await history.newest(options, prometheus)
            begin, end = (_floor(at, step) for at in (_begin(options, until), until))
            if begin >= end:
                raise Failed(f"--since {rfc3339(begin)} is not before --until {rfc3339(end)}")
            first = int((begin - LEAD).timestamp())
            grid = Grid(first * 1000, step * 1000, (int(end.timestamp()) - first) // step + 1)
            found = await (self._computed if options.recompute else self._read)(prometheus, grid)
        values = sum(map(len, found.by_id.values())) * grid.count
        if values > _MOST:
            raise Failed(f"{values:,} values are too many: replay less time, use a longer --step, or name one gate")
        return begin, end, found

    def _objectives(self) -> dict[str, ServiceLevelObjective]:
        """The objectives that any policy selects."""
        found: dict[Key, ServiceLevelObjective] = {}
        for part in self._scenes:
            for key in part.policies:
                found |= {Key.of(slo): part.slos[Key.of(slo)] for slo in part.selected(key)}
        return {str(key): slo for key, slo in sorted(found.items())}

    async def _read(self, prometheus: Prometheus, grid: Grid) -> Recorded:
        """The recordings of the rules."""
        questions = {slo_id: query_of(slo_id) for slo_id in self._objectives()}
        answers = await ask(prometheus, questions.values(), grid, self._say.asked)
        return Recorded(grid, {slo_id: answers[text] for slo_id, text in questions.items()})

    async def _computed(self, prometheus: Prometheus, grid: Grid) -> Recorded:
        """What the rules would have recorded. For a composite, its components' rules are evaluated too."""
        wanted, slos, corrections = self._objectives(), self._scenes[0].slos, self._scenes[0].corrections
        needed = {key: slos[key] for slo in wanted.values() for key in components(slo) if key in slos}
        every = {**needed, **{slo.key: slo for slo in wanted.values()}}.values()
        lead = -(-Scenario([BacktestCase(slo, []) for slo in every]).memory() // grid.step)
        whole = Grid(grid.start - lead * grid.step, grid.step, grid.count + lead)
        first, last = (datetime.fromtimestamp(at / 1000, UTC) for at in (whole.start, whole.end))
        scenario = Scenario([BacktestCase(slo, [], recorded(slo, corrections.values(), first, last)) for slo in every])
        answers = await ask(prometheus, scenario.questions(), whole, self._say.asked)
        found: dict[str, Vector] = {}
        cases = [case for case in scenario.cases if case.slo.slo_id in wanted]
        for number, case in enumerate(cases):
            self._say.judged(number, len(cases))
            recordings = scenario.outcome(case, whole, answers).recordings
            found[case.slo.slo_id] = {
                labels: values[lead:]
                for name in dict.fromkeys(rule.name for rule in case.rules if not rule.alert)
                for labels, values in recordings.named(name).items()
                if dict(labels).get("slo_id") == case.slo.slo_id
            }
        return Recorded(grid, found)


def _floor(at: datetime, step: int) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // step * step, UTC)


def _begin(options: argparse.Namespace, end: datetime) -> datetime:
    """The begin of the history."""
    begin: datetime = options.since if isinstance(options.since, datetime) else end - options.since
    return begin.astimezone(UTC)
