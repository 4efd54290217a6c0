"""What a stranger's PromQL may be: bounded by one pass over the text, before a parser recurses into it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ninefold
from ninefold.kube.promqltext import DEEPEST, LONGEST, MOST_OPERATORS, excess, parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(" * 2000 + "x" + ")" * 2000, "nest at most 40 brackets, not 2000"),
        ("+".join(["x"] * 2040), "write at most 100 operators, not 2039"),
        (" OR ".join(["x"] * 102), "write at most 100 operators, not 101"),
        ("-" * 3000 + "x", "write at most 100 operators, not 3000"),
        ("x{" * 300, "nest at most 40 brackets"),
        ("x" * 5000, "write at most 4096 characters"),
    ],
    ids=["parentheses", "sum", "or", "minus", "open braces", "long"],
)
def test_what_takes_minutes_to_print_is_refused_with_the_bound(text: str, words: str) -> None:
    assert excess(text).startswith(words)


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["x"] * (MOST_OPERATORS + 1)),
        "(" * DEEPEST + "x" + ")" * DEEPEST,
        'x{a="' + "(" * 3000 + '"}',
        'x{a=~"' + "a|b-c+" * 600 + '"}',
        "x # " + "((((++++ or " * 200,
        "x{" + ",".join(f'a{number}!="b"' for number in range(300)) + "}",
        "order + android + `" + "((" * 1000 + "`",
        r'x{a="\"' + "{" * 100 + '"}',
        "x" * LONGEST,
    ],
    ids=["sum", "parentheses", "string", "pattern", "comment", "matchers", "raw string", "escape", "long"],
)
def test_what_makes_no_tree_deeper_is_not_counted(text: str) -> None:
    assert excess(text) == ""


@given(st.text(alphabet="xor+-*/=!<>()[]{}\"'`#\\\n 0159.", max_size=LONGEST))
def test_any_text_is_passed_over_once(text: str) -> None:
    assert isinstance(excess(text), str)


@given(st.text(alphabet="xd.\\\"'#{},$+()é", max_size=20))
def test_a_string_in_back_quotes_holds_what_is_written(value: str) -> None:
    assert parse(f"x{{a=`{value}`}}").prettify() == parse(f"x{{a={json.dumps(value)}}}").prettify()


@pytest.mark.parametrize("text", ['x{a="`"} + y{b="`\\\\d"}', "x{a='`',b='`'}", 'x{a="\\"`",b="`"}'])
def test_a_back_quote_in_another_string_begins_none(text: str) -> None:
    assert parse(text).prettify().count("`") == 2


def test_a_back_quote_in_a_comment_begins_no_string() -> None:
    assert parse("x # `\n + y{a=`b`}").prettify() == 'x + y{a="b"}'


def test_all_promql_is_parsed_by_one_function() -> None:
    """The parser's own does not know strings in back quotes."""
    root = Path(ninefold.__file__).parent
    calls = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("promql.parse", "promql_parser.parse")
    ]
    assert calls == ["kube/promqltext.py"]
