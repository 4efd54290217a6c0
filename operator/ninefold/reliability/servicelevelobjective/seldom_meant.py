"""Valid values that are seldom intended: the API server warns the user who writes them, and so does `ninefold lint`.
Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ninefold.kube import admission
from ninefold.kube.api import GROUP, VERSION, Manifest
from ninefold.reliability.servicelevelobjective.recording.histograms import all_buckets
from ninefold.reliability.servicelevelobjective.resource import Ratio, ServiceLevelObjective

POLICY = "ninefold-objectives"
INTENDED = f"{GROUP}/low-objective"
"""The annotation of an objective below 50 % that is intended."""

_LOW = f"lets most events fail: write percent, such as 99.9, or set the annotation {INTENDED} if it is intended"
_BELOW = "fires while the objective is met: a constant burn below 1 never spends the budget; write 1"
_SAME = "good and total are the same, so no event is ever bad: exclude failed events from good"


def doubts(slo: ServiceLevelObjective) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Fields with seldom intended values, each with a sentence."""
    if Decimal(slo.spec.objective) < 50 and INTENDED not in slo.metadata.annotations:
        yield ("spec", "objective"), f"an objective of {slo.spec.objective} % {_LOW}"
    for index, tier in enumerate(slo.spec.alerting.tiers or ()):
        if Decimal(tier.burn_rate) < 1:
            yield ("spec", "alerting", "tiers", index, "burnRate"), f"a burn rate of {tier.burn_rate} {_BELOW}"
    yield from _of_ratio(slo.spec.indicator.ratio)


def _of_ratio(ratio: Ratio | None) -> Iterator[tuple[tuple[str | int, ...], str]]:
    path = ("spec", "indicator", "ratio")
    if ratio is None:
        return
    if ratio.good is not None and ratio.good.strip() == ratio.total.strip():
        yield (*path, "good"), _SAME
    for side in ("bad", "good", "total"):
        for name in all_buckets(getattr(ratio, side) or ""):
            yield (
                (*path, side),
                f"{name} is counted in each of several buckets, and they hold the same events: choose one by "
                f'le="..." with its bound, or write {name.removesuffix("_bucket")}_count for all events',
            )


def warning_manifests() -> list[Manifest]:
    """The ValidatingAdmissionPolicy that warns, and its binding, installed once in a cluster."""
    low = "double(object.spec.objective) >= 50.0"
    intended = f"'{INTENDED}' in object.metadata.?annotations.orValue({{}})"
    tiers = "object.spec.?alerting.?tiers.orValue([])"
    rules = [
        {
            "expression": f"{low} || {intended}",
            "messageExpression": f"'spec.objective: an objective of ' + object.spec.objective + ' % {_LOW}'",
            "message": f"spec.objective: an objective below 50 % {_LOW}",
        },
        {
            "expression": f"{tiers}.all(tier, double(tier.burnRate) >= 1.0)",
            "message": f"spec.alerting.tiers: a burn rate below 1 {_BELOW}",
        },
        {
            "expression": "object.spec.indicator.?ratio.?good.orValue('') == '' || "
            "object.spec.indicator.ratio.good.trim() != object.spec.indicator.ratio.total.trim()",
            "message": f"spec.indicator.ratio.good: {_SAME}",
        },
    ]
    written = admission.resources(GROUP, VERSION, ("CREATE", "UPDATE"), [ServiceLevelObjective.api.plural])
    return [
        admission.policy(POLICY, fails=False, matchConstraints={"resourceRules": [written]}, validations=rules),
        admission.binding(POLICY, "Warn"),
    ]
