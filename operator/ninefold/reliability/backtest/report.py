"""Prints a judgement as text for people. Pure."""

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
"""The least coverage of a window that the report does not mention."""


def text(judged: Judgement) -> str:
    """The report in several paragraphs, without a line break at the end."""
    return "\n\n".join(
        filter(None, (_head(judged), _alerts(judged), _firings(judged), _incidents(judged), _targets(judged)))
    )


def _head(judged: Judgement) -> str:
    lines = [
        f"{title(judged)}: {judged.objective} % over {judged.window}, from {at(judged.begin)} to {at(judged.end)} UTC "
        f"({length(judged.end - judged.begin)}, {in_percent(judged.coverage)} of it with data)"
    ]
    if judged.error_ratio is None or judged.budget_spent is None:
        return "\n".join([*lines, "  No events, so there is no result. Does the indicator select any series?"])
    lines.append(
        f"  error ratio {in_percent(judged.error_ratio)}, that is {in_percent(judged.budget_spent)} of the budget; "
        + _exhausted(judged.summary.exhausted)
    )
    first, last = judged.window_coverage or (1.0, 1.0)
    if min(first, last) < _WHOLE:
        lines.append(
            f"  The window of {judged.window} had {in_percent(first)} of its data at the beginning and "
            f"{in_percent(last)} "
            "at the end: budgets follow from the measured time only."
        )
    return "\n".join(lines)


def title(judged: Judgement) -> str:
    group = ", ".join(f"{name}={value}" for name, value in judged.group.items())
    return f"{judged.slo_id} ({group})" if group else judged.slo_id


def _alerts(judged: Judgement) -> str:
    if not judged.tiers:
        return ""
    rows: list[Row] = [("TIER", "SEVERITY", "FIRED", "A WEEK")]
    rows += [(tier.tier, tier.severity, str(tier.firings), rate(tier.per_week)) for tier in judged.tiers]
    summary = judged.summary
    sentence = (
        f"{counted(summary.pages, 'page')}{_a_week(summary.pages_per_week)}, "
        f"{counted(summary.tickets, 'ticket')}{_a_week(summary.tickets_per_week)}; "
        f"noise, less than {in_percent(judged.noise_budget)} of the budget: {counted(judged.noise, 'page')}"
    )
    lines = [*table(rows), f"  {sentence}"]
    if summary.pages_per_week is None:
        there = length((judged.end - judged.begin) * judged.coverage)
        lines.append(f"  There are only {there} of data, and a rate per week needs at least {length(LEAST)}.")
    return "\n".join(lines)


def _a_week(per_week: float | None) -> str:
    return "" if per_week is None else f" ({rate(per_week)} a week)"


def _firings(judged: Judgement) -> str:
    if not judged.firings:
        return ""
    rows: list[Row] = [("FIRED", "FOR", "TIER", "SEVERITY", "BURN", "BUDGET LEFT")]
    rows += [_firing(firing, judged.end) for firing in judged.firings[:MOST]]
    return "\n".join([*table(rows), *more(judged.firings)])


def _firing(firing: Firing, end: datetime) -> Row:
    lasted = length((firing.end or end) - firing.begin) + ("" if firing.end else ", still firing")
    left = "-" if firing.budget_left is None else in_percent(firing.budget_left)
    return at(firing.begin), lasted, firing.tier, firing.severity, f"{firing.burn:.3g}x", left


def _incidents(judged: Judgement) -> str:
    if judged.error_ratio is None:
        return ""
    limit = in_percent(judged.incident_budget)
    if not judged.incidents:
        return f"  No incident cost {limit} of the budget or more."
    rows: list[Row] = [("INCIDENT", "LASTED", "BUDGET", "NOTICED")]
    rows += [_incident(incident) for incident in judged.incidents[:MOST]]
    missed = f"{judged.missed} of them without a page" if judged.missed else "a page for each of them"
    summary = f"  {counted(len(judged.incidents), 'incident')} of {limit} of the budget or more, {missed}."
    return "\n".join([*table(rows), *more(judged.incidents), summary])


def _incident(incident: PastIncident) -> Row:
    if incident.page:
        noticed = _noticed(incident.page)
    else:
        noticed = "no page" + (f"; ticket {_noticed(incident.ticket)}" if incident.ticket else ", no ticket")
    return at(incident.begin), length(incident.end - incident.begin), in_percent(incident.budget), noticed


def _noticed(detection: DetectionTime) -> str:
    after = f"after {length(timedelta(seconds=detection.after))}" if detection.after else "at once"
    return f"{after} by {detection.tier}"


def _targets(judged: Judgement) -> str:
    if not judged.targets or judged.error_ratio is None:
        return ""
    rows: list[Row] = [("TARGET", "", "PAGES A WEEK", "TICKETS A WEEK", "MISSED", "BUDGET EXHAUSTED")]
    rows += [_target(target) for target in judged.targets]
    refusals = [f"  {target.objective}: {target.refused}" for target in judged.targets if target.refused]
    achieved = f"  Achieved: {100 * (1 - judged.error_ratio):.7g} % of events were good."
    lines = [*table(rows), *refusals, achieved]
    if judged.suggestion:
        advice = f"promise {judged.suggestion.objective} %" if judged.suggestion.objective else "no target"
        lines.append(f"  Suggestion: {advice}, since {judged.suggestion.reason}.")
    return "\n".join(lines)


def _target(target: TargetJudgement) -> Row:
    mark = "present" if target.present else ""
    summary = target.summary
    if summary is None:
        return target.objective, mark, "-", "-", "-", "-"
    exhausted = "-" if summary.exhausted is None else f"{in_percent(summary.exhausted)} of the time"
    pages, tickets = rate(summary.pages_per_week), rate(summary.tickets_per_week)
    return target.objective, mark, pages, tickets, str(target.missed), exhausted


def _exhausted(share: float | None) -> str:
    if not share:
        return "it was never exhausted"
    return f"it was exhausted {in_percent(share)} of the time"
