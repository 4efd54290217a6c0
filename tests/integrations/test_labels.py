"""By which labels a query keeps series apart: what the syntax tree tells is what Prometheus answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.integrations.translation import queries

SERIES = {'a{x="1",y="2",z="3"}': "0+60x60", 'b{x="1",y="2"}': "0+60x60", 'h_bucket{x="1",le="1"}': "0+60x60"}


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("sum(rate(a[5m]))", ()),
        ("sum by (x, z) (rate(a[5m]))", ("x", "z")),
        ("sum without (z) (sum by (x, z) (rate(a[5m])))", ("x",)),
        ("topk(1, sum by (x) (rate(a[5m])))", ("x",)),
        ('count_values by (x) ("v", round(rate(a[5m])))', ("x", "v")),
        ('label_replace(sum by (x) (rate(a[5m])), "w", "$1", "x", "(.*)")', ("x", "w")),
        ('label_join(sum by (x) (rate(a[5m])), "w", "", "x")', ("x", "w")),
        ("avg_over_time((sum by (x) (rate(a[5m])))[10m:1m])", ("x",)),
        ("quantile_over_time(0.9, (sum by (x) (rate(a[5m])))[10m:1m])", ("x",)),
        ("histogram_quantile(0.9, sum by (x, le) (rate(h_bucket[5m])))", ("x",)),
        ("round(sort(sum by (x) (rate(a[5m]))), 0.1)", ("x",)),
        ("rate(a[5m]) / on (x) b", ("x",)),
        ("sum by (x, y) (rate(a[5m])) / ignoring (y) sum by (x) (rate(b[5m]))", ("x",)),
        ("sum by (x) (rate(a[5m])) * on (x) group_left (y) b", ("x", "y")),
        ("b * on (x) group_right () sum by (x) (rate(a[5m]))", ("x",)),
        ("sum by (x) (rate(a[5m])) and on (x) b", ("x",)),
        ("sum by (x) (rate(a[5m])) > 0 or sum by (x) (rate(b[5m]))", ("x",)),
        ("-sum by (x) (rate(a[5m])) * time() / scalar(b) + (1 - 2)", ("x",)),
        ("vector(1)", ()),
    ],
)
def test_the_labels_of_a_result(tmp_path: Path, query: str, labels: tuple[str, ...]) -> None:
    assert queries.grouping(query) == labels
    holds = [("50m", f"count({query}) == count(count by ({', '.join(labels)}) ({query}))")]
    absent = [("50m", f'label_replace({query}, "{label}", "", "", "") unless ({query})') for label in _others(labels)]
    missing = [("50m", f"({query}) and on ({label}) vector(0)") for label in labels]
    Promtool(binary("promtool"), tmp_path).test(
        [], SERIES, holds=[(at, f"({each}) > bool 0") for at, each in holds], absent=[*absent, *missing]
    )


def _others(labels: tuple[str, ...]) -> list[str]:
    return [label for label in ("x", "y", "z", "v", "w", "le") if label not in labels]


@pytest.mark.parametrize("query", ["rate(a[5m])", "absent(b)", "rate(a[5m]) + rate(b[5m])", "sum without (x) (a)"])
def test_what_cannot_be_told(query: str) -> None:
    assert queries.grouping(query) is None
