"""Judges an objective from what its rules did: alerts, incidents, noise and budget. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ninefold.kube.fields import seconds
from ninefold.reliability.backtest import spending
from ninefold.reliability.backtest.alerts import Spell
from ninefold.reliability.backtest.grid import Grid, Labels, present
from ninefold.reliability.backtest.judgement import (
    LEAST,
    DetectionTime,
    Firing,
    Judgement,
    PastIncident,
    Summary,
    TierJudgement,
)
from ninefold.reliability.backtest.rulefile import FileRule
from ninefold.reliability.backtest.simulate import Alert, SimulationOutcome
from ninefold.reliability.backtest.spending import CALM, ERRORS, EVENTS, Spending, known
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

LEFT, COVERAGE = "slo:error_budget_left:ratio", "slo:coverage:ratio"
PAGE, TICKET = "page", "ticket"
WEEK = 7 * 86_400_000
_MILLISECOND = timedelta(milliseconds=1)
_USUAL = 0.02
"""The share of the budget that makes an incident if the objective has no page tier."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The least shares of the budget at which a stretch is an incident, and a page is not noise; None: from the
    tiers."""

    incident: float | None = None
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class TierName:
    """The label burn_tier, such as "14.4x/1h": a burn rate, and a window, here in seconds."""

    burn_rate: float
    long: int

    @classmethod
    def parse(cls, text: str) -> TierName:
        match = re.fullmatch(r"([0-9.]+)x/(\w+)", text)
        return cls(float(match[1]), seconds(match[2])) if match else cls(0.0, 0)


def judge(
    slo: ServiceLevelObjective, rules: Sequence[FileRule], outcome: SimulationOutcome, begin: int, limits: Limits
) -> Iterator[Judgement]:
    """A judgement for each group of an objective that has data. The time before `begin`, a point of the grid, or before
    the first data only fills windows."""
    for group in spending.groups(outcome.recordings, slo.slo_id):
        there = present(spending.of(outcome.recordings, EVENTS, slo.slo_id, group))
        if there[begin:].any():
            yield _Case(slo, rules, outcome, group, max(begin, int(there.argmax())), limits).judgement()


class _Case:
    """One group of an objective; times are points of the grid."""

    def __init__(
        self,
        slo: ServiceLevelObjective,
        rules: Sequence[FileRule],
        outcome: SimulationOutcome,
        group: Labels,
        begin: int,
        limits: Limits,
    ) -> None:
        self._slo, self._group, self._begin = slo, group, begin
        self._grid: Grid = outcome.recordings.grid
        self._series = {
            name: spending.of(outcome.recordings, name, slo.slo_id, group) for name in (EVENTS, ERRORS, LEFT, COVERAGE)
        }
        events, errors = (self._series[name].copy() for name in (EVENTS, ERRORS))
        events[:begin] = errors[:begin] = np.nan
        self._spending = Spending(self._grid, events, errors, slo.window, float(1 - slo.objective))
        self._rules = [rule for rule in rules if rule.alert and "burn_tier" in rule.labels]
        self._every = [alert for alert in outcome.alerts if alert.spell.fires is not None and self._is_mine(alert)]
        self._alerts = [alert for alert in self._every if _fires(alert.spell) >= begin]
        self._incident = limits.incident if limits.incident is not None else _smallest_page(self._rules, slo.window)
        self._noise = limits.noise if limits.noise is not None else self._incident / 2

    def judgement(self) -> Judgement:
        events, errors = (
            float(known(rates).sum()) * self._grid.step / 1000
            for rates in (self._spending.events, self._spending.errors)
        )
        ratio = errors / events if events else None
        incidents = list(self._incidents())
        coverage = known(self._series[COVERAGE])
        rolling = self._slo.spec.window.rolling is not None
        return Judgement(
            slo_id=self._slo.slo_id,
            group=dict(self._group),
            objective=self._slo.spec.objective,
            window=str(self._slo.spec.window),
            begin=self._time(self._begin),
            end=self._time(self._grid.count - 1),
            coverage=float(present(self._series[EVENTS])[self._begin :].mean()),
            window_coverage=(float(coverage[self._begin]), float(coverage[-1])) if rolling else None,
            events=events,
            errors=errors,
            error_ratio=ratio,
            budget_spent=None if ratio is None else ratio / float(1 - self._slo.objective),
            summary=self._summary(),
            tiers=list(self._tiers()),
            firings=[self._firing(alert) for alert in _in_order(self._alerts)],
            incident_budget=self._incident,
            incidents=incidents,
            missed=sum(incident.page is None for incident in incidents),
            noise=sum(self._is_noise(alert) for alert in self._episodes(PAGE)),
            noise_budget=self._noise,
        )

    def _summary(self) -> Summary:
        pages, tickets = (len(list(self._episodes(severity))) for severity in (PAGE, TICKET))
        left = self._series[LEFT][self._begin :]
        left = left[present(left)]
        return Summary(
            pages=pages,
            pages_per_week=self._per_week(pages),
            tickets=tickets,
            tickets_per_week=self._per_week(tickets),
            exhausted=float((left < 0).mean()) if len(left) else None,
        )

    def _per_week(self, count: int) -> float | None:
        step = self._grid.step
        data = int(present(self._series[EVENTS])[self._begin :].sum()) * step
        return count * WEEK / ((self._grid.count - self._begin) * step) if data >= LEAST / _MILLISECOND else None

    def _is_mine(self, alert: Alert) -> bool:
        return "burn_tier" in alert.labels and all(alert.labels.get(name) == value for name, value in self._group)

    def _tiers(self) -> Iterator[TierJudgement]:
        for rule in self._rules:
            tier, severity = rule.labels["burn_tier"], rule.labels["severity"]
            count = sum(
                (alert.labels["burn_tier"], alert.labels["severity"]) == (tier, severity) for alert in self._alerts
            )
            yield TierJudgement(tier, severity, count, self._per_week(count))

    def _episodes(self, severity: str) -> Iterator[Alert]:
        """The first alert of each time during which alerts of a severity fired: a person is called once."""
        until = -1
        for alert in _in_order(self._alerts, severity):
            if _fires(alert.spell) > until:
                yield alert
            until = max(until, self._end(alert.spell))

    def _is_noise(self, alert: Alert) -> bool:
        """Whether less than the noise limit was spent in the alert's long window and while the alert fired."""
        before = TierName.parse(alert.labels["burn_tier"]).long * 1000 // self._grid.step
        return self._spending.spent(_fires(alert.spell) - before, self._end(alert.spell)) < self._noise

    def _firing(self, alert: Alert) -> Firing:
        spell, left = alert.spell, self._series[LEFT][_fires(alert.spell)]
        return Firing(
            tier=alert.labels["burn_tier"],
            severity=alert.labels["severity"],
            begin=self._time(_fires(spell)),
            end=None if spell.end is None else self._time(spell.end),
            burn=alert.value if alert.value is not None else 0.0,
            budget_left=None if np.isnan(left) else float(left),
        )

    def _incidents(self) -> Iterator[PastIncident]:
        for first, end in self._spending.stretches():
            budget = self._spending.spent(first, end)
            if budget >= self._incident:
                page, ticket = (self._detection(severity, first, end) for severity in (PAGE, TICKET))
                yield PastIncident(self._time(first), self._time(end), budget, page, ticket)

    def _detection(self, severity: str, first: int, end: int) -> DetectionTime | None:
        """The first alert that fired in a stretch or soon after it: a long window may detect it only at its end."""
        soon = end + CALM // self._grid.step
        for alert in _in_order(self._every, severity):
            if _fires(alert.spell) <= soon and self._end(alert.spell) > first:
                after = max(0, _fires(alert.spell) - first) * self._grid.step // 1000
                return DetectionTime(alert.labels["burn_tier"], after)
        return None

    def _end(self, spell: Spell) -> int:
        return self._grid.count if spell.end is None else spell.end

    def _time(self, index: int) -> datetime:
        return datetime.fromtimestamp((self._grid.start + index * self._grid.step) / 1000, UTC)


def _in_order(alerts: Sequence[Alert], *severities: str) -> list[Alert]:
    chosen = [alert for alert in alerts if not severities or alert.labels["severity"] in severities]
    return sorted(chosen, key=lambda alert: _fires(alert.spell))


def _fires(spell: Spell) -> int:
    assert spell.fires is not None  # noqa: S101 - only alerts that fired are kept
    return spell.fires


def _smallest_page(rules: Sequence[FileRule], window: int) -> float:
    """The smallest share of the budget at which a page tier fires under a constant burn."""
    tiers = [TierName.parse(rule.labels["burn_tier"]) for rule in rules if rule.labels["severity"] == PAGE]
    return min((tier.burn_rate * tier.long / window for tier in tiers), default=_USUAL)
