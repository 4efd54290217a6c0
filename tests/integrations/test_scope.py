"""A query of ours behind a query front reads the series of one cluster and no others."""

from __future__ import annotations

import promql_parser
import pytest

from ninefold.integrations.scope import scoped

LABELS = {"cluster": 'prod "1"\\'}
PROD = 'cluster="prod \\"1\\"\\\\"'


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("up", f"up{{{PROD}}}"),
        ("up{}", f"up{{{PROD}}}"),
        ('up{job="a"} offset 5m', f'up{{{PROD},job="a"}} offset 5m'),
        ("up @ 5", f"up{{{PROD}}} @ 5.000"),
        ('{__name__=~"slo:.+"}', f'{{__name__=~"slo:.+",{PROD}}}'),
        ("rate(a[5m]) / b", f"rate(a{{{PROD}}}[5m]) / b{{{PROD}}}"),
        ("max_over_time((a > 1)[1h:1m])", f"max_over_time((a{{{PROD}}} > 1)[1h:1m])"),
        ("sum by (x) (a) or vector(1)", f"sum by (x) (a{{{PROD}}}) or vector(1)"),
    ],
)
def test_every_selector_is_limited(expression: str, wanted: str) -> None:
    written = scoped(expression, LABELS)
    assert promql_parser.parse(written).prettify() == promql_parser.parse(wanted).prettify()


def test_without_labels_nothing_changes() -> None:
    assert scoped("not ( PromQL", {}) == "not ( PromQL"


@pytest.mark.parametrize("expression", ["sum(", 'a{b="1" or c="2"}'])
def test_what_cannot_be_limited_is_not_asked(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        scoped(expression, LABELS)
