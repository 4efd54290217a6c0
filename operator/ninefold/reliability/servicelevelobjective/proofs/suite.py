"""The suite of an objective in promtool's format, and the rules that it proves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.proofs.cases import MANY, ProofCase, cases, first_group
from ninefold.reliability.servicelevelobjective.proofs.traffic import Pattern, TrafficSource, source
from ninefold.reliability.servicelevelobjective.recording.indicator import Rule, base
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.target import Target

START = int(datetime(2026, 1, 5, 0, 0, 17, tzinfo=UTC).timestamp())
"""When the traffic of a case begins: not exactly at a minute, since Prometheus does not evaluate then either; and early
enough in a week, a month and a quarter that no case reaches its end."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A rule file and its test file, as data. `stands_in` says whether the user's PromQL was replaced."""

    rules: Mapping[str, Any]
    tests: Mapping[str, Any]
    stands_in: bool


def proof(group: Group, rule_file: str) -> Proof:
    """The suite for the rules of a group, which `rule_file` next to it will contain."""
    found = source(group.target, first_group(group.target))
    rules = group.rules if not found.replaced else _with_stand_ins(group, found)
    tests = [_test(group.target, case, found) for case in cases(group, found)]
    return Proof(
        rules={"groups": [{"name": group.name, "rules": rules}]},
        tests={"rule_files": [rule_file], "evaluation_interval": "1m", "tests": tests},
        stands_in=bool(found.replaced),
    )


def _with_stand_ins(group: Group, found: TrafficSource) -> list[Rule]:
    """The rules with the expressions of a source instead of the user's expressions."""
    series = RecordedSeries(group.target.slo_id, group.target.groups)
    own = base(group.target, series)
    written = {rule["record"] for part in (own, own.recent) if part for rule in part.rules}
    kept = []
    for rule in group.rules:
        name = rule.get("record", "")
        if name in found.replaced:
            kept.append({**rule, "expr": found.replaced[name]})
        elif name not in written:
            kept.append(rule)
    return kept


def _test(target: Target, case: ProofCase, found: TrafficSource) -> dict[str, Any]:
    series = dict(found.series(case.pattern, case.without))
    if target.groups:
        # Another group, in which all is well: it must raise no alert, and must not be counted.
        other = source(target, {name: f"other-{name}" for name in target.groups})
        series |= other.series(Pattern([(case.pattern.length, MANY, 0)]))
    return {
        "name": case.name,
        "interval": "1m",
        "start_timestamp": START,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": check.expression,
                "eval_time": f"{check.at}m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in check.samples],
            }
            for check in case.checks
        ],
    }
