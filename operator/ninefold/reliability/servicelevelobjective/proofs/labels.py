"""Label sets that a selector matches, so that a proof can feed the rules with series like the user's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import promql_parser as promql

from ninefold.kube import promqltext

_PROBES = ("proof", "200", "ok", "a", "1", "0", "x-proof", "")
"""Values to try if a matcher only says what a label is not."""


@dataclass(frozen=True, slots=True)
class SampleMatcher:
    """A matcher of a selector; the name of the metric is the label __name__."""

    label: str
    op: str
    """One of = != =~ !~."""
    value: str

    def takes(self, value: str) -> bool:
        same = bool(re.fullmatch(self.value, value)) if "~" in self.op else value == self.value
        return same != self.op.startswith("!")


_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def matchers(selector: str) -> list[SampleMatcher] | None:
    """The matchers of a selector; None if it is more than a selector, or has alternatives."""
    parsed = promqltext.parse(selector)
    if not isinstance(parsed, promql.VectorSelector) or parsed.matchers.or_matchers:
        return None
    found = [SampleMatcher(matcher.name, _OPS[str(matcher.op)], matcher.value) for matcher in parsed.matchers.matchers]
    return [*([SampleMatcher("__name__", "=", parsed.name)] if parsed.name else []), *found]


def satisfying(wanted: Sequence[SampleMatcher], but_not: Sequence[SampleMatcher] = ()) -> dict[str, str] | None:
    """Labels that all matchers of `wanted` match and not all matchers of `but_not`, if there are any; None if none are
    found."""
    found = _solve(wanted)
    if found is None or not but_not or not _all(but_not, found):
        return found
    for matcher in but_not:
        of_label = [other for other in wanted if other.label == matcher.label]
        for value in _candidates([*of_label, _opposite(matcher)]):
            if not matcher.takes(value) and all(other.takes(value) for other in of_label):
                return {**found, matcher.label: value}
    return None


def _solve(wanted: Sequence[SampleMatcher]) -> dict[str, str] | None:
    found = {}
    for label in dict.fromkeys(matcher.label for matcher in wanted):
        of_label = [matcher for matcher in wanted if matcher.label == label]
        value = next((v for v in _candidates(of_label) if all(matcher.takes(v) for matcher in of_label)), None)
        if value is None:
            return None
        found[label] = value
    return found


def _all(wanted: Sequence[SampleMatcher], labels: dict[str, str]) -> bool:
    return all(matcher.takes(labels.get(matcher.label, "")) for matcher in wanted)


def _opposite(matcher: SampleMatcher) -> SampleMatcher:
    return SampleMatcher(
        matcher.label, matcher.op[1:] if matcher.op[0] == "!" else "!" + matcher.op.lstrip("="), matcher.value
    )


def _candidates(of_label: Sequence[SampleMatcher]) -> Iterator[str]:
    for matcher in of_label:
        if matcher.op == "=":
            yield matcher.value
        elif matcher.op == "=~":
            yield from samples(matcher.value)
    yield from _PROBES


def samples(pattern: str) -> Iterator[str]:
    """Strings that a regular expression matches as a whole: one for each alternative, if its syntax is simple."""
    for alternative in _alternatives(pattern):
        text = _sample(alternative)
        if text is not None and re.fullmatch(pattern, text):
            yield text


def _alternatives(pattern: str) -> list[str]:
    """The parts between the bars outside of brackets."""
    parts, depth, begun, escaped = [], 0, 0, False
    for at, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "|" and depth == 0:
            parts.append(pattern[begun:at])
            begun = at + 1
    return [*parts, pattern[begun:]]


_TOKEN = re.compile(
    r"(?:\\(?P<escaped>.)|(?P<any>\.)|\[(?P<set>\^?[^]]+)\]|\((?:\?:)?(?P<group>[^()]*)\)|(?P<plain>[^\\.\[\]()*+?{}|^$])|[\^$])"
    r"(?P<times>[*+?]|\{(?P<count>\d+)(?:,\d*)?\})?"
)


def _sample(pattern: str) -> str | None:
    """One string for a sequence of characters, classes and groups of depth one; None for anything else."""
    text, at = "", 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        piece = _piece(token) if token else None
        if token is None or piece is None:
            return None
        text += piece * int(token["count"] or (0 if token["times"] in ("*", "?") else 1))
        at = token.end()
    return text


def _piece(token: re.Match[str]) -> str | None:
    if token["escaped"] is not None:
        return {"d": "0", "w": "a", "s": " "}.get(token["escaped"], token["escaped"])
    if token["set"] is not None:
        inside = token["set"]
        return next((c for c in "0aA-_x9z" + inside if re.fullmatch(f"[{inside}]", c)), None)
    if token["group"] is not None:
        return next(iter(samples(token["group"])), None)
    if token["any"]:
        return "0"
    return token["plain"] or ""
