"""Made-up events and bad events of an objective's first rules, in the place of what Prometheus would be asked for."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import hypothesis.strategies as st
import numpy as np

from ninefold.reliability.backtest.grid import Array, Labels, labels_of
from ninefold.reliability.backtest.questions import question
from ninefold.reliability.backtest.rulefile import Makers, parse

Stretch = tuple[int, int, float]
"""First point, number of points, and a share or a factor."""


def stretches(count: int, values: st.SearchStrategy[float]) -> st.SearchStrategy[list[Stretch]]:
    return st.lists(st.tuples(st.integers(0, count - 1), st.integers(1, 90), values), max_size=5)


@st.composite
def traffic(draw: st.DrawFn, count: int) -> tuple[Array, Array]:
    """Events and bad events a second over points of a grid: with outages, idle times and gaps."""
    noise = np.random.default_rng(draw(st.integers(0, 99))).random(count)
    events = 20 + 10 * np.sin(np.arange(count) / 200) + noise
    share = np.full(count, 0.0002)
    for first, length, bad in draw(stretches(count, st.sampled_from([0.002, 0.008, 0.05, 0.3, 1.0]))):
        share[first : first + length] = bad
    for first, length, factor in draw(stretches(count, st.sampled_from([0.0, 0.01, np.nan]))):
        events[first : first + length] *= factor
    return events, events * share


def grounded(
    groups: Sequence[Mapping[str, Any]], of: Mapping[str, tuple[Array, Array]]
) -> tuple[list[dict[str, Any]], dict[Labels, Array]]:
    """The groups with a series in the place of each expression that reads what was scraped, and these series.

    `of` has events and bad events by the value of the label `region`, "" for an objective without groups. What an
    indicator calls good is taken for bad, which makes no difference to the rules.
    """
    made, given = copy.deepcopy([dict(group) for group in groups]), dict[Labels, Array]()
    parsed = [parse(group) for group in groups]
    makers = Makers(rule for group in parsed for rule in group)
    for number, (group, rules) in enumerate(zip(made, parsed, strict=True)):
        for written, rule in zip(group["rules"], rules, strict=True):
            if question(rule, makers) is None:
                continue
            name = f"given{number}_{rule.name.replace(':', '_')}"
            written["expr"] = name
            for region, (events, bad) in of.items():
                given[labels_of({"__name__": name, "region": region})] = events if "events" in rule.name else bad
    return made, given
