"""Expressions made at random, and those that rules are made of: the same as the engine of Prometheus at every step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings
from tests.reliability.backtest.oracle import agrees, grid, group, rule, series, simulated
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.reliability.backtest.grid import Array, CannotEvaluate, Labels

STEPS = 150
AT = grid(STEPS)

NUMBERS = st.sampled_from(["0", "0.5", "1", "2.25", "3"])
RANGES = st.sampled_from(["1m", "5m", "7m", "17m", "1h", "90s"])
RESOLUTIONS = st.sampled_from(["1m", "2m", "5m", "7m", "1h"])
OFFSETS = st.sampled_from(["", "", " offset 1ms", " offset 5m", " offset 1h", " offset 90s"])
CLOCKS = st.sampled_from(["vector(time()) % 7200 < 3600", "hour() < 1", "minute() >= 30", "vector(time() % 60)"])
COMPARISONS = st.sampled_from([">", "<", ">=", "<=", "==", "!="])
NAMES = st.sampled_from(["a", "b"])


def selectors(offsets: st.SearchStrategy[str] = OFFSETS) -> st.SearchStrategy[str]:
    """Selectors of series with the label l."""
    matchers = st.sampled_from(["", "", '{l="1"}', '{l=~"1|3"}', '{l=~".1"}', '{l!="2"}', '{l!~"2.*"}', '{m=""}'])
    return st.builds(lambda name, matcher, offset: f"{name}{matcher}{offset}", NAMES, matchers, offsets)


def ranges(of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    functions = st.sampled_from(["sum", "avg", "min", "max", "count", "last", "present"])
    subquery = st.builds("{}_over_time(({})[{}:{}]{})".format, functions, of, RANGES, RESOLUTIONS, OFFSETS)
    selected = selectors(st.just(""))
    plain = st.builds("{}_over_time({}[{}]{})".format, functions, selected, RANGES, OFFSETS)
    return subquery | plain


def grow(of: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions of vectors with the label l from smaller ones."""
    one = st.sampled_from(["sum", "min", "max", "avg", "count", "group"])
    return st.one_of(
        ranges(of),
        st.builds("({} {} {})".format, of, st.sampled_from(["+", "-", "*", "> bool", "<= bool"]), NUMBERS),
        # By zero it would be no number, which is the one thing that is different here: it counts as absent.
        st.builds("({} % {})".format, of, st.sampled_from(["0.75", "2"])),
        st.builds("({} {} {})".format, of, COMPARISONS, NUMBERS),
        st.builds("({} {} {})".format, NUMBERS, COMPARISONS, of),
        st.builds("({} {} on (l) {})".format, of, st.sampled_from(["+", "-", "*", "and", "or", "unless"]), of),
        st.builds("({} {} ignoring (m) {})".format, of, st.sampled_from(["+", ">", "<= bool"]), of),
        st.builds("({} / on (l) ({} > 0))".format, of, of),
        st.builds("({} and on () {})".format, of, CLOCKS),
        st.builds("({} * on () group_left () {}({}))".format, of, one, of),
        st.builds("({}({}) * on () group_right () {})".format, one, of, of),
        st.builds("({} * on (l) group_left (k) described)".format, of),
        st.builds("({} or on () vector({}))".format, of, NUMBERS),
        st.builds("{} by (l) ({})".format, one, of),
        st.builds("{} without (k, m) ({})".format, one, of),
        st.builds("{}({})".format, st.sampled_from(["abs", "ceil", "floor", "sgn", "-", "absent"]), of),
        st.builds("sqrt(abs({}))".format, of),
        st.builds("clamp({}, {}, {})".format, of, NUMBERS, NUMBERS),
        st.builds("clamp_{}({}, {})".format, st.sampled_from(["min", "max"]), of, NUMBERS),
        st.builds("round({}, 0.25)".format, of),
        st.builds('label_replace({}, "{}", "{}", "l", "{}")'.format, of, *map(st.sampled_from, REPLACEMENTS)),
        st.builds('(count_values("v", floor({})) * 2)'.format, of),
        st.builds("({} * scalar(alone or on () vector(2)))".format, of),
    )


REPLACEMENTS = (["k", "l"], ["x$1", "${1}y", "", "$2"], ["(.)", "1", "(1|3)?"])
EXPRESSIONS = st.recursive(selectors(), grow, max_leaves=6)


@st.composite
def samples(draw: st.DrawFn) -> list[float | None]:
    """Some changes of a value over time; None is absent. Eighths, so that sums are exact and ties are ties."""
    changes = draw(st.lists(st.tuples(st.integers(0, STEPS - 1), st.none() | st.integers(0, 40)), max_size=12))
    values: list[float | None] = [draw(st.none() | st.just(1.0))] * STEPS
    for at, value in sorted(changes, key=lambda change: change[0]):
        values[at:] = [None if value is None else value / 8 + (step % 3) / 4 for step in range(at, STEPS)]
    return values


@st.composite
def given_series(draw: st.DrawFn) -> dict[Labels, Array]:
    many = [series(name, draw(samples()), l=label) for name in "ab" for label in ("1", "2", "31")]
    described = [series("described", [1.0] * STEPS, l=label, k=f"k{label}") for label in "12"]
    return dict([*many, *described, series("alone", draw(samples()))])


@settings(max_examples=60)
@given(given_series(), st.lists(EXPRESSIONS, min_size=4, max_size=8))
@pytest.mark.slow
def test_any_expression_has_the_value_that_prometheus_gives_it(
    history: dict[Labels, Array], expressions: list[str]
) -> None:
    rules = [rule(f"r{index}", each) for index, each in enumerate(expressions) if _can_be_evaluated(each, history)]
    assume(rules)
    with tempfile.TemporaryDirectory() as directory:
        agrees(Promtool(binary("promtool"), Path(directory)), [group(*rules)], AT, history)


def _can_be_evaluated(expression: str, history: dict[Labels, Array]) -> bool:
    """Prometheus refuses some of them at some steps, such as a match of many with many; then so do we."""
    try:
        simulated([group(rule("r", expression))], AT, history)
    except CannotEvaluate:
        return False
    return True


HISTORY = dict(
    [
        series("a", [(7 * step % 11) / 4 for step in range(STEPS)], l="1"),
        series("a", [None if 40 <= step < 60 else step / 8 for step in range(STEPS)], l="2"),
        series("b", [1.0, None, 2.0] * 50, l="1"),
        series("alone", [step // 50 for step in range(STEPS)]),
        series("described", [1.0] * STEPS, l="1", k="one"),
    ]
)


@pytest.mark.parametrize(
    "expression",
    [
        # Parts of a sum, each with a label of its own.
        'sum by (l) (a or label_replace(b, "part", "2", "", "") or label_replace(b offset 5m, "part", "3", "", ""))',
        # The part of the hour that has begun: samples that carry the number of their hour.
        'sum_over_time((a * on () group_left (part) count_values("part", floor(vector(time() / 600))))[10m:1m]) '
        'and on (part) count_values("part", floor(vector(time() / 600)))',
        "sum_over_time((a and on () vector(time()) % 7200 < 3600)[1h:1m]) and on () vector(time()) % 7200 < 3600",
        # Periods of a calendar.
        'count_values("period", year(alone) * 100 + month(vector(time() + 2592000)))',
        'sum by (l) (a * on () group_left (period) count_values("period", alone) '
        'and on (period) count_values("period", alone offset 1h))',
        "day_of_month(vector(time())) * 100 + days_in_month(vector(time())) + day_of_week(vector(time()))",
        "minute() + hour() * 100 + day_of_year() * 10000 + year()",
        "vector(time() + 3600 * (time() >= bool 1790557200) - 3600 * (time() >= bool 1790560000))",
        # The lower bound of a share.
        "(a + 1.35 - 1.645 * sqrt(a * (a + 1 - a) / (a + 1) + 0.68)) / (a + 1 + 2.7)",
        # Means of hours, when the last sample belongs to the next one.
        "sum_over_time(a[1h:1m] offset 1ms) / 60",
        "avg_over_time(a[33m:7m] offset 90s)",
        # A fixed time, from then on.
        "a @ 1790555000 and on () vector(time()) >= 1790555000",
        "sum_over_time(a[20m:1m] @ 1790555000 offset 1m) and on () vector(time()) >= 1790555000",
        "max_over_time(a[20m] @ 1790555000) and on () vector(time()) >= 1790555000",
        # Names and labels.
        '{__name__=~"a|x",l!="3"}',
        'absent(a{l="9",m=~"x"})',
        "last_over_time(a[10m])",
        "a > 2",
        "3 >= a",
        "a > on (l) b",
        "a > ignoring (m) b",
        "a >= on (l) group_left (k) described",
        "alone <= on () group_right () a",
        "-a",
        "a ^ 2 - 2 ^ a + a atan2 2 + pi()",
        "exp(a) + ln(a + 1) + log2(a + 1) + log10(a + 1)",
        "1 + 2 * 3 > bool 4",
        "a / on (l) (b - b)",
        "clamp(a, 2, 1) or clamp(a, 1, 2)",
    ],
)
def test_a_construct_of_the_compiler_has_the_value_that_prometheus_gives_it(
    promtool: Promtool, expression: str
) -> None:
    made = agrees(promtool, [group(rule("r", expression))], AT, HISTORY)
    assert made.named("r") or "clamp" not in expression, "the test would compare nothing"


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "a",
            "-a",
            "a * 2",
            "a > 2",
            "a > bool 2",
            "a + on (l) b",
            "a > ignoring (m) b",
            "a > on (l) b",
            "a > bool b",
        ),
        *("a and b", "a or b", "sum by (__name__) (a)", "max without (l) (a)", "abs(a)", "clamp_min(a, 1)", "hour(a)"),
        *("sum_over_time(a[5m])", "last_over_time(a[5m])", 'label_replace(a, "m", "x", "", "")'),
    ],
)
def test_the_name_of_a_series_stays_or_goes_as_in_prometheus(promtool: Promtool, expression: str) -> None:
    agrees(promtool, [group(rule("r", f'label_replace({expression}, "n", "$1", "__name__", "(.*)")'))], AT, HISTORY)


def test_a_sample_is_forgotten_after_five_minutes_if_evaluations_are_that_rare(promtool: Promtool) -> None:
    rare = grid(40, step=7 * 60)
    history = dict([series("a", [step % 3 for step in range(40)], l="1"), series("b", [1.0, None] * 20, l="1")])
    rules = [rule("r", "count_over_time(a[1h:1m])"), rule("s", "sum_over_time(b[20m:1m] offset 30s)")]
    agrees(promtool, [group(*rules, rule("t", "a offset 5m"), rule("u", "a offset 3m"))], rare, history)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rate(a[5m])", r"rate\(\) is not supported here"),
        ("topk(1, a)", "the aggregation topk is not supported here"),
        ("quantile(0.9, a)", "quantile"),
        ("sum_over_time(a[1h:])", "a subquery without a step"),
        ("a @ end()", r"@ start\(\) and @ end\(\)"),
        ("sum_over_time((a @ 5)[1h:1m])", "@ in a subquery"),
        ("a offset -5m", "the future"),
        ('a{l="1" or l="2"}', "`or` between matchers"),
        ('a{l=~"[[:alpha:]]"}', "regular expression"),
        (r'a{l=~"\\pL"}', "regular expression"),
        ("a + on () b", r"two series with the same labels|several series for one match"),
        ("a * on () group_left () a", "several series for one match"),
        ('label_replace(a, "l", "same", "", "")', "two series with the same labels"),
        ('count_values("v", vector(time()))', "series, one for each value"),
    ],
)
def test_what_is_not_understood_or_ambiguous_is_named(expression: str, words: str) -> None:
    full = dict([*HISTORY.items(), series("b", [1.0] * STEPS, l="2")])
    with pytest.raises(CannotEvaluate, match=words):
        simulated([group(rule("r", expression))], AT, full)


def test_an_expression_that_is_no_promql_is_named() -> None:
    with pytest.raises(CannotEvaluate, match="r is not PromQL"):
        simulated([group(rule("r", "sum("))], AT, HISTORY)
