"""A judgement as text for people. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ninefold.domain.wording.lengths import length
from ninefold.domain.wording.numbers import counted, in_percent
from ninefold.reliability.backtest.judgement import (
    LEAST,
    DetectionTime,
    Firing,
    Judgement,
    PastIncident,
    TargetJudgement,
)
from ninefold.reliability.backtest.text import MOST, Row, at, more, rate, table

_WHOLE = 0.95
"""A window with so much data needs no word about it."""


def text(one: Judgement) -> str:
    """Several paragraphs, without a line break at the end."""
    return "\n\n".join(filter(None, (_head(one), _alerts(one), _firings(one), _incidents(one), _targets(one))))


def _head(one: Judgement) -> str:
    lines = [
        f"{title(one)}: {one.objective} % over {one.window}, from {at(one.begin)} to {at(one.end)} UTC "
        f"({length(one.end - one.begin)}, {in_percent(one.coverage)} of it with data)"
    ]
    if one.error_ratio is None or one.budget_spent is None:
        return "\n".join([*lines, "  No events: nothing can be said. Does the indicator select any series?"])
    lines.append(
        f"  error ratio {in_percent(one.error_ratio)}, that is {in_percent(one.budget_spent)} of the budget; "
        + _exhausted(one.summary.exhausted)
    )
    first, last = one.window_coverage or (1.0, 1.0)
    if min(first, last) < _WHOLE:
        lines.append(
            f"  The window of {one.window} had {in_percent(first)} of its data at the beginning and {in_percent(last)} "
            "at the end: budgets are those of what was known."
        )
    return "\n".join(lines)


def title(one: Judgement) -> str:
    group = ", ".join(f"{name}={value}" for name, value in one.group.items())
    return f"{one.slo_id} ({group})" if group else one.slo_id


def _alerts(one: Judgement) -> str:
    if not one.tiers:
        return ""
    rows: list[Row] = [("TIER", "SEVERITY", "FIRED", "A WEEK")]
    rows += [(tier.tier, tier.severity, str(tier.firings), rate(tier.per_week)) for tier in one.tiers]
    summary = one.summary
    sentence = (
        f"{counted(summary.pages, 'page')}{_a_week(summary.pages_per_week)}, "
        f"{counted(summary.tickets, 'ticket')}{_a_week(summary.tickets_per_week)}; "
        f"noise, less than {in_percent(one.noise_budget)} of the budget: {counted(one.noise, 'page')}"
    )
    lines = [*table(rows), f"  {sentence}"]
    if summary.pages_per_week is None:
        there = length((one.end - one.begin) * one.coverage)
        lines.append(f"  There is data of {there}, and how many that would be a week takes {length(LEAST)} at least.")
    return "\n".join(lines)


def _a_week(per_week: float | None) -> str:
    return "" if per_week is None else f" ({rate(per_week)} a week)"


def _firings(one: Judgement) -> str:
    if not one.firings:
        return ""
    rows: list[Row] = [("FIRED", "FOR", "TIER", "SEVERITY", "BURN", "BUDGET LEFT")]
    rows += [_firing(each, one.end) for each in one.firings[:MOST]]
    return "\n".join([*table(rows), *more(one.firings)])


def _firing(each: Firing, end: datetime) -> Row:
    lasted = length((each.end or end) - each.begin) + ("" if each.end else " and on")
    left = "-" if each.budget_left is None else in_percent(each.budget_left)
    return at(each.begin), lasted, each.tier, each.severity, f"{each.burn:.3g}x", left


def _incidents(one: Judgement) -> str:
    if one.error_ratio is None:
        return ""
    limit = in_percent(one.incident_budget)
    if not one.incidents:
        return f"  No incident cost {limit} of the budget or more."
    rows: list[Row] = [("INCIDENT", "LASTED", "BUDGET", "NOTICED")]
    rows += [_incident(each) for each in one.incidents[:MOST]]
    missed = f"{one.missed} of them without a page" if one.missed else "a page for each of them"
    found = f"  {counted(len(one.incidents), 'incident')} of {limit} of the budget or more, {missed}."
    return "\n".join([*table(rows), *more(one.incidents), found])


def _incident(each: PastIncident) -> Row:
    if each.page:
        noticed = _noticed(each.page)
    else:
        noticed = "no page" + (f"; ticket {_noticed(each.ticket)}" if each.ticket else ", no ticket")
    return at(each.begin), length(each.end - each.begin), in_percent(each.budget), noticed


def _noticed(detection: DetectionTime) -> str:
    after = f"after {length(timedelta(seconds=detection.after))}" if detection.after else "at once"
    return f"{after} by {detection.tier}"


def _targets(one: Judgement) -> str:
    if not one.targets or one.error_ratio is None:
        return ""
    rows: list[Row] = [("TARGET", "", "PAGES A WEEK", "TICKETS A WEEK", "MISSED", "BUDGET EXHAUSTED")]
    rows += [_target(each) for each in one.targets]
    refusals = [f"  {each.objective}: {each.refused}" for each in one.targets if each.refused]
    achieved = f"  Achieved: {100 * (1 - one.error_ratio):.7g} % of events were good."
    lines = [*table(rows), *refusals, achieved]
    if one.suggestion:
        what = f"promise {one.suggestion.objective} %" if one.suggestion.objective else "no target"
        lines.append(f"  Suggestion: {what}, since {one.suggestion.reason}.")
    return "\n".join(lines)


def _target(each: TargetJudgement) -> Row:
    mark = "present" if each.present else ""
    summary = each.summary
    if summary is None:
        return each.objective, mark, "-", "-", "-", "-"
    exhausted = "-" if summary.exhausted is None else f"{in_percent(summary.exhausted)} of the time"
    pages, tickets = rate(summary.pages_per_week), rate(summary.tickets_per_week)
    return each.objective, mark, pages, tickets, str(each.missed), exhausted


def _exhausted(share: float | None) -> str:
    if not share:
        return "it was never exhausted"
    return f"it was exhausted {in_percent(share)} of the time"
