"""How long the operator takes to bring 1,000 objectives it has never seen to their rules and their status.

The objects are there before the operator starts. The clock runs from the moment the API server has answered the first
listing of them until it has answered the last write that an objective needs: its rules and its status. The bare client
then writes the same objects, its clock running from its own listing. Both by the API server's clock.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import devcluster
from bench.audit import Request, Tape
from bench.figure import Failed, Figure, compared, significant
from bench.process import cpu_seconds, resident_mb
from bench.site import NAMESPACE, SLO, Site

_RULES, _STATUS = "configmaps", f"{SLO.plural}/status"
SETTLE = 3.0
"""Seconds without a write after which nothing more is expected."""


@dataclass(frozen=True, slots=True)
class Run:
    """One operator from its start to rest; seconds, MB."""

    start_up: float
    converged: float
    """From the first listing to the last write an objective needs."""
    settled: float
    """From the first listing to the last write of any kind, Events included."""
    cpu: float
    writes: int
    reads: int
    resident: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The bare client's time by the API server's clock, and its CPU time, start-up left out; seconds."""

    took: float
    cpu: float


def convergence(site: Site, count: int, rounds: int, quiet: float) -> Iterator[Figure]:
    """`count` objectives, operator and bare client in turns; then `quiet` seconds in which nothing may be written."""
    idle = _idle(site)
    runs: list[Run] = []
    floors: list[Floor] = []
    late = 0
    for number in range(1, rounds + 1):
        site.create(count)
        tape = site.tape("operator")
        began = time.time()
        with site.operator("operator") as process:
            run = _operator(site, process, tape, began, count)
            runs.append(run)
            if number == rounds:
                site.say(f"watching for {quiet:.0f} s that nothing is written any more")
                late = _late_writes(tape, quiet)
        lines = site.written()
        site.clear()
        site.create(count)
        floors.append(_bare(site, lines, count))
        site.clear()
        site.say(
            f"round {number} of {rounds}: operator {run.converged:.2f} s (with events {run.settled:.2f} s, "
            f"{run.cpu - idle[0]:.1f} s CPU), bare client {floors[-1].took:.2f} s ({floors[-1].cpu:.1f} s CPU)"
        )
    yield from _figures(runs, floors, count, idle, late, quiet)


def _figures(
    runs: list[Run], floors: list[Floor], count: int, idle: tuple[float, float], late: int, quiet: float
) -> Iterator[Figure]:
    def middle(field: str) -> float:
        return float(median(getattr(run, field) for run in runs))

    floor, name = median(each.took for each in floors), f"{count} objectives"
    yield compared(f"convergence of {name}", middle("converged"), "s", "bare client", floor, goal=1.3)
    yield compared(f"last write, Events included, of {name}", middle("settled"), "s", "bare client", floor)
    yield Figure("start-up until the first listing", significant(middle("start_up")), "s")
    cpu, least = middle("cpu") - idle[0], median(each.cpu for each in floors)
    yield compared("CPU of the operator per objective", cpu / count * 1000, "ms", "bare client", least / count * 1000)
    yield Figure("writes per objective", significant(middle("writes") / count), "requests", "bare client: 2")
    yield Figure("reads per objective", significant(middle("reads") / count), "requests")
    yield Figure(f"writes in {quiet:.0f} s after convergence", late, "requests", None, None, "value <= 0", late == 0)
    yield Figure("memory of the operator, no objects", significant(idle[1]), "MB")
    yield Figure(f"memory of the operator, {name}", significant(middle("resident")), "MB")
    yield Figure("memory per objective", significant((middle("resident") - idle[1]) / count * 1000), "kB")


def _idle(site: Site) -> tuple[float, float]:
    """CPU seconds and MB of an operator that has found nothing to do."""
    tape = site.tape("operator")
    with site.operator("operator") as process:
        site.until("the operator lists", lambda: _listed(tape.requests()) is not None, 60)
        time.sleep(SETTLE)
        return cpu_seconds(process.pid), resident_mb(process.pid)


def _operator(site: Site, process: devcluster.Process, tape: Tape, began: float, count: int) -> Run:
    site.say(f"the operator meets {count} objectives")

    def done() -> bool:
        process.check_running()
        return len(_needed(tape.requests())) >= 2 * count

    site.until(f"all {count} objectives have rules and a status", done)
    _rest(tape)
    cpu, resident = cpu_seconds(process.pid), resident_mb(process.pid)
    requests = tape.requests()
    first = _listed(requests)
    if first is None:
        raise Failed("the audit log shows no listing by the operator")
    writes = [request for request in requests if request.writes]
    site.say(f"  requests: {_summary(requests)}")
    return Run(
        start_up=first - began,
        converged=max(_needed(requests).values()) - first,
        settled=max(request.answered for request in writes) - first,
        cpu=cpu,
        writes=len(writes),
        reads=sum(request.verb == "get" for request in requests),
        resident=resident,
    )


def _bare(site: Site, lines: list[dict[str, Any]], count: int) -> Floor:
    site.say("the bare client writes the same")
    tape = site.tape("bare")
    process = site.bare("write", lines, "bare")
    site.finish(process)
    site.until("the audit log is complete", lambda: len(_needed(tape.requests())) >= 2 * count, 10)
    first = _listed(tape.requests())
    if first is None:
        raise Failed("the audit log shows no listing by the bare client")
    return Floor(max(_needed(tape.requests()).values()) - first, float(process.tail().split()[-1]))


def _listed(requests: list[Request]) -> float | None:
    """When the objectives were first listed."""
    return next((r.answered for r in requests if (r.verb, r.resource) == ("list", SLO.plural)), None)


def _needed(requests: list[Request]) -> dict[tuple[str, str], float]:
    """When each objective's rules and status were first written."""
    found: dict[tuple[str, str], float] = {}
    for request in requests:
        ours = request.resource in (_RULES, _STATUS) and request.namespace == NAMESPACE
        if ours and request.writes and request.code < 300:
            found.setdefault((request.resource, request.name), request.answered)
    return found


def _rest(tape: Tape) -> None:
    """Return when nothing was written for a while."""
    seen = -1
    while seen != (now := sum(request.writes for request in tape.requests())):
        seen = now
        time.sleep(SETTLE)


def _late_writes(tape: Tape, quiet: float) -> int:
    before = sum(request.writes for request in tape.requests())
    time.sleep(quiet)
    return sum(request.writes for request in tape.requests()) - before


def _summary(requests: list[Request]) -> str:
    counts = Counter(f"{r.verb} {r.resource} {r.code}" for r in requests)
    return ", ".join(f"{number} {what}" for what, number in counts.most_common(8))
