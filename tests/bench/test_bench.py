"""The measurements at tiny sizes: that they come to their end and what they yield. Never how fast anything is."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from bench.__main__ import MEASUREMENTS, main
from bench.figure import Figure, as_json, compared, significant
from bench.history import DAY, MINUTE, History
from bench.samples import DATA, layers, ours, pyrra, sloth

FIELDS = {"name", "value", "unit", "against", "ratio", "goal", "holds"}


def measured(tmp_path: Path, name: str) -> list[dict[str, Any]]:
    file = tmp_path / "figures.json"
    assert main(["--small", "--only", name, "--json", str(file)]) in (0, 1)
    figures: list[dict[str, Any]] = json.loads(file.read_text())["figures"]
    return figures


MARKED = {
    **{name: [pytest.mark.slow] for name in ("convergence", "detection", "exhaustion", "failover", "mutations")},
    "render-sloth": [pytest.mark.peers],
    "exhaustion-tools": [pytest.mark.peers, pytest.mark.timeout(1800)],
}
NAMES = sorted(set(MEASUREMENTS) - {"samples"})


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKED.get(name, ())) for name in NAMES])
def test_a_measurement_yields_figures(name: str, tmp_path: Path) -> None:
    figures = measured(tmp_path, name)
    assert figures
    for figure in figures:
        assert set(figure) == FIELDS
        assert math.isfinite(figure["value"])
        assert figure["unit"]
        assert (figure["goal"] is None) == (figure["holds"] is None)
    assert name in ("mutations", "blame") or any(figure["ratio"] for figure in figures), "beside a peer or a floor"


def test_json_holds_what_the_table_shows() -> None:
    figure = compared("a", 2.0, "s", "floor", 1.6, goal=1.3)
    assert figure == Figure("a", 2.0, "s", "floor: 1.6 s", 1.25, "ratio <= 1.3", True)
    assert json.loads(as_json([figure]))["figures"][0]["holds"] is True
    assert significant(0.0123456) == 0.0123


def test_the_history_says_what_its_counters_count() -> None:
    """The truth that ratios are compared with is that of the samples in the file, to the rounding of a counter."""
    history = History(end=40 * DAY + 37 * MINUTE, days=10)
    first, last = {"200": 0, "500": 0}, {"200": 0, "500": 0}
    window = 8 * DAY
    for text in history.openmetrics():
        for code, value, at in re.findall(r'code="(\d+)"} (\d+) (\d+)', text):
            if int(at) == history.end - window:
                first[code] += int(value)
            if int(at) == history.end:
                last[code] += int(value)
    bad, good = (last[code] - first[code] for code in ("500", "200"))
    assert bad / (bad + good) == pytest.approx(history.truth(history.end, window), rel=1e-4)


def test_recordings_are_made_before_others_read_them() -> None:
    for rules in (ours(), sloth(), pyrra("Pyrra", "pyrra.yaml"), pyrra("Pyrra", "pyrra-performance.yaml")):
        found = {rule["record"]: (level, whole) for rule, level, whole in layers(rules.rules)}
        for rule, level, _ in layers(rules.rules):
            for name in set(re.findall(r"[a-zA-Z_:][\w:]*", rule["expr"])) & found.keys():
                assert found[name][0] < level
                assert found[name][1] or "[" not in rule["expr"]
    assert {rule["record"]: whole for rule, _, whole in layers(ours().rules)}["slo:events:rate1h"]


def test_the_rules_of_peers_tell_their_origin() -> None:
    for file in DATA.glob("*.yaml"):
        assert re.match(r"# Made by \w+ .*https://github.com/.*Apache-2.0", file.read_text())
