"""What we write as YAML reads back as it was, whatever it is, and looks like what a person writes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube.yamltext import document, stream

_TRICKY = st.sampled_from(
    ["", " ", "a: b", "a #b", "a:", "- a", "? a", "~", "null", "Yes", "NO", "1", "1.5", "1e3", "0x1F", "12:30", ".inf",
     "2026-11-24", "=", "<<", "'", '"', "\\", "a'b", "{a}", "[a]", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`", "a\n",
     "a\nb", "\na", " a\nb", "a\n\nb\n", "a\n\n", "a \nb", "a\tb", "\x85", "\u2028", "\ufeff", "é", "😀", "$a", "(a)",
     "30d", "14.4x/1h", "5m", "1_000", "0o7", "1:20", "a\r\nb", "\x7f", "on", "y", "N", "...", "---", "a\n---\nb"]
)  # fmt: skip
_TEXT = st.one_of(st.text(max_size=12), _TRICKY, st.text("ab \n:#-'\"\t", max_size=10))
_KEY = _TEXT.filter(lambda text: "\n" not in text)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
_VALUE = st.recursive(
    st.one_of(_TEXT, st.booleans(), st.integers(-(10**6), 10**6), st.none(), _FLOAT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEY, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "k"]), _VALUE, min_size=1))
def test_it_reads_back(value: dict[str, Any]) -> None:
    assert yaml.safe_load(document(value)) == value
    assert list(yaml.load_all(stream([value, value]), Loader=yaml.CSafeLoader)) == [value, value]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"expr": 'sum(rate(x{a="b",c=~"5.."}[5m]))'}, 'expr: sum(rate(x{a="b",c=~"5.."}[5m]))\n'),
        (
            {"labels": {"window": "30d", "objective": "0.999", "on": "yes"}},
            "labels:\n  window: 30d\n  objective: '0.999'\n  'on': 'yes'\n",
        ),
        ({"rules": [{"record": "a", "expr": "1"}, {"record": "b"}]}, "rules:\n- record: a\n  expr: '1'\n- record: b\n"),
        ({"data": {"f": "a\nb\n"}, "e": [], "m": {}}, "data:\n  f: |\n    a\n    b\ne: []\nm: {}\n"),
        ({"expr": "a > 1\nand\nb > 1"}, "expr: |-\n  a > 1\n  and\n  b > 1\n"),
        ({"i": 1, "t": True, "z": None}, "i: 1\nt: true\nz: null\n"),
        ({"l": [["a", "b"], "c: d"]}, "l:\n- - a\n  - b\n- 'c: d'\n"),
    ],
)
def test_it_looks_like_what_a_person_writes(value: dict[str, Any], text: str) -> None:
    assert document(value) == text
