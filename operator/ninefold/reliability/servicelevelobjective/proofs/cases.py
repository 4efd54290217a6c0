"""The cases of a suite: each tier fires in time and not before, not just below its threshold, and ends in time; values
are right; and restarts, gaps, idleness and a single error raise no alert. Pure.

Times are in minutes, as promtool evaluates the rules once a minute here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from ninefold.kube.fields import seconds
from ninefold.reliability.servicelevelobjective.alerting.quiet import USUAL_ERRORS, fewest_errors
from ninefold.reliability.servicelevelobjective.alerting.recovery import held_back
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.proofs.traffic import Pattern, TrafficSource
from ninefold.reliability.servicelevelobjective.recording.series import HOUR, OVERLAP, SHORT_LIMIT, STEP
from ninefold.reliability.servicelevelobjective.target import Target

DAY = 86_400
MANY = 60_000.0
"""Events per minute: enough that any error ratio is a whole number of events."""
SLACK = 3
"""The minutes that scrapes and evaluations may add."""
_ABOVE = 1.2
"""A factor of thresholds, less than 1.5, so that a threshold that is too high by half is detected."""
_GROUPS = 2
"""Every case has the group with its traffic, and another group in which all is well."""
_OF_EACH_GROUP = ("slo:events:", "slo:errors:", "slo:coverage:", "slo:burn_rate:", "slo:error_")
"""The recordings that every group has."""
_CLOSE = 0.02
"""How far a value may be from the truth: events of the first and last minutes are seen in part."""


@dataclass(frozen=True, slots=True)
class Check:
    """An expression, when to evaluate it, and the expected samples as (labels, value), or none."""

    expression: str
    at: int
    samples: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True)
class ProofCase:
    """Traffic, and what must be true with it."""

    name: str
    pattern: Pattern
    checks: Sequence[Check]
    without: str = ""
    """What has no series in this case, such as "bad"."""


def cases(group: Group, found: TrafficSource) -> Iterator[ProofCase]:
    """Every case for an objective with these series."""
    target, counters, weighed = group.target, found.counters, found.weighed
    author = _Author(group, counters=counters, sharp="bad" in found.labels)
    for tier in group.tiers:
        yield from author.tier(tier)
    yield author.figures()
    if weighed:
        yield author.uneven()
        yield author.onset()
        yield author.idle()
    if target.period.rolling and target.window <= DAY:
        yield author.covered()
        if target.window >= 6 * HOUR and target.objective > Decimal("0.8"):
            yield author.spends()
        if weighed:
            yield author.forgets()
            yield author.length()
    if counters:
        yield author.restart()
    yield from author.amiss(found)
    yield author.gap()
    yield from author.quiet(weighed=weighed)


class _Author:
    def __init__(self, group: Group, *, counters: bool, sharp: bool) -> None:
        self._target = group.target
        self._counters = counters
        # If bad events are counted themselves, the moment is known to the minute.
        self._sharp = sharp
        # A counter shows its first events a scrape late, a gauge at once.
        self._early = 0.9 if counters else 0.6
        self._group = group
        self._budget = float(group.target.budget)

    def tier(self, tier: AlertTier) -> Iterator[ProofCase]:
        threshold = float(tier.burn_rate) * self._budget
        yield self._fires(tier, threshold)
        yield self._below(tier, threshold)
        if threshold * _ABOVE <= 1:
            yield self._above(tier, threshold)
        if threshold < 0.45:
            yield self._resets(tier)

    def _fires(self, tier: AlertTier, threshold: float) -> ProofCase:
        """A long window without a failure, then an error ratio that takes a sixth of the window to detect."""
        soonest, latest, ratio = self._moment(tier, threshold)
        warm = ceil(tier.long / 60) + 10
        checks = [
            self._silent(tier, warm + soonest),
            Check(_alerts(self._target, tier), warm + latest, [(self._labels(tier), 1)]),
        ]
        pattern = Pattern([(warm, MANY, 0), (latest + 10, MANY, MANY * ratio)])
        return ProofCase(f"{tier.name} fires within {latest} minutes of an error ratio of {ratio:.3g}", pattern, checks)

    def _moment(self, tier: AlertTier, threshold: float) -> tuple[int, int, float]:
        """An error ratio, and between which minutes after its begin the tier must begin to fire."""
        long, hold = tier.long / 60, tier.hold / 60
        wanted = min(max(long / 6, 15.0), 90.0, long / 1.3)
        short = tier.long <= SHORT_LIMIT
        # The sum over the window covers at most this much less than its name says.
        lost = (0 if tier.long == STEP else OVERLAP / 60) if short else HOUR / 60
        sharp = self._sharp and short and not self._target.alerting.confidence
        if sharp:
            # Just before a minute is full: then a fault in either direction shows best.
            wanted = floor(wanted) + 0.95
        ratio = min(1.0, threshold * (long - (lost if sharp else 0)) / wanted)
        first, last = (threshold * length / ratio for length in (long - lost, long))
        if sharp:
            return floor(first + hold), ceil(first + hold) + 2, ratio
        sure = 1.5 if self._target.alerting.confidence else 1.0
        return max(1, floor(first * self._early) - 1), ceil(last * sure + hold) + SLACK, ratio

    def _below(self, tier: AlertTier, threshold: float) -> ProofCase:
        length = 200
        pattern = Pattern([(length, MANY, MANY * threshold * 0.95)])
        check = self._silent(tier, length - 1)
        return ProofCase(f"{tier.name} does not fire at 95 % of its threshold", pattern, [check])

    def _above(self, tier: AlertTier, threshold: float) -> ProofCase:
        """Both windows are above the threshold, however little of the long window has data."""
        length = 200 + ceil(tier.hold / 60)
        pattern = Pattern([(length, MANY, MANY * threshold * _ABOVE)])
        check = Check(_alerts(self._target, tier), length - 1, [(self._labels(tier), 1)])
        return ProofCase(f"{tier.name} fires at {_ABOVE * 100:g} % of its threshold", pattern, [check])

    def _resets(self, tier: AlertTier) -> ProofCase:
        """A total outage as long as the short window."""
        short = ceil(tier.short / 60)
        outage = max(short, ceil(tier.hold / 60)) + 10
        begins, ends = 70, 70 + outage
        pattern = Pattern([(begins, MANY, 0), (outage, MANY, MANY), (short + 30, MANY, 0)])
        firing = [(self._labels(tier), 1.0)]
        checks = [
            Check(_alerts(self._target, tier), ends - 1, firing),
            Check(_alerts(self._target, tier), ends + floor(short * 0.4), firing),
            Check(_alerts(self._target, tier), ends + short + SLACK, []),
        ]
        return ProofCase(f"{tier.name} ends within {short + SLACK} minutes of an outage", pattern, checks)

    def figures(self) -> ProofCase:
        length, ratio = 200, self._budget / 2
        values = {
            "slo:objective:ratio": 1 - self._budget,
            "slo:error_ratio:window": ratio,
            "slo:error_budget_left:ratio": 0.5,
            **dict.fromkeys(self._recorded("slo:burn_rate:"), 0.5),
        }
        checks = [check for name, value in values.items() for check in self._near(name, value, length - 1)]
        for what, rate in (("events", MANY / 60), ("errors", MANY / 60 * ratio), ("coverage", 1.0)):
            if f"slo:{what}:hour" in self._recorded("slo:") and self._counters:
                # The second minute of an hour, and 17 seconds.
                checks += self._near(f"slo:{what}:hour", rate * 137 / HOUR, 181)
        if self._target.period.rolling:
            checks += self._near("slo:coverage:ratio", min(1.0, length * 60 / self._target.window), length - 1)
        if self._target.groups:
            # Only groups with traffic exist, and no other series of the objective.
            own = f"{{slo_id={json.dumps(self._target.slo_id)}}}"
            named = dict.fromkeys(name for prefix in _OF_EACH_GROUP for name in self._recorded(prefix))
            checks += [Check(f"count({name}{own})", length - 1, [("{}", _GROUPS)]) for name in named]
        checks.append(Check("slo:info", length - 1, [(self._info(), 1)]))
        return ProofCase("figures are right at half the budget", Pattern([(length, MANY, MANY * ratio)]), checks)

    def uneven(self) -> ProofCase:
        """Ten times the traffic without a failure, then a tenth of it with many; hours and their edges are passed."""
        busy, quiet, ratio = 250, 140, min(0.5, self._budget * 5)
        ends = busy + quiet - 1
        # Events older than a short window have left it.
        seen = min(busy, max(0.0, self._target.window / 60 - quiet))
        truth = quiet * 0.1 * ratio / (seen + quiet * 0.1)
        left, burn = 1 - truth / self._budget, ratio / self._budget
        checks = self._near("slo:error_ratio:window", truth, ends, 0.05)
        if left > 0.1 and burn > 1.1 and self._target.period.rolling:
            checks += self._near("slo:time_to_exhaustion:seconds", left * self._target.window / burn, ends, 0.05)
        pattern = Pattern([(busy, MANY, 0), (quiet, MANY / 10, MANY / 10 * ratio)])
        return ProofCase("every event counts the same, however uneven the traffic", pattern, checks)

    def onset(self) -> ProofCase:
        """Failures began recently, with more traffic: windows contain each minute of both once."""
        quiet, loud, share = 150, 12, 0.2
        ratio = min(0.5, self._budget * 2.5)
        ends, checks = quiet + loud - 1, list[Check]()
        for name in self._recorded("slo:burn_rate:"):
            window = seconds(name.rpartition(":")[2])
            if STEP < window <= SHORT_LIMIT:
                before = min(quiet, (window - OVERLAP) / 60 - loud)
                checks += self._near(name, ratio * loud / (loud + before * share) / self._budget, ends, 0.07)
        pattern = Pattern([(quiet, MANY * share, 0), (loud, MANY, MANY * ratio)])
        return ProofCase("what began a moment ago counts once", pattern, checks)

    def spends(self) -> ProofCase:
        """The last hour spends a little more than the objective allows, the last minutes much more."""
        before, since, times = 275, 25, 3
        seen = min(before + since, self._target.window / 60)
        left, burn = 1 - since * times / seen, since * times / ((HOUR - OVERLAP) / 60)
        pattern = Pattern([(before, MANY, 0), (since, MANY, MANY * times * self._budget)])
        value = left * self._target.window / burn
        checks = self._near("slo:time_to_exhaustion:seconds", value, before + since - 1, 0.15)
        return ProofCase("the time to exhaustion follows from the last hour", pattern, checks)

    def covered(self) -> ProofCase:
        """A window that is half a gap, and then full: in the middle of an hour, its coverage is at most 1."""
        half = self._target.window // 120
        # An hour that is partly in the window counts as a whole, and means last 5 minutes into a gap.
        edge = 60 if self._target.window > SHORT_LIMIT else 6
        pattern = Pattern([(300, MANY, 0), (half, MANY, 0), (2 * half + 45, MANY, 0)], gap=1)
        checks = [
            *self._near("slo:coverage:ratio", 0.5, 300 + 2 * half - 1, 0.05 + edge / half),
            *self._near("slo:coverage:ratio", 1.0, pattern.length - 1, 0.005),
        ]
        return ProofCase("coverage is the share of the window that has data", pattern, checks)

    def length(self) -> ProofCase:
        """Events before the window do not count, however many they were, also in the middle of an hour."""
        heavy, window, ratio = 220, self._target.window // 60, min(0.5, self._budget / 2)
        pattern = Pattern([(heavy, MANY * 10, 0), (window + 6, MANY, MANY * ratio)])
        checks = self._near("slo:error_ratio:window", ratio, pattern.length - 1, 0.05)
        return ProofCase("the window is as long as its name", pattern, checks)

    def forgets(self) -> ProofCase:
        """An hour of failures leaves the window as it entered: half of it remains while the window's edge is in its
        middle."""
        window, ratio = self._target.window // 60, min(0.5, self._budget * 2)
        pattern = Pattern([(90, MANY, 0), (60, MANY, MANY * ratio), (window + 60, MANY, 0)])
        half = 30 * ratio / window
        checks = [
            *self._near("slo:error_ratio:window", half, 120 + window, 0.12),
            Check(f"abs({self._series('slo:error_ratio:window')}) < bool 1e-9", 165 + window, [(self._own(), 1)]),
        ]
        return ProofCase("a failure leaves the window in time", pattern, checks)

    def idle(self) -> ProofCase:
        pattern = Pattern([(90, MANY, 0), (120, 0, 0)])
        checks = [
            Check(f"{self._series('slo:burn_rate:5m')} or {self._series('slo:burn_rate:1h')}", 205, []),
            Check(f"{self._series('slo:events:rate5m')} == bool 0", 205, [(self._own(), 1)]),
            self._quiet(209),
        ]
        return ProofCase("without traffic there is no burn rate and no alert", pattern, checks)

    def restart(self) -> ProofCase:
        pattern = Pattern([(90, MANY, 0), (90, MANY, 0)], restart=1)
        checks = [self._quiet(179), *self._near("slo:events:rate5m", MANY / 60, 179)]
        return ProofCase("a restart that sets the counters back is no event", pattern, checks)

    def amiss(self, found: TrafficSource) -> Iterator[ProofCase]:
        """Wrong or missing series, if the indicator can have them."""
        latency = self._target.indicator.latency
        if {"bad", "all"} <= found.labels.keys() and not found.replaced:
            yield self.too_many()
        if "bad" in found.labels:
            yield self.no_bad_series()
        if latency is not None and latency.buckets != "Native" and "good" in found.labels:
            yield self.no_bucket()

    def too_many(self) -> ProofCase:
        pattern = Pattern([(60, MANY, MANY * 1.2)])
        checks = self._near("slo:error_ratio:window", 1.0, 59) + self._near("slo:indicator_excess:ratio", 1.2, 59)
        return ProofCase("more bad events than events are all of them", pattern, checks)

    def no_bad_series(self) -> ProofCase:
        checks = [
            Check(f"{self._series('slo:errors:rate5m')} == bool 0", 59, [(self._own(), 1)]),
            Check(f"{self._series('slo:error_ratio:window')} == bool 0", 59, [(self._own(), 1)]),
        ]
        return ProofCase("no series of bad events is no bad event", Pattern([(60, MANY, 0)]), checks, without="bad")

    def no_bucket(self) -> ProofCase:
        pattern = Pattern([(60, MANY, 0)])
        check = Check(self._series("slo:events:rate5m"), 59, [])
        return ProofCase("without the bucket of the threshold nothing is known", pattern, [check], without="good")

    def gap(self) -> ProofCase:
        pattern = Pattern([(90, MANY, 0), (45, MANY, 0), (90, MANY, 0)], gap=1)
        checks = [Check(self._series("slo:events:rate5m"), 110, []), self._quiet(224)]
        return ProofCase("a gap in the data is neither good nor bad", pattern, checks)

    def quiet(self, *, weighed: bool) -> Iterator[ProofCase]:
        """Situations that need no alert."""
        for tier in held_back(self._target, self._group.tiers):
            failing = 0.76 * float(tier.burn_rate) * self._budget * (tier.long - OVERLAP) / 60
            if tier.long <= SHORT_LIMIT and failing <= 2:
                yield self.over(tier, failing)
        fewest = fewest_errors(self._target)
        if weighed and fewest > 1:
            yield self.one_error()
            if fewest == USUAL_ERRORS and self._target.alerting.confidence is None:
                yield self.two_errors()

    def over(self, tier: AlertTier, failing: float) -> ProofCase:
        """A total outage that is so short that the long window passes the threshold only later, while it counts some
        minutes twice."""
        length, warm = ceil(failing), ceil(tier.long / 60) + 10
        pattern = Pattern([(warm, MANY, 0), (length, MANY, MANY * failing / length), (20, MANY, 0)])
        name = f"{tier.name} does not begin about failures that are over"
        return ProofCase(name, pattern, [self._silent(tier, pattern.length - 1)])

    def one_error(self) -> ProofCase:
        pattern = Pattern([(200, 0, 0), (1, 1, 1), (90, 0, 0)])
        return ProofCase("one failed event after idle hours raises nothing", pattern, [self._quiet(290)])

    def two_errors(self) -> ProofCase:
        pattern = Pattern([(200, 0, 0), (2, 1, 1), (20, 0, 0)])
        checks = [
            Check(_alerts(self._target, tier), 202 if tier.long <= SHORT_LIMIT else 204, [(self._labels(tier), 1)])
            for tier in self._group.tiers
        ]
        return ProofCase("a second failed event after idle hours raises alerts", pattern, checks)

    def _near(self, record: str, value: float, at: int, close: float = _CLOSE) -> list[Check]:
        """Expects a recording within a share of a value."""
        own = record != "slo:objective:ratio"
        series = self._series(record) if own else f"{record}{{slo_id={json.dumps(self._target.slo_id)}}}"
        expression = f"abs({series} - {value!r}) <= bool {max(abs(value) * close, 1e-9)!r}"
        labels = self._own() if own else f"{{slo_id={json.dumps(self._target.slo_id)}}}"
        return [Check(expression, at, [(labels, 1)])]

    def _recorded(self, prefix: str) -> list[str]:
        return [name for rule in self._group.rules if (name := rule.get("record", "")).startswith(prefix)]

    def _info(self) -> str:
        labels = next(rule["labels"] for rule in self._group.rules if rule.get("record") == "slo:info")
        return f"slo:info{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels.items())}}}"

    def _silent(self, tier: AlertTier, until: int) -> Check:
        return Check(f"count_over_time({_alerts(self._target, tier)}[{max(1, until)}m])", max(1, until), [])

    def _quiet(self, until: int) -> Check:
        alerts = f'ALERTS{{alertstate="firing",slo_id={json.dumps(self._target.slo_id)}}}'
        return Check(f"count_over_time({alerts}[{until}m])", until, [])

    def _series(self, record: str) -> str:
        return f"{record}{{slo_id={json.dumps(self._target.slo_id)}{self._first()}}}"

    def _first(self) -> str:
        return "".join(f",{name}={json.dumps(value)}" for name, value in first_group(self._target).items())

    def _own(self) -> str:
        """The labels of a recording."""
        return f"{{slo_id={json.dumps(self._target.slo_id)}{self._first()}}}"

    def _labels(self, tier: AlertTier) -> str:
        """The whole label set of the firing alert: routes may depend on any of its labels."""
        rule = next(
            rule
            for rule in self._group.rules
            if rule.get("labels", {}).get("burn_tier") == tier.name and "alert" in rule
        )
        group = first_group(self._target)
        labels = {**rule["labels"], **group, "alertname": rule["alert"], "alertstate": "firing"}
        if group:
            labels["slo_group"] = "/".join(group.values())
        return f"ALERTS{{{','.join(f'{name}={json.dumps(value)}' for name, value in sorted(labels.items()))}}}"


def first_group(target: Target) -> Mapping[str, str]:
    """The labels of the group that has the traffic of a case."""
    return {name: f"first-{name}" for name in target.groups}


def _alerts(target: Target, tier: AlertTier) -> str:
    labels = {"alertstate": "firing", "burn_tier": tier.name, "slo_id": target.slo_id}
    return f"ALERTS{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels.items())}}}"
