"""Explains a selector that matches no series: what does not exist, and what similar series exist. Pure."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ninefold.kube.plan import Verdict
from ninefold.reliability.servicelevelobjective.recording.selectors import Matcher, Selector

SERIES = "SeriesFound"
"""The condition that says whether the selectors of an indicator match any series."""

Lack = Literal["Metric", "Label", "Value", "Combination"]

_SHOWN, _LONGEST = 5, 80
"""How many names a sentence lists, and how many characters of each."""
_ALIKE, _TYPO = 0.6, 0.92
"""How alike two names are if one may be meant for the other, and if they differ only by a typing error."""
_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class SelectorFacts:
    """What Prometheus has of the metric that a selector names."""

    lack: Lack
    matcher: Matcher | None = None
    """The first condition that no series of the metric meets."""
    names: Sequence[str] = ()
    """The names of all metrics, if there is no metric of this name."""
    labels: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The labels of the metric, each with values that occur."""
    fitting: str = ""
    """Another label whose values meet the condition."""
    cluster: Mapping[str, str] = field(default_factory=dict)
    """The labels of this cluster's series, if no series has them."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A selector without series. `fault` says whether it is certainly wrong; otherwise its series may only come
    later."""

    selector: Selector
    lack: Lack
    fault: bool
    message: str

    def __str__(self) -> str:
        return f"{self.selector.field}: {self.message}"


def judged(missing: Iterable[tuple[Selector, SelectorFacts]], matched: Iterable[Selector]) -> list[Unmatched]:
    """Explains the selectors of an objective that match nothing; `matched` are its other selectors."""
    found, said = [], set[tuple[str, Lack, Matcher | None]]()
    known = list(matched)
    for selector, facts in missing:
        # A name that does not exist in bad and in total is a single fault.
        about = (selector.name or selector.text, facts.lack, facts.matcher)
        if about not in said:
            found.append(Unmatched(selector, facts.lack, _is_fault(selector, facts, known), _sentence(selector, facts)))
        said.add(about)
    return found


def verdict(unmatched: Sequence[Unmatched]) -> Verdict:
    """The condition SeriesFound."""
    if not unmatched:
        return Verdict("True", "Matched", "Every selector of the indicator matches series.")
    faults = [lacking for lacking in unmatched if lacking.fault]
    text = "; ".join(str(lacking) for lacking in faults or unmatched)[:1024]
    return Verdict("False", "NothingMatches", text) if faults else Verdict("Unknown", "NotSeenYet", text)


def doubt(wanted: Iterable[Selector], unmatched: Sequence[Unmatched]) -> str:
    """Why an error ratio is meaningless, as a clause: a selector is wrong, or bad events have no series; otherwise
    ""."""
    faults = [lacking for lacking in unmatched if lacking.fault]
    missing, bad = {lacking.selector for lacking in unmatched}, [other for other in wanted if other.role == "Bad"]
    if faults:
        return f"{faults[0].selector.field} selects series that do not exist"
    return f"{bad[0].field} matches no series, so no event was counted as bad" if bad and missing >= set(bad) else ""


def near(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names that are most like this one, the nearest first."""
    wanted = name[:200]
    parts = {wanted[at : at + 3] for at in range(max(1, len(wanted) - 2))}
    candidates = heapq.nlargest(_CANDIDATES, names, key=lambda other: sum(part in other for part in parts))
    return difflib.get_close_matches(wanted, [candidate[:200] for candidate in candidates], most, _ALIKE)


def _is_fault(selector: Selector, facts: SelectorFacts, matched: Sequence[Selector]) -> bool:
    if _is_certain(facts):
        return True
    if selector.role != "Bad":
        # PromQL may name series of which only some exist, as on the two sides of `or`.
        return not any((other.field, other.role) == (selector.field, selector.role) for other in matched)
    if facts.lack == "Metric":
        closest = near(selector.name, facts.names, 1)
        return bool(closest) and difflib.SequenceMatcher(None, selector.name, closest[0]).ratio() >= _TYPO
    return facts.matcher is not None and _is_outside(facts.matcher, selector.name, matched)


def _is_certain(facts: SelectorFacts) -> bool:
    """Whether later events cannot change it: all buckets of a histogram and all quantiles of a summary exist from the
    first event on."""
    bound = facts.matcher is not None and facts.matcher.label in ("le", "quantile")
    return facts.lack == "Label" or (facts.lack == "Value" and bound)


def _is_outside(matcher: Matcher, name: str, matched: Sequence[Selector]) -> bool:
    """Whether the bad events cannot be among all events: total has another value for the same label."""
    total = {
        condition.value
        for other in matched
        if other.role == "All" and other.name == name
        for condition in other.matchers
        if condition.label == matcher.label and condition.operator == "="
    }
    return matcher.operator == "=" and bool(total) and matcher.value not in total


def _sentence(selector: Selector, facts: SelectorFacts) -> str:
    what = {"Metric": _no_metric, "Label": _no_label, "Value": _no_value, "Combination": _no_combination}[facts.lack]
    meaning = "; this is correct as long as no such event has happened" if selector.role == "Bad" else ""
    return what(selector, facts) + ("" if _is_certain(facts) else meaning)


def _no_metric(selector: Selector, facts: SelectorFacts) -> str:
    if facts.cluster:
        shown = ",".join(f"{label}={value}" for label, value in facts.cluster.items())
        return f"no series at all has the labels of this cluster, {_short(shown)}: check --cluster-label"
    if selector.field.endswith("latency.histogram"):
        return _no_histogram(selector.name, facts.names)
    close = near(selector.name, facts.names)
    return f"no series has the name {_short(selector.name)}{_instead('names like it', close)}"


def _no_histogram(name: str, names: Sequence[str]) -> str:
    base = name.removesuffix("_count")
    if base != name and base in names:
        return f"{_short(base)} is a native histogram: write buckets: Native"
    if f"{name}_count" in names:
        return f"{_short(name)} is a classic histogram: write buckets: Classic"
    bases = [known.removesuffix("_count") for known in names if known.endswith("_count")] if base != name else names
    return f"no histogram has the name {_short(base)}{_instead('names like it', near(base, bases))}"


def _no_label(selector: Selector, facts: SelectorFacts) -> str:
    assert facts.matcher is not None  # noqa: S101 - this lack names one
    label, metric = facts.matcher.label, selector.name
    close = facts.fitting or next(iter(near(label, facts.labels, 1)), "")
    others = sorted(set(facts.labels) - {label}, key=lambda other: (other != close, other))
    cure = f": write {facts.matcher._replace(label=facts.fitting)}, which matches" if facts.fitting else ""
    return f"{_short(metric)} has no label {_short(label)}{_instead('its labels', others)}{cure}"


def _no_value(selector: Selector, facts: SelectorFacts) -> str:
    assert facts.matcher is not None  # noqa: S101 - this lack names one
    values = sorted(facts.labels.get(facts.matcher.label, ()))
    close = near(facts.matcher.value, values)
    ordered = [*close, *(value for value in values if value not in close)]
    return f"no series of {_short(selector.name)} has {_short(str(facts.matcher))}{_instead('values', ordered)}"


def _no_combination(selector: Selector, _: SelectorFacts) -> str:
    return f"no series matches {_short(selector.text, 400)}"


def _instead(what: str, names: Sequence[str]) -> str:
    shown = [_short(name) for name in names[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({what}: {', '.join(shown)}{more})" if shown else ""


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
