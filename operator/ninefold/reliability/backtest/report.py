"""A judgement as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ninefold.reliability.backtest.judgement import Detection, Firing, Incident, Judgement, Target

Row = tuple[str, ...]

_MOST = 20
"""Rows of a table of events; JSON has all."""
_WHOLE = 0.95
"""A window with so much data needs no word about it."""


def text(one: Judgement) -> str:
    """Several paragraphs, without a line break at the end."""
    return "\n\n".join(filter(None, (_head(one), _alerts(one), _firings(one), _incidents(one), _targets(one))))


def _head(one: Judgement) -> str:
    length = one.end - one.begin
    lines = [
        f"{title(one)}: {one.objective} % over {one.window}, from {_at(one.begin)} to {_at(one.end)} UTC "
        f"({_length(length)}, {_percent(one.coverage)} of it with data)"
    ]
    if one.error_ratio is None or one.budget_spent is None:
        return "\n".join([*lines, "  No events: nothing can be said. Does the indicator select any series?"])
    lines.append(
        f"  error ratio {_percent(one.error_ratio)}, that is {_percent(one.budget_spent)} of the budget; "
        + _exhausted(one.summary.exhausted)
    )
    first, last = one.window_coverage or (1.0, 1.0)
    if min(first, last) < _WHOLE:
        lines.append(
            f"  The window of {one.window} had {_percent(first)} of its data at the begin and {_percent(last)} at the "
            "end: budgets are those of what was known."
        )
    return "\n".join(lines)


def title(one: Judgement) -> str:
    group = ", ".join(f"{name}={value}" for name, value in one.group.items())
    return f"{one.slo_id} ({group})" if group else one.slo_id


def _alerts(one: Judgement) -> str:
    if not one.tiers:
        return ""
    rows: list[Row] = [("TIER", "SEVERITY", "FIRED", "A WEEK")]
    rows += [(tier.tier, tier.severity, str(tier.firings), f"{tier.per_week:.1f}") for tier in one.tiers]
    summary = one.summary
    sentence = (
        f"{_count(summary.pages, 'page')} ({summary.pages_per_week:.1f} a week), "
        f"{_count(summary.tickets, 'ticket')} ({summary.tickets_per_week:.1f} a week); "
        f"noise, less than {_percent(one.noise_budget)} of the budget: {_count(one.noise, 'page')}"
    )
    return "\n".join([*_table(rows), f"  {sentence}"])


def _firings(one: Judgement) -> str:
    if not one.firings:
        return ""
    rows: list[Row] = [("FIRED", "FOR", "TIER", "SEVERITY", "BURN", "BUDGET LEFT")]
    rows += [_firing(each, one.end) for each in one.firings[:_MOST]]
    return "\n".join([*_table(rows), *_more(one.firings)])


def _firing(each: Firing, end: datetime) -> Row:
    lasted = _length((each.end or end) - each.begin) + ("" if each.end else " and on")
    left = "-" if each.budget_left is None else _percent(each.budget_left)
    return _at(each.begin), lasted, each.tier, each.severity, f"{each.burn:.3g}x", left


def _incidents(one: Judgement) -> str:
    if one.error_ratio is None:
        return ""
    limit = _percent(one.incident_budget)
    if not one.incidents:
        return f"  No incident cost {limit} of the budget or more."
    rows: list[Row] = [("INCIDENT", "LASTED", "BUDGET", "NOTICED")]
    rows += [_incident(each) for each in one.incidents[:_MOST]]
    missed = f"{one.missed} of them without a page" if one.missed else "a page for each of them"
    found = f"  {_count(len(one.incidents), 'incident')} of {limit} of the budget or more, {missed}."
    return "\n".join([*_table(rows), *_more(one.incidents), found])


def _incident(each: Incident) -> Row:
    if each.page:
        noticed = _noticed(each.page)
    else:
        noticed = "no page" + (f"; ticket {_noticed(each.ticket)}" if each.ticket else ", no ticket")
    return _at(each.begin), _length(each.end - each.begin), _percent(each.budget), noticed


def _noticed(detection: Detection) -> str:
    after = f"after {_length(timedelta(seconds=detection.after))}" if detection.after else "at once"
    return f"{after} by {detection.tier}"


def _targets(one: Judgement) -> str:
    if not one.targets or one.error_ratio is None:
        return ""
    rows: list[Row] = [("TARGET", "", "PAGES A WEEK", "TICKETS A WEEK", "MISSED", "BUDGET EXHAUSTED")]
    rows += [_target(each) for each in one.targets]
    refusals = [f"  {each.objective}: {each.refused}" for each in one.targets if each.refused]
    achieved = f"  Achieved: {100 * (1 - one.error_ratio):.7g} % of events were good."
    lines = [*_table(rows), *refusals, achieved]
    if one.suggestion:
        what = f"promise {one.suggestion.objective} %" if one.suggestion.objective else "no target"
        lines.append(f"  Suggestion: {what}, since {one.suggestion.reason}.")
    return "\n".join(lines)


def _target(each: Target) -> Row:
    mark = "present" if each.present else ""
    summary = each.summary
    if summary is None:
        return each.objective, mark, "-", "-", "-", "-"
    exhausted = "-" if summary.exhausted is None else f"{_percent(summary.exhausted)} of the time"
    pages, tickets = f"{summary.pages_per_week:.1f}", f"{summary.tickets_per_week:.1f}"
    return each.objective, mark, pages, tickets, str(each.missed), exhausted


def _exhausted(share: float | None) -> str:
    if not share:
        return "it was never exhausted"
    return f"it was exhausted {_percent(share)} of the time"


def _more(rows: Sequence[object]) -> list[str]:
    return [f"  … and {len(rows) - _MOST} more: --json has all"] if len(rows) > _MOST else []


def _table(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield ("  " + "   ".join(cells)).rstrip()


def _at(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M")


def _length(length: timedelta) -> str:
    """In two units at most.

    >>> _length(timedelta(minutes=135)), _length(timedelta(days=30)), _length(timedelta(seconds=90))
    ('2h 15m', '30d', '1m 30s')
    """
    rest, parts = round(length.total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def _percent(share: float) -> str:
    """
    >>> _percent(0.5), _percent(0.000934), _percent(1), _percent(-0.04)
    ('50 %', '0.0934 %', '100 %', '-4 %')
    """
    return f"{float(f'{share * 100:.3g}'):g} %"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
