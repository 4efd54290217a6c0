"""Error ratios in one query: what is harmless around them is carried, what cuts them is named; by Prometheus itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integrations.dialects import outcome, said
from tests.integrations.test_sloth import plain
from tests.reliability.servicelevelobjective.promtool import Promtool, near

from devcluster.binaries import binary
from ninefold.integrations import sloth
from ninefold.integrations.translation import queries
from ninefold.integrations.translation.meaning import WindowMeaning

RATIO = "sum(rate(e[$window])) / sum(rate(t[$window]))"
SERIES = {
    "e": "0+6x60",
    "t": "0+60x60",
    "other": "0+180x30 5400+6x30",
    "weight": "5+3x60",
    "up": "1x30 0x30",
}
"""A tenth of all events is bad."""
HARMLESS = (
    "({})",
    "+({})",
    "-(-({}))",
    "({}) or vector(0)",
    "clamp_max({}, 1)",
    "clamp_min({}, 0)",
    "clamp({}, 0, 1)",
    "({}) * 100 / 100",
    "1 - (1 - ({}))",
    "(100 - 100 * ({})) / -100 + 1",
    "({}) >= 0",
)
CUT = ("clamp_max({}, 0.05)", "clamp_min({}, 0.2)", "clamp_max(100 * ({}), 1) / 100", "({}) > 0", "({}) > bool 0.5")


def imported(query: str) -> tuple[str, str, str]:
    """The query that is carried, what is lost and what is changed."""
    sli = {"raw": {"error_ratio_query": query.replace("$window", "{{.window}}")}}
    (made,), remarks = outcome(sloth.translate, [plain(sli=sli)])
    return made["spec"]["indicator"]["errorRatio"]["query"], said(remarks, "Lost"), said(remarks, "Changed")


def _wrapped(around: list[str]) -> str:
    query = RATIO
    for each in around:
        query = each.format(query)
    return query


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(HARMLESS), max_size=4))
def test_a_plain_ratio_is_carried_in_whatever_does_not_change_it(around: list[str]) -> None:
    query, lost, changed = imported(_wrapped(around))
    assert lost == ""
    assert "write errorRatio.traffic: sum(rate(t[$window]))" in changed
    with tempfile.TemporaryDirectory() as directory:
        promtool = Promtool(binary("promtool"), Path(directory))
        promtool.test([], SERIES, holds=[("50m", near(f"({query})".replace("$window", "5m"), 0.1))])


@pytest.mark.parametrize("cut", CUT)
def test_a_ratio_that_is_cut_is_named(cut: str) -> None:
    for around in ([cut], ["({}) or vector(0)", cut], [cut, "1 - (1 - ({}))"]):
        assert imported(_wrapped(around))[1] != ""


def test_a_share_of_the_time_needs_no_traffic() -> None:
    query = "clamp_min(1 - avg(avg_over_time(up[$window])), 0)"
    assert imported(query)[:2] == (query, "")
    assert "errorRatio.traffic" not in imported(query)[2]


LEAVES = (
    "sum(rate(e[$window]))",
    "sum(rate(t[$window]))",
    'sum(rate(t{x="y"}[$window]))',
    "sum(rate(other[$window]))",
    "sum(increase(t[$window]))",
    "sum(increase(other[$window]))",
    "avg(avg_over_time(up[$window]))",
    "sum(delta(weight[$window]))",
    "max(max_over_time(weight[$window]))",
    "sum(weight)",
    "vector(3)",
    "vector(0)",
)
JOINED = ("({}) - ({})", "({}) + ({})", "({}) * ({})", "({}) / ({})", "({}) or ({})", "({}) and ({})", "({}) > ({})")
AROUND = ("{}", "-({})", "abs({})", "clamp_min({}, 0)", "clamp_max({}, 2)", "({}) > 0", "round({})")


def _apart(query: str, *, summed: bool) -> str:
    """What there is while half an hour is not the sum or the mean of six times 5m; Prometheus extrapolates a little."""
    short, whole = (f"({query.replace('$window', length)})" for length in ("5m", "30m"))
    parts = [f"last_over_time({short}[1m:1m] offset {5 * part}m)" for part in range(6)]
    added = f"({' + '.join(parts)}) / {1 if summed else 6}"
    return f"abs({whole} - {added}) > 0.1 * (abs({whole}) + abs({added})) + 0.01"


def test_what_is_said_to_add_up_does(tmp_path: Path) -> None:
    """Every query of a leaf or two with something around it."""
    pairs = [join.format(left, right) for join in JOINED for left in LEAVES for right in LEAVES]
    every = [around.format(inner) for around in AROUND for inner in (*LEAVES, *pairs)]
    found = [
        (query, meant) for query in every if (meant := queries.meant(query)) and meant.kind is WindowMeaning.ADDITIVE
    ]
    assert len(found) > 300
    apart = [("45m", _apart(query, summed=meant.per_window)) for query, meant in found]
    Promtool(binary("promtool"), tmp_path).test([], SERIES, absent=apart)
