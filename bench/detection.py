"""How soon alerts begin and end, beside Sloth's on the same series: from a total outage to a burn of 2x.

Each error ratio has a job of its own: three healthy days, then an outage as long as it takes a ticket to be raised, and
hours to recover. Both rule sets are evaluated each minute by Prometheus. A last job burns at 0.95x all the time.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import httpx

from bench.figure import Figure, Say, at_most
from bench.history import DAY, HOUR, MINUTE
from bench.samples import layers, sloth
from bench.tsdb import Rule, Tsdb
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

RATIOS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
BUDGET = 0.001
QUIET = 0.00095
"""An error ratio at which the objective is being met."""
_WARM, _AFTER = 3 * DAY + HOUR, 10 * HOUR
_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Outage:
    """One job: an error ratio from `begins` to `ends`, in seconds after the start of history."""

    ratio: float
    begins: int
    ends: int

    @property
    def job(self) -> str:
        return f"at-{self.ratio:g}"

    @classmethod
    def of(cls, ratio: float) -> Outage:
        """As long as the slowest tier (1x over 3 d) takes, and a fifth more."""
        length = max(HOUR, ceil(BUDGET * 3 * DAY / ratio * 1.2 / HOUR) * HOUR)
        return cls(ratio, _WARM, _WARM + length)


@dataclass(frozen=True, slots=True)
class Spoke:
    """When alerts of a severity first began and last ended to fire, in minutes; None if none did."""

    began: float | None
    ended: float | None


def detection(say: Say, ratios: Sequence[float] = RATIOS) -> Iterator[Figure]:
    """Minutes from the first failure to a page and to a ticket, and from the last to the end of it, beside Sloth's."""
    outages = [Outage.of(ratio) for ratio in ratios]
    length = max(outage.ends for outage in outages) + _AFTER
    now = int(time.time())
    start = now - now % DAY - DAY - length // DAY * DAY
    jobs = [*(outage.job for outage in outages), "steady"]
    with tempfile.TemporaryDirectory(prefix="ninefold-bench-") as directory:
        tsdb = Tsdb(Path(directory))
        say(f"writing {length / DAY:.1f} days of {len(jobs)} jobs")
        tsdb.import_(_openmetrics(outages, start, length))
        sets = {"ours": [ninefold_rules(job) for job in jobs], "Sloth": [sloth_rules(job) for job in jobs]}
        rules = [rule for rules in sets.values() for each in rules for rule in each]
        record_needed(tsdb, rules, start, start + length, say)
        with tsdb.serving() as url:
            spoke = {name: [_spoke(url, rules, start, length) for rules in each] for name, each in sets.items()}
    yield from _figures(outages, spoke["ours"], spoke["Sloth"], say)


def _openmetrics(outages: Sequence[Outage], start: int, length: int) -> Iterator[str]:
    yield "# TYPE http_requests counter\n"
    jobs = {outage.job: outage for outage in outages}
    totals = {(job, code): 0.0 for job in [*jobs, "steady"] for code in ("200", "500")}
    for after in range(0, length + 1, MINUTE):
        lines = []
        for job in [*jobs, "steady"]:
            outage = jobs.get(job)
            ratio = QUIET if outage is None else outage.ratio if outage.begins < after <= outage.ends else 0.0
            totals[job, "500"] += _PER_MINUTE * ratio
            totals[job, "200"] += _PER_MINUTE * (1 - ratio)
            for code in ("200", "500"):
                value = round(totals[job, code]) + 1_000_000
                lines.append(f'http_requests_total{{job="{job}",code="{code}"}} {value} {start + after}\n')
        yield "".join(lines)
    yield "# EOF\n"


def ninefold_rules(job: str) -> list[Rule]:
    total = f'http_requests_total{{job="{job}"}}'
    ratio = {"bad": total.replace("}", ',code=~"5.."}'), "total": total}
    spec = {"service": job, "objective": "99.9", "window": {"rolling": "30d"}, "indicator": {"ratio": ratio}}
    return Group(ServiceLevelObjective.parse({"metadata": {"name": job, "namespace": "shop"}, "spec": spec})).rules


def sloth_rules(job: str) -> list[Rule]:
    text = json.dumps([rule for rule in sloth().rules if "30d" not in rule.get("record", "")])
    text = text.replace("checkout-availability", f"{job}-availability").replace(
        'job=\\"checkout\\"', f'job=\\"{job}\\"'
    )
    found: list[Rule] = json.loads(text)
    return [rule for rule in found if "alert" in rule or "ratio_rate" in rule["record"]]


def record_needed(tsdb: Tsdb, rules: Sequence[Rule], start: int, end: int, say: Say, step: int = MINUTE) -> None:
    """Evaluate the recordings that the alerts are made of, those first that others read."""
    wanted = _needed(rules)
    levels: dict[int, list[Rule]] = {}
    for rule, level, _ in layers(wanted):
        levels.setdefault(level, []).append(rule)
    for level, members in sorted(levels.items()):
        say(f"recording, layer {level + 1} of {len(levels)}: {len(members)} rules")
        with tsdb.serving() as url:
            tsdb.record(url, members, start, end, step)


def _needed(rules: Sequence[Rule]) -> list[Rule]:
    """Without what no alert reads, as the budget over 30 days."""
    alerts = [rule["expr"] for rule in rules if "alert" in rule]
    left = [rule for rule in rules if "record" in rule]
    found: list[Rule] = []
    texts = alerts
    while texts:
        read = [rule for rule in left if any(f"{rule['record']}{{" in text for text in texts)]
        left = [rule for rule in left if rule not in read]
        found += read
        texts = [rule["expr"] for rule in read]
    return found


def _spoke(url: str, rules: Sequence[Rule], start: int, length: int) -> dict[str, Spoke]:
    """By severity: the first and the last minute at which an alert's condition is true."""
    times: dict[str, list[float]] = {"page": [], "ticket": []}
    for rule in rules:
        if "alert" in rule:
            times[severity_of(rule)] += true_at(url, rule["expr"], start, start + length)
    return {
        severity: Spoke((min(found) - start) / MINUTE, (max(found) - start) / MINUTE + 1)
        if found
        else Spoke(None, None)
        for severity, found in times.items()
    }


def severity_of(rule: Rule) -> str:
    """Page or ticket, of an alert of ours or of Sloth's."""
    labels = rule["labels"]
    return str(labels.get("severity") or labels["sloth_severity"])


def true_at(url: str, expression: str, start: int, end: int, step: int = MINUTE) -> list[float]:
    """When an expression yields something."""
    found = []
    for first in range(start, end, 10_000 * step):
        last = min(end, first + 9_999 * step)
        form = {"query": expression, "start": str(first), "end": str(last), "step": str(step)}
        reply = httpx.post(f"{url}/api/v1/query_range", data=form, timeout=120, trust_env=False)
        reply.raise_for_status()
        found += [float(at) for series in reply.json()["data"]["result"] for at, _ in series["values"]]
    return found


def _figures(
    outages: Sequence[Outage],
    ours: Sequence[Mapping[str, Spoke]],
    theirs: Sequence[Mapping[str, Spoke]],
    say: Say,
) -> Iterator[Figure]:
    begins, ends = [], []
    for outage, mine, other in zip(outages, ours, theirs, strict=False):
        for severity in ("page", "ticket"):
            a, b = (_after(outage, spoke[severity]) for spoke in (mine, other))
            if b is None:
                continue
            # An alert that never comes is later than any.
            begin, end = a or (float("inf"), float("inf"))
            begins.append((begin, b[0]))
            ends.append((end, b[1]))
            say(
                f"  {outage.ratio:>6.1%} {severity:<6}: begins after {begin:.0f} min (Sloth {b[0]:.0f}), "
                f"ends after {end:.0f} min (Sloth {b[1]:.0f})"
            )
    yield _latest("begins", begins)
    yield _latest("ends", ends)
    spoken = float(sum(spoke.began is not None for spoke in ours[-1].values()))
    goal, holds = at_most("value", spoken, 0)
    yield Figure("severities that speak at a constant burn of 0.95x", spoken, "of 2", None, None, goal, holds)


def _after(outage: Outage, spoke: Spoke) -> tuple[float, float] | None:
    """Minutes from the first failure to the alert, and from the last to its end."""
    if spoke.began is None or spoke.ended is None:
        return None
    return spoke.began - outage.begins / MINUTE, spoke.ended - outage.ends / MINUTE


def _latest(what: str, minutes: Sequence[tuple[float, float]]) -> Figure:
    """How much later than Sloth's at most; the ratio is the largest of all, too."""
    late = max(ours - theirs for ours, theirs in minutes)
    ratio = max(ours / theirs for ours, theirs in minutes if theirs)
    goal, holds = at_most("value", late, 0)
    name = f"latest that an alert {what} after Sloth's, from a total outage to a burn of 2x"
    return Figure(name, late, "min", f"Sloth: {len(minutes)} pages and tickets", round(ratio, 3), goal, holds)
