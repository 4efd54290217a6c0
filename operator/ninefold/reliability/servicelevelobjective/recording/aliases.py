"""Records Ninefold's series under the names and labels of Sloth 0.16, so that dashboards for Sloth keep working. Pure.

They read Ninefold's recordings, so they cost almost nothing and have the same values: every event counts the same,
while Sloth averages ratios. They have only Sloth's labels: joins on these must find a single series, also while Sloth's
own rules for the objective still run. As with Sloth, the same service and name in two namespaces share a series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ninefold.kube.api import GROUP, VERSION
from ninefold.reliability.servicelevelobjective.recording.indicator import Rule
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.target import Target

SERVICE, SLO = f"{GROUP}/sloth-service", f"{GROUP}/sloth-slo"
"""Annotations that `ninefold import` writes where a name in Sloth is not a valid Kubernetes name."""

_BURN = "slo:burn_rate:"
_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_UNITS = (("y", 31_536_000, True), ("w", 604_800, True), ("d", 86_400, False), ("h", 3_600, False), ("m", 60, False))
"""The units of durations as Prometheus prints them, and whether a unit is used only if it leaves no remainder."""


def sloth(target: Target, annotations: Mapping[str, str], rules: Iterable[Rule]) -> Iterator[Rule]:
    """The aliases for an objective with these annotations; `rules` are the recordings of its group, after which these
    belong.

    Windows that the group does not record are left out.
    """
    series, budget = RecordedSeries(target.slo_id), target.budget_text
    recorded = {str(rule.get("record", "")).removeprefix(_BURN) for rule in rules}
    period, labels = prometheus_duration(target.window), _labels(target, annotations)

    def alias(name: str, expression: str, **more: str) -> Rule:
        return {"record": name, "expr": expression, "labels": {**labels, **more}}

    def read(name: str) -> str:
        """A recording of Ninefold without slo_id: a group keeps its own labels."""
        return f"sum without (slo_id) ({series(name)})"

    for window in _WINDOWS:
        if window in recorded and window != period:
            expression = f"{read(_BURN + window)} * {budget}"
            yield alias(f"slo:sli_error:ratio_rate{window}", expression, sloth_window=window)
    yield alias(f"slo:sli_error:ratio_rate{period}", read("slo:error_ratio:window"), sloth_window=period)
    yield alias("slo:objective:ratio", f"vector({target.objective_text})")
    yield alias("slo:error_budget:ratio", f"vector({budget})")
    yield alias("slo:time_period:days", f"vector({target.window / 86_400:g})")
    yield alias("slo:current_burn_rate:ratio", read(f"{_BURN}5m"))
    yield alias("slo:period_burn_rate:ratio", f"{read('slo:error_ratio:window')} / {budget}")
    yield alias("slo:period_error_budget_remaining:ratio", read("slo:error_budget_left:ratio"))
    yield alias(
        "sloth_slo_info",
        "vector(1)",
        sloth_mode="ninefold",
        sloth_objective=target.percent,
        sloth_spec=f"{GROUP}/{VERSION}",
        sloth_version="v0.16.0",
    )


def _labels(target: Target, annotations: Mapping[str, str]) -> dict[str, str]:
    """The name of an SLO within its service, as in Sloth: availability for checkout-availability of the service
    checkout."""
    service = annotations.get(SERVICE, target.service)
    name = annotations.get(SLO, target.key.name.removeprefix(f"{service}-"))
    return {"sloth_id": f"{service}-{name}", "sloth_service": service, "sloth_slo": name}


def prometheus_duration(seconds: int) -> str:
    """A length as Prometheus and Sloth print it: whole weeks in weeks, other lengths in days and smaller units.

    >>> prometheus_duration(2_592_000), prometheus_duration(2_419_200), prometheus_duration(5_400)
    ('30d', '4w', '1h30m')
    """
    text = ""
    for unit, length, exact in _UNITS:
        if seconds >= length and not (exact and seconds % length):
            text += f"{seconds // length}{unit}"
            seconds %= length
    return text or "0s"
