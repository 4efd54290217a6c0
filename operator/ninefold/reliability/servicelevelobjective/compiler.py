"""The compiler: converts an objective to a group of recordings and alerts, each after those that it reads. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.alerting import alerts, recovery
from ninefold.reliability.servicelevelobjective.alerting.solver import solve
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier
from ninefold.reliability.servicelevelobjective.recording import indicator, windows
from ninefold.reliability.servicelevelobjective.recording.aliases import sloth
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE, Corrections
from ninefold.reliability.servicelevelobjective.recording.indicator import Base, Rule, record
from ninefold.reliability.servicelevelobjective.recording.mask import Mask
from ninefold.reliability.servicelevelobjective.recording.series import (
    HOUR,
    STEP,
    RecordedSeries,
    in_alert_window,
    so_far,
    tile_mean,
)
from ninefold.reliability.servicelevelobjective.recording.windows import ObjectiveWindow, PeriodWindow
from ninefold.reliability.servicelevelobjective.resource import Agreement, ServiceLevelObjective, Window
from ninefold.reliability.servicelevelobjective.target import Target

DAY = 86_400

Compile = Callable[[Target, RecordedSeries], Base]
"""Compiles the first rules of a target, those of its indicator."""


class Group:
    """The compiled group of one objective: its name, its rules, and the revision that slo:info carries."""

    def __init__(
        self,
        slo: ServiceLevelObjective,
        corrections: Corrections = NONE,
        *,
        base: Compile = indicator.base,
        aliases: bool = False,
    ) -> None:
        """`base` compiles the indicator; `aliases` also records series under the names of Sloth.

        Raises Stalled for an indicator that cannot be parsed or a tier that cannot fire.
        """
        self.target = target = Target.of(slo)
        self.name = f"ninefold/{target.slo_id}"
        self.tiers = solve(target)
        recordings = _Recordings(target, self.tiers, slo.spec.agreement, corrections, base)
        rules = list(recordings.rules())
        self.user_expressions = recordings.user_expressions
        """The expressions that the user wrote, for Prometheus to check."""
        self.reads = recordings.base.reads
        """The objective whose recordings replace the raw series; "" if these rules read the raw series."""
        for rule in rules:
            rule["labels"] = {"slo_id": target.slo_id, **rule.get("labels", {})}
        if aliases:
            rules += sloth(target, slo.metadata.annotations, rules)
        alert_rules = [*alerts.rules(target, recordings.series, self.tiers, slo.spec.description)]
        info = {"slo_id": target.slo_id, **_description(target)}
        self.revision = _hash([self.name, rules, info, alert_rules])
        labels = {**info, "revision": self.revision}
        rules.append({"record": "slo:info", "expr": "vector(1)", "labels": labels})
        self.rules: list[Rule] = rules + alert_rules

    def as_dict(self) -> dict[str, Any]:
        """The group as in a rule file and in a PrometheusRule."""
        return {"name": self.name, "rules": self.rules}


class _Recordings:
    """The recordings, each after those that it reads."""

    def __init__(
        self,
        target: Target,
        tiers: list[AlertTier],
        agreement: Agreement | None,
        corrections: Corrections,
        base: Compile,
    ) -> None:
        self._target, self._tiers, self._agreement = target, tiers, agreement
        agreed = agreement.window if agreement else None
        calendars = [window.calendar for window in (target.period, agreed) if window and window.calendar]
        self.series = RecordedSeries(target.slo_id, target.groups, windows.tile(calendars))
        self._mask = Mask(target, self.series, corrections)
        self._window = self._made(target.period, "period")
        self._agreed = self._made(agreed, "agreement_period") if agreed else self._window
        # Two windows with the same calendar need the label of its period only once.
        if agreed and agreed.calendar == target.period.calendar and agreed.calendar is not None:
            self._agreed = self._window
        self._periods = [w for w in dict.fromkeys((self._window, self._agreed)) if isinstance(w, PeriodWindow)]
        self.base = base(target, self.series)
        self._recent = (recovery.held_back(target, tiers) and self.base.recent) or Base([])
        self.user_expressions = (*self.base.written, *self._recent.written)

    def _made(self, window: Window, label: str) -> ObjectiveWindow:
        return windows.of(window, self._mask.within(windows.longest(window)), label)

    def rules(self) -> Iterator[Rule]:
        yield record("slo:objective:ratio", f"vector({self._target.objective_text})")
        yield from self._mask.over(self.base.rules)
        yield from self._recent.rules
        yield from self._local_times()
        yield from self._hourly()
        yield from self._increases()
        yield from self._burn_rates()
        yield from alerts.ongoing(self._target, self.series, self._tiers)
        yield from self._budget()
        yield from self._agreed_ratio()
        yield from self._blame()

    def _local_times(self) -> Iterator[Rule]:
        for period in self._periods:
            yield record(period.local_time, windows.local_time(period.calendar))

    def _hourly(self) -> Iterator[Rule]:
        whats = ["events", "errors"]
        if self._window.short and self._agreed.short:
            yield from self._tiles(self.series, whats)
            return
        yield record("slo:coverage:rate5m", f"{self.series('slo:events:rate5m')} * 0 + 1")
        whats.append("coverage")
        yield from self._tiles(self.series, whats)
        yield from self._begun(self.series, whats)

    def _tiles(self, series: RecordedSeries, whats: list[str]) -> Iterator[Rule]:
        for what in whats:
            mean = tile_mean(series, f"slo:{what}:rate5m")
            for period in self._periods:
                # An evaluation exactly at midnight records the last hour of the period that ends.
                mean += f" * on () group_left ({period.label}) {period.marks(' offset 1s')}"
            yield record(f"slo:{what}:{series.tile_name}", mean)

    @staticmethod
    def _begun(series: RecordedSeries, whats: list[str]) -> Iterator[Rule]:
        for what in whats:
            yield record(f"slo:{what}:hour", so_far(series, f"slo:{what}:rate5m"))

    def _increases(self) -> Iterator[Rule]:
        """The numbers of events that alerts compare."""
        for window in sorted({tier.long for tier in self._tiers}):
            for what in alerts.counted(self._target):
                amount, unit = in_alert_window(self._mask.within(window), what, window)
                yield record(f"slo:{what}:increase{duration(window)}", f"{amount} * {unit}")

    def _burn_rates(self) -> Iterator[Rule]:
        # People and policies also use 1 h and 6 h.
        lengths = {STEP, HOUR, *({6 * HOUR} if self._target.window >= DAY else ())}
        for tier in self._tiers:
            lengths |= {tier.long, tier.short}
        for window in sorted(lengths):
            (errors, counts), (events, unit) = (self._amount(what, window) for what in ("errors", "events"))
            scaled = events if counts == unit else f"{events} * {unit}"
            ratio = f"{errors} / ({scaled} > 0) / {self._target.budget_text}"
            yield record(f"slo:burn_rate:{duration(window)}", ratio)
            if counts == unit == 1 and self._target.alerting.confidence:
                yield record(
                    f"slo:burn_rate_lower:{duration(window)}", alerts.lower_bound(self._target, errors, events)
                )

    def _amount(self, what: str, window: int) -> tuple[str, int]:
        """Events or bad events in a window, and the unit of the number."""
        if what in alerts.counted(self._target) and any(tier.long == window for tier in self._tiers):
            return self.series(f"slo:{what}:increase{duration(window)}"), 1
        return in_alert_window(self._mask.within(window), what, window)

    def _budget(self) -> Iterator[Rule]:
        budget, left = self._target.budget_text, self.series("slo:error_budget_left:ratio")
        yield record("slo:error_ratio:window", _ratio(self._window))
        yield record("slo:error_budget_left:ratio", f"1 - {self.series('slo:error_ratio:window')} / {budget}")
        yield record("slo:coverage:ratio", self._window.coverage())
        burn = f"({self.series(f'slo:burn_rate:{duration(HOUR)}')} > 1)"
        yield record("slo:time_to_exhaustion:seconds", self._window.exhaustion(f"({left} > 0)", burn))

    def _agreed_ratio(self) -> Iterator[Rule]:
        if self._agreement is None:
            return
        same = self._agreed is self._window
        ratio = self.series("slo:error_ratio:window") if same else _ratio(self._agreed)
        yield record("slo:agreement:error_ratio", ratio)

    def _blame(self) -> Iterator[Rule]:
        """The share of each component in the bad events of a composite."""
        if self._target.indicator.composite is None:
            return
        series = self._window.series.and_component()
        yield from self._tiles(series, ["blame"])
        if not self._window.short:
            yield from self._begun(series, ["blame"])
        blame, errors = self._window.amount("blame", series), self._window.amount("errors")
        yield record("slo:blame:ratio", f"{blame} / on ({self.series.by}) group_left () ({errors} > 0)")


def _ratio(window: ObjectiveWindow) -> str:
    return f"{window.amount('errors')} / ({window.amount('events')} > 0)"


def _description(target: Target) -> dict[str, str]:
    """The labels of slo:info, the only series that describes the objective."""
    return {
        "service": target.service,
        "namespace": target.key.namespace,
        "name": target.key.name,
        "window": str(target.period),
        "objective": target.objective_text,
        **({"group_by": ",".join(target.groups)} if target.groups else {}),
    }


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]
