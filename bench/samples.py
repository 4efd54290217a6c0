"""What one evaluation of an objective's rules costs Prometheus, and whether the error ratio is right.

Ours, Sloth's and Pyrra's rules for the same objective run over the same series. What a rule reads of other rules'
recordings is there because those rules were evaluated over the whole history before.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from bench.figure import Figure, Say, at_most, significant
from bench.history import DAY, HOUR, MINUTE, History
from bench.tsdb import Rule, Tsdb, ask
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

DATA = Path(__file__).parent / "data"
WINDOW = 30 * DAY
DAYS = 31
"""The window, the day over which the error is looked at, and no more: what is older is not in a rule's window."""
RECENT = 15 * MINUTE
"""How far back a recording must go that others read at the present time only."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Somebody's rules for the objective, and the expression of the error ratio over 30 days that they report."""

    name: str
    rules: Sequence[Rule]
    error_ratio: str


def samples(say: Say) -> Iterator[Figure]:
    """Samples per evaluation and the error of the reported ratio."""
    now = int(time.time())
    # The same time of day in each run: traffic follows the day, and the cost of the begun hour the minute.
    history = History(end=now - now % DAY - DAY + 37 * MINUTE, days=DAYS)
    sets = [ours(), sloth(), pyrra("Pyrra", "pyrra.yaml"), pyrra("Pyrra, performanceOverAccuracy", PERFORMANCE)]
    with tempfile.TemporaryDirectory(prefix="ninefold-bench-") as directory:
        tsdb = Tsdb(Path(directory))
        say(f"writing {DAYS} days of 40 series")
        tsdb.import_(history.openmetrics())
        _backfill(tsdb, sets, history, say)
        with tsdb.serving() as url:
            read = {each.name: sum(ask(url, rule["expr"], history.end).samples for rule in each.rules) for each in sets}
            errors = {each.name: _errors(url, each, history) for each in sets}
    for name, most in read.items():
        say(f"  {name}: {most:,} samples an evaluation, error ratio wrong by at most {max(errors[name]):.3g} %")
    yield from _figures(read, errors)


def _errors(url: str, rules: RuleSet, history: History) -> list[float]:
    """By how many percent the reported error ratio misses the truth, at each hour of the last day."""
    errors = []
    for at in range(history.end - DAY + HOUR, history.end + 1, HOUR):
        (told,) = ask(url, rules.error_ratio, at).values
        errors.append(abs(told / history.truth(at, WINDOW) - 1) * 100)
    return errors


def _figures(read: dict[str, int], errors: dict[str, list[float]]) -> Iterator[Figure]:
    mine, *peers = read
    for peer in peers:
        ratio = read[mine] / read[peer]
        goal, holds = at_most("ratio", ratio, round(1 / 450, 5) if peer == "Pyrra" else 0.01)
        against = f"{peer}: {read[peer]:,} samples"
        what = f"samples read by one evaluation of all rules, beside {peer}"
        yield Figure(what, read[mine], "samples", against, significant(ratio), goal, holds)
    for name, each in errors.items():
        worst = max(each)
        goal, holds = at_most("value", worst, 0.1 if name == mine else None)
        against = f"ground truth; median of 24 hours: {significant(median(each))} %"
        what = f"largest relative error of the 30 d error ratio, {name}"
        yield Figure(what, significant(worst), "%", against, None, goal, holds)


PERFORMANCE = "pyrra-performance.yaml"


def ours() -> RuleSet:
    slo = ServiceLevelObjective.parse(
        {
            "metadata": {"name": "checkout-availability", "namespace": "shop"},
            "spec": {
                "service": "checkout",
                "objective": "99.9",
                "window": {"rolling": "30d"},
                "indicator": {
                    "ratio": {
                        "bad": 'http_requests_total{job="checkout",code=~"5.."}',
                        "total": 'http_requests_total{job="checkout"}',
                    }
                },
            },
        }
    )
    return _recorded("Ninefold", Group(slo).rules, "slo:error_ratio:window")


def sloth() -> RuleSet:
    return _recorded("Sloth", _rules("sloth.yaml"), "slo:sli_error:ratio_rate30d")


def pyrra(name: str, file: str) -> RuleSet:
    """Pyrra records the increase over 30 days by code; its web page divides. Both variants use one name for it, so the
    rule's expression stands here for what it records."""
    rules = _rules(file)
    increase = next(rule["expr"] for rule in rules if rule.get("record") == "http_requests:increase30d")
    failed = 'http_requests_total{job="checkout",code=~"5.."}'
    return RuleSet(name, rules, f"sum(({increase}) and on (code) {failed}) / sum({increase})")


def _recorded(name: str, rules: Sequence[Rule], recording: str) -> RuleSet:
    """The ratio is what this recording holds."""
    return RuleSet(name, rules, next(rule["expr"] for rule in rules if rule.get("record") == recording))


def _rules(file: str) -> list[Rule]:
    content: dict[str, Any] = yaml.safe_load((DATA / file).read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def _backfill(tsdb: Tsdb, sets: Sequence[RuleSet], history: History, say: Say) -> None:
    """Evaluate all recordings of the past, those first that others read."""
    levels: dict[int, list[tuple[Rule, int]]] = {}
    for each in sets:
        for rule, level, whole in layers(each.rules):
            start = history.start if whole else history.end - RECENT
            levels.setdefault(level, []).append((rule, start))
    for level, members in sorted(levels.items()):
        say(f"recording their history, layer {level + 1} of {len(levels)}: {len(members)} rules")
        with tsdb.serving() as url:
            for start in sorted({start for _, start in members}):
                tsdb.record(url, [rule for rule, at in members if at == start], start, history.end)


def layers(rules: Sequence[Rule]) -> Iterator[tuple[Rule, int, bool]]:
    """Each recording, its layer (0 reads no recording), and whether its past is read, not only its present.

    A bracket in the reader tells so, a range or a subquery; and what such a one reads is needed as long as itself.
    """
    recordings = [rule for rule in rules if "record" in rule]
    names = {rule["record"] for rule in recordings}
    reads = {rule["record"]: names & set(re.findall(r"[a-zA-Z_:][\w:]*", rule["expr"])) for rule in recordings}

    def level(name: str) -> int:
        return max((level(other) + 1 for other in reads[name]), default=0)

    def whole(name: str) -> bool:
        readers = [rule for rule in rules if re.search(rf"(?<![\w:]){name}(?![\w:])", rule["expr"])]
        return any(
            "[" in rule["expr"] or whole(rule.get("record", "")) for rule in readers if rule.get("record") != name
        )

    for rule in recordings:
        yield rule, level(rule["record"]), whole(rule["record"])
