"""Converts OpenSLO v1 to ServiceLevelObjectives. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

from ninefold.integrations.openslo import kept
from ninefold.integrations.openslo.alerts import alerting, seconds
from ninefold.integrations.openslo.catalog import Catalog
from ninefold.integrations.openslo.indicator import Asking, indicator
from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget, Made, NotCarried, Translation
from ninefold.kube.fields import duration
from ninefold.kube.fields import seconds as in_seconds

METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")
WINDOW = "30d"
"""The window of an SLO that names none."""

_PERIODS = {"7d": "Week", "1w": "Week", "1M": "Month", "1Q": "Quarter", "3M": "Quarter"}
_ALMOST_ALL = Decimal("99.9999999")


def recognizes(document: Mapping[str, Any]) -> bool:
    return str(document.get("apiVersion", "")).startswith("openslo")


def translate(documents: Sequence[Mapping[str, Any]], target: ImportTarget) -> Translation:
    """Each objective of an SLO becomes an object; a composite becomes one more object than it has objectives."""
    result = Translation()
    catalog = Catalog(documents, result.remarks)
    for node in catalog.slos:
        try:
            result.made.extend(_slo(node, catalog, target))
        except NotCarried as refusal:
            catalog.give_up(node, refusal)
        kept.settle(node, result)
    catalog.close()
    # Parts that several objectives share are read, and remarked on, for each of them.
    result.remarks[:] = dict.fromkeys(result.remarks)
    return result


def _slo(node: Node, catalog: Catalog, target: ImportTarget) -> Iterator[Made]:
    spec = node.child("spec")
    objectives = spec.children("objectives")
    if not objectives:
        raise spec.refused("objectives", "there is no objective", "the SLO is not converted", "write one")
    parts = [part for part in objectives if "indicator" in part or "indicatorRef" in part]
    if len(parts) > 1:
        yield from _composite(node, catalog, target)
        return
    metadata, any_made = _metadata(node, target), False
    for suffix, objective in zip(_suffixes(objectives), objectives, strict=True):
        try:
            if "compositeWeight" in objective:
                words = ("the SLO is not a composite", "a weight has no effect", "leave it out, or add indicators")
                objective.changed("compositeWeight", *words)
            made = _objective(spec, objective, catalog, target)
            made["alerting"] = alerting(spec, made, catalog, target)
        except NotCarried as refusal:
            catalog.give_up(objective, refusal)
            continue
        named = {**metadata, "name": metadata["name"] + suffix}
        catalog.served()
        any_made = True
        yield Made(ours.manifest(_titled(named, objective), made), node.document, objective.path)
    if not any_made:
        node.skip()


def _suffixes(objectives: Sequence[Node]) -> list[str]:
    """The suffixes that distinguish the names of several objectives; "" for a single one."""
    if len(objectives) == 1:
        return [""]
    titles = [part.text("displayName") if "displayName" in part else "" for part in objectives]
    names = [ours.object_name(title) if title else "" for title in titles]
    return [
        f"-{name}" if name and names.count(name) == 1 else f"-{name}-{index}".replace("--", "-")
        for index, name in enumerate(names, 1)
    ]


def _metadata(node: Node, target: ImportTarget) -> dict[str, Any]:
    source = node.child("metadata")
    annotations = ours.kubernetes_annotations(source)
    if "displayName" in source:
        annotations[kept.DISPLAY] = source.text("displayName")
    name = source.text("name")
    if not name:
        raise source.refused("name", "the SLO has no name", "it is not converted", "write a name")
    return {
        "name": ours.named(source, "name", name),
        "namespace": target.namespace,
        "labels": _labels(source),
        "annotations": annotations,
    }


def _labels(source: Node) -> dict[str, str]:
    """Joins the values of labels: an OpenSLO label may have several values, a Kubernetes label has one."""
    written = source.child("labels")
    flat: dict[str, str] = {}
    for key in written.names():
        values = written.raw(key)
        if not isinstance(values, list):
            flat[key] = written.text(key)
            continue
        flat[key] = "_".join(map(str, values))
        if len(values) > 1:
            written.changed(
                key,
                f"the label {key} has several values",
                f"they are written as one: {flat[key]}",
                "write one label per value if selectors use them",
            )
    return ours.kubernetes_labels(written, flat)


def _titled(metadata: Mapping[str, Any], objective: Node) -> dict[str, Any]:
    title = objective.text("displayName")
    annotations = {**metadata["annotations"], **({kept.OBJECTIVE: title} if title else {})}
    return {**metadata, "annotations": annotations}


def _objective(spec: Node, objective: Node, catalog: Catalog, target: ImportTarget) -> dict[str, Any]:
    """The spec of a ServiceLevelObjective, without alerting."""
    method = spec.text("budgetingMethod") or METHODS[0]
    if method not in METHODS:
        raise spec.refused(
            "budgetingMethod",
            f"the budgeting method {method} is unknown",
            "the SLO is not converted",
            f"write one of {', '.join(METHODS)}",
        )
    slices = _slices(objective, method)
    asking = Asking(method, in_seconds(slices["length"]) if slices else queries.BASE, target)
    owner = objective if "indicator" in objective or "indicatorRef" in objective else spec
    return {
        "service": _service(spec, catalog),
        "description": ours.plain(spec, "description"),
        "objective": _share(objective),
        "window": _window(spec),
        "timeSlices": slices,
        **indicator(owner, objective, asking, catalog),
    }


def _service(spec: Node, catalog: Catalog) -> str:
    name = spec.text("service")
    catalog.find("Service", name)
    return ours.service(spec, "service", name)


def _share(objective: Node) -> str:
    """The objective in percent."""
    target, percentage = objective.number("target"), objective.number("targetPercent")
    if target is None and percentage is None:
        raise objective.refused(
            "target", "there is no target", "the objective is not converted", "write target or targetPercent"
        )
    if target is not None and percentage is not None and target * 100 != percentage:
        objective.lost("targetPercent", "target has another value", "target is used", "keep one of the two")
    if target is not None and 1 < target < 100:
        raise objective.refused(
            "target",
            f"a target is a share of 1, and {ours.decimal(target)} is more",
            "the objective is not converted",
            f"write target: {ours.decimal(target / 100)}, or targetPercent: {ours.decimal(target)}",
        )
    if target is not None:
        return ours.percent(objective, "target", target * 100)
    return ours.percent(objective, "targetPercent", percentage or Decimal(0))


def _slices(objective: Node, method: str) -> dict[str, str] | None:
    share, length = objective.number("timeSliceTarget"), objective.text("timeSliceWindow")
    if method == "Timeslices":
        if share is None or not length:
            raise objective.refused(
                None,
                "Timeslices need timeSliceTarget and timeSliceWindow",
                "the objective is not converted",
                "write both",
            )
        return {"target": _slice_target(objective, share * 100), "length": _slice_length(objective, length)}
    if share is not None:
        objective.changed("timeSliceTarget", f"{method} has no target for slices", "it has no effect", "leave it out")
    if length and method == "RatioTimeslices":
        if length not in ("5m", "5"):
            objective.changed(
                "timeSliceWindow",
                f"slices are 5m long instead of {length}",
                "the mean of the slices' ratios hardly differs",
                "no action is needed",
            )
    elif length:
        objective.changed("timeSliceWindow", f"{method} has no slices", "it has no effect", "leave it out")
    return None


def _slice_target(objective: Node, share: Decimal) -> str:
    if share >= 100:
        objective.changed(
            "timeSliceTarget",
            f"a slice is good if {_ALMOST_ALL} % of its events are good, instead of all",
            "that is the same below a billion events per slice",
            "no action is needed",
        )
        share = _ALMOST_ALL
    return ours.percent(objective, "timeSliceTarget", share)


def _slice_length(objective: Node, written: str) -> str:
    length = seconds(f"{written}m" if written.isdigit() else written)
    if length is None:
        raise objective.refused(
            "timeSliceWindow", f"{written} is not a length", "the objective is not converted", "write one such as 5m"
        )
    if length > 3_600:
        objective.lost(
            "timeSliceWindow",
            f"slices are 1h long instead of {written}",
            "a slice holds fewer events, so a short outage costs less budget",
            "write a timeSliceWindow of at most 1h",
        )
    return duration(min(length, 3_600))


def _window(spec: Node) -> dict[str, Any]:
    windows = spec.children("timeWindow")
    for more in windows[1:]:
        more.lost(None, "an SLO has one time window", "the first one is used", "write an SLO for each window")
    if not windows:
        spec.changed(
            "timeWindow",
            "there is no time window",
            f"the window is {WINDOW}",
            "write window.rolling if you need another",
        )
        return {"rolling": WINDOW}
    window = windows[0]
    written, rolling = window.text("duration"), window.flag("isRolling", "calendar" not in window)
    length = seconds(written)
    if not length:
        raise window.refused(
            "duration", f"{written!r} is not a duration", "it is not converted", "write one such as 4w"
        )
    if "calendar" not in window:
        if not rolling:
            window.lost(
                "isRolling",
                "a calendar is missing",
                "the window is a rolling one",
                "write calendar, or isRolling: true",
            )
        return {"rolling": _rolling(window, written, length)}
    calendar = window.child("calendar")
    start, zone = calendar.text("startTime"), calendar.text("timeZone")
    if rolling:
        calendar.lost(None, "a rolling window has no calendar", "the window is a rolling one", "leave out one of them")
        return {"rolling": _rolling(window, written, length)}
    if written not in _PERIODS:
        window.lost(
            "duration",
            f"a period of {written} is unknown",
            "the window is a rolling one of the same length",
            "write a period of 1w, 1M or 1Q",
        )
        return {"rolling": duration(length)}
    period = _PERIODS[written]
    if not _begins(period, start):
        calendar.lost(
            "startTime",
            f"the {period.lower()} does not begin at {start}",
            "weeks begin on Monday, months and quarters on the first, each at midnight",
            "write such a startTime if you mean that",
        )
    return {"calendar": {"period": period, **({"timeZone": zone} if zone else {})}}


def _rolling(window: Node, written: str, length: int) -> str:
    if written[-1] in "MQY":
        window.changed(
            "duration",
            f"{written} becomes {duration(length)}",
            "a rolling window has a fixed length",
            "write a calendar if you mean the calendar month",
        )
        return duration(length)
    return written


def _begins(period: str, start: str) -> bool:
    """Whether a period of Ninefold begins at this time; at "2024-01-01 00:00:00" one of each kind begins."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]00:00(:00)?", start)
    if match is None:
        return False
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if period == "Week":
        return _weekday(year, month, day) == 0
    return day == 1 and (period == "Month" or month % 3 == 1)


def _weekday(year: int, month: int, day: int) -> int | None:
    """0 on Monday; None for a day that does not exist."""
    try:
        return date(year, month, day).weekday()
    except ValueError:
        return None


def _composite(node: Node, catalog: Catalog, target: ImportTarget) -> list[Made]:
    """The components and the composite. Raises NotCarried if a component fails: the rest would be another promise."""
    spec = node.child("spec")
    objectives = spec.children("objectives")
    metadata = _metadata(node, target)
    components: list[Made] = []
    parts: list[_Part] = []
    for suffix, objective in zip(_suffixes(objectives), objectives, strict=True):
        weight, name = objective.number("compositeWeight"), metadata["name"] + suffix
        made = _objective(spec, objective, catalog, target) | {"alerting": {"disabled": True}}
        titled = _titled({**metadata, "name": name}, objective)
        components.append(Made(ours.manifest(titled, made), node.document, objective.path))
        parts.append(_Part(name, Decimal(1) if weight is None else weight, 1 - Decimal(made["objective"]) / 100))
    whole = {
        "service": _service(spec, catalog),
        "description": ours.plain(spec, "description"),
        **_whole(spec, spec.text("budgetingMethod"), parts),
        "window": _window(spec),
    }
    whole["alerting"] = alerting(spec, whole, catalog, target)
    catalog.served()
    return [*components, Made(ours.manifest(metadata, whole), node.document, node.path)]


class _Part(NamedTuple):
    """A component of a composite."""

    name: str
    weight: Decimal
    budget: Decimal
    """1 - objective."""


def _whole(spec: Node, method: str, parts: Sequence[_Part]) -> dict[str, Any]:
    """The fields `objective` and `indicator` of a composite; OpenSLO has no target for the composite itself."""
    budgets, weights = [part.budget for part in parts], [part.weight for part in parts]
    if min(weights) <= 0:
        raise spec.refused("objectives", "a weight is not above 0", "it is not converted", "write another weight")
    mode = "Weighted"
    if method == "Timeslices":
        mode, objective = "Serial", 1 - min(budgets)
        spec.lost(
            "budgetingMethod",
            "a slice is not bad as a whole for all components together",
            "slices that are bad in several components at once count almost as often, and weights have no effect; the "
            "strictest target is used for the composite",
            "write the intended spec.objective of the composite",
        )
        weights = [Decimal(1)] * len(parts)
    elif method == "RatioTimeslices":
        objective = 1 - min(budgets) / sum(weights, Decimal(0))
        spec.changed(
            "budgetingMethod",
            "the components' misses become a mean, with an objective for the mean",
            "the strictest target is used for the composite, which has none in OpenSLO",
            "write the intended spec.objective of the composite",
        )
    else:
        weights = [weight / budget for weight, budget in zip(weights, budgets, strict=True)]
        objective = 1 - 1 / sum(weights, Decimal(0))
        spec.changed(
            "budgetingMethod",
            "the components' burn rates become a weighted mean, with an objective for it",
            "the composite burns as in OpenSLO: each component at its own rate times its weight",
            "write your own weights and objective if you think in error ratios",
        )
    return {
        "objective": ours.percent(spec, "objectives", _digits(objective * 100, 7)),
        "indicator": {
            "composite": {
                "mode": mode,
                "components": [
                    {"objective": name, **({"weight": ours.decimal(_digits(weight, 9))} if weight != 1 else {})}
                    for (name, *_), weight in zip(parts, weights, strict=True)
                ],
            }
        },
    }


def _digits(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, Context(prec=60))
