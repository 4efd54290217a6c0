"""Whether alerts stay quiet about what is over: outages of 20 s to 5 min, and one error after idle hours.

Each outage has jobs of its own, scraped every 15 s and every 60 s, which it meets at two moments between scrapes.
Before it are seven healthy hours. The idle jobs have no traffic for 24 hours, then a single request, which fails. Ours
and Sloth's rules are evaluated every 15 s by Prometheus.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.detection import ninefold_rules, record_needed, severity_of, sloth_rules, true_at
from bench.figure import Figure, Say, at_most
from bench.history import DAY, HOUR, MINUTE
from bench.tsdb import Rule, Tsdb

LENGTHS = (20, 36, 45, 60, 90, 120, 180, 300)
SCRAPES = (15, 60)
SHORT = 36
"""Seconds: a total outage up to that spends less than a page stands for, however coarse the scrapes are."""
_LATE = 2 * MINUTE
"""How long after an outage, and a scrape and an evaluation on top, a page may begin."""
_PHASES = 2
_STEP = 15
_BEFORE, _AFTER = 7 * HOUR, HOUR
_RATE = 50
"""Requests a second."""


@dataclass(frozen=True, slots=True)
class Short:
    """One job: a total outage a day after the start of history, or, of length 0, one error after idle hours.

    In seconds."""

    length: int
    scrape: int
    phase: int
    """How long after a scrape it begins."""

    @property
    def job(self) -> str:
        return f"over-{self.length}-{self.scrape}-{self.phase}"

    @property
    def begins(self) -> int:
        return DAY + self.phase

    @property
    def ends(self) -> int:
        return self.begins + self.length

    def counts(self, at: int) -> tuple[int, int]:
        """Good and bad requests until a time."""
        if not self.length:
            return 0, int(at > self.begins)
        bad = min(max(0, at - self.begins), self.length)
        return _RATE * (at - bad), _RATE * bad

    def samples(self, start: int) -> Iterator[str]:
        for after in range(0 if not self.length else DAY - _BEFORE, DAY + _AFTER + 1, self.scrape):
            for code, value in zip(("200", "500"), self.counts(after), strict=True):
                yield f'http_requests_total{{job="{self.job}",code="{code}"}} {1_000_000 + value} {start + after}\n'


def over(say: Say, lengths: Sequence[int] = LENGTHS) -> Iterator[Figure]:
    """Pages about what is over, and alerts after idle hours, beside Sloth's."""
    phases = [(scrape, scrape * phase // _PHASES + 1) for scrape in SCRAPES for phase in range(_PHASES)]
    shorts = [Short(length, scrape, phase) for length in (0, *lengths) for scrape, phase in phases]
    now = int(time.time())
    start = now - now % DAY - 2 * DAY
    first, last = start + DAY - _BEFORE, start + DAY + _AFTER
    sets = {"ours": [ninefold_rules(one.job) for one in shorts], "Sloth": [sloth_rules(one.job) for one in shorts]}
    with tempfile.TemporaryDirectory(prefix="ninefold-bench-") as directory:
        tsdb = Tsdb(Path(directory))
        say(f"writing {len(shorts)} jobs")
        tsdb.import_(_openmetrics(shorts, start))
        record_needed(tsdb, [rule for each in sets.values() for one in each for rule in one], first, last, say, _STEP)
        with tsdb.serving() as url:
            began = {name: [_began(url, rules, start, last) for rules in each] for name, each in sets.items()}
    yield from _figures(shorts, began["ours"], began["Sloth"], say)


def _openmetrics(shorts: Sequence[Short], start: int) -> Iterator[str]:
    yield "# TYPE http_requests counter\n"
    lines = [line for one in shorts for line in one.samples(start)]
    yield from sorted(lines, key=lambda line: int(line.rsplit(" ", 1)[1]))
    yield "# EOF\n"


def _began(url: str, rules: Sequence[Rule], start: int, last: int) -> dict[str, float | None]:
    """By severity: seconds after the start of history at which an alert first fired; None if none did."""
    times: dict[str, list[float]] = {"page": [], "ticket": []}
    for rule in rules:
        if "alert" in rule:
            times[severity_of(rule)] += true_at(url, rule["expr"], start + DAY - HOUR, last, _STEP)
    return {severity: min(found) - start if found else None for severity, found in times.items()}


Began = Sequence[Mapping[str, float | None]]


def _figures(shorts: Sequence[Short], ours: Began, theirs: Began, say: Say) -> Iterator[Figure]:
    late, short, idle = ([0, 0] for _ in range(3))
    delays = [0.0]
    for one, mine, other in zip(shorts, ours, theirs, strict=True):
        told = "one error after idle hours" if not one.length else f"{one.length} s of outage"
        texts = ["; ".join(f"{name} {_shown(one, at)}" for name, at in each.items()) for each in (mine, other)]
        say(f"  {told}, scraped every {one.scrape} s: {texts[0]} (Sloth: {texts[1]})")
        for index, each in enumerate((mine, other)):
            page = each["page"]
            if not one.length:
                idle[index] += sum(at is not None for at in each.values())
                continue
            late[index] += page is not None and page > one.ends + _LATE + one.scrape + _STEP
            short[index] += page is not None and one.length <= SHORT
        if one.length > SHORT and other["page"] is not None and other["page"] <= one.ends + one.scrape + _STEP:
            delays.append((mine["page"] if mine["page"] is not None else float("inf")) - other["page"])
    outages = [one for one in shorts if one.length]
    yield _count("pages that begin more than 2 min, a scrape and an evaluation after an outage", late, len(outages))
    brief = sum(one.length <= SHORT for one in outages)
    yield _count(f"pages about outages of up to {SHORT} s", short, brief)
    yield _count("severities that speak of one error after 24 idle hours", idle, 2 * sum(not s.length for s in shorts))
    latest = max(delays)
    goal, holds = at_most("value", latest, 0)
    yield Figure(
        "latest that a page of an outage of a minute and more begins after Sloth's",
        latest,
        "s",
        None,
        None,
        goal,
        holds,
    )


def _shown(one: Short, at: float | None) -> str:
    return "-" if at is None else f"{at - one.begins:+.0f} s"


def _count(name: str, counts: Sequence[int], of: int) -> Figure:
    goal, holds = at_most("value", counts[0], 0)
    return Figure(name, counts[0], f"of {of}", f"Sloth: {counts[1]}", None, goal, holds)
