"""The engine of Prometheus as a judge: our values go in as series, and promtool compares them at every step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import yaml
from tests.reliability.servicelevelobjective.promtool import Promtool

from ninefold.reliability.backtest.grid import Array, Grid, Labels, labels_of, text
from ninefold.reliability.backtest.recordings import Recordings
from ninefold.reliability.backtest.rulefile import parse
from ninefold.reliability.backtest.simulate import Alert, run

START = 1_790_553_600_000
"""A midnight, in Unix milliseconds."""
TOLERANCE = "1e-9"

_OURS = "ours_"
_PART = 40
"""Steps compared by one query: promtool holds 10,000 samples in memory at most."""


def grid(count: int, step: int = 60) -> Grid:
    return Grid(START, step * 1000, count)


def series(name: str, values: Iterable[float | None], **labels: str) -> tuple[Labels, Array]:
    """A series of a test; None where it is absent, which makes it stale."""
    made = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return labels_of({"__name__": name, **labels}), made


def recorded(at: Grid, given: Mapping[Labels, Array]) -> Recordings:
    recordings = Recordings(at)
    for labels, values in given.items():
        rest = dict(labels)
        recordings.add(rest.pop("__name__"), {labels_of(rest): values})
    return recordings


def simulated(
    groups: Sequence[Mapping[str, Any]], at: Grid, given: Mapping[Labels, Array]
) -> tuple[Recordings, list[Alert]]:
    """What we make of groups of rules over given series."""
    recordings, alerts = recorded(at, given), list[Alert]()
    for group in groups:
        alerts += run(parse(group), recordings, {})
    return recordings, alerts


def agrees(
    promtool: Promtool, groups: Sequence[Mapping[str, Any]], at: Grid, given: Mapping[Labels, Array]
) -> Recordings:
    """Evaluate the groups here and with promtool: every series that they make must be the same at every step."""
    recordings, _ = simulated(groups, at, given)
    names = {rule.get("record", "ALERTS") for group in groups for rule in group["rules"]}
    judge(promtool, groups, at, {**given, **ours(recordings, names)}, sorted(names))
    return recordings


def ours(recordings: Recordings, names: Iterable[str]) -> dict[Labels, Array]:
    """Our series of some names, with the prefix."""
    return {_renamed(labels): values for name in sorted(names) for labels, values in recordings.named(name).items()}


def judge(
    promtool: Promtool,
    groups: Sequence[Mapping[str, Any]],
    at: Grid,
    given: Mapping[Labels, Array],
    names: Sequence[str],
    scraped: Mapping[str, str] | None = None,
) -> None:
    """Fail the test where a series of one of the names differs from that with the prefix `ours_`.

    `scraped` has further series in promtool's notation.
    """
    step = at.step // 1000
    rules = promtool.directory / "rules.yaml"
    rules.write_text(yaml.dump({"groups": [_plain(group) for group in groups]}, Dumper=yaml.CSafeDumper))
    expected = [
        {
            "expr": f"count_over_time(({_difference(name)})[{_PART * step}s:{step}s])",
            "eval_time": f"{min(last, at.count - 1) * step}s",
        }
        for name in names
        for last in range(_PART - 1, at.count + _PART - 1, _PART)
    ]
    suite = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{step}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": f"{step}s",
                "start_timestamp": at.start // 1000,
                "input_series": [
                    *({"series": text(labels), "values": _notation(row)} for labels, row in given.items()),
                    *({"series": name, "values": values} for name, values in (scraped or {}).items()),
                ],
                "promql_expr_test": [{**each, "exp_samples": []} for each in expected],
            }
        ],
    }
    file = promtool.directory / "test.yaml"
    file.write_text(yaml.dump(suite, Dumper=yaml.CSafeDumper, width=1 << 30))
    promtool.run("test", "rules", file)


def _difference(name: str) -> str:
    """What is on one side only, or further apart than the tolerance; equal infinities are the same."""
    # A large offset's own rounding, where parts cancel.
    near = f"abs({_OURS}{name} - {name}) <= {TOLERANCE} * abs({name}) + 1e-11 or {_OURS}{name} == {name}"
    return f"({_OURS}{name} unless ({near})) or (({name} == {name}) unless {_OURS}{name})"


def _renamed(labels: Labels) -> Labels:
    return labels_of({name: _OURS + value if name == "__name__" else value for name, value in labels})


def _notation(values: Array) -> str:
    written = " ".join("stale" if np.isnan(value) else repr(float(value)) for value in values)
    return written.replace("inf", "Inf")


def _plain(group: Mapping[str, Any]) -> Any:
    """Without what promtool does not need; the dumper would write shared parts as aliases."""
    return json.loads(json.dumps(group))


def rule(name: str, expression: str, **labels: str) -> dict[str, Any]:
    return {"record": name, "expr": expression, **({"labels": labels} if labels else {})}


def group(*rules: Mapping[str, Any], name: str = "group") -> dict[str, Any]:
    return {"name": name, "rules": list(rules)}
