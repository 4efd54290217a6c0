"""`ninefold render --cost`: the cost of objectives' rules in Prometheus, as a table or as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ninefold.kube.api import Key
from ninefold.reliability.servicelevelobjective.compiler import Compile, Group
from ninefold.reliability.servicelevelobjective.cost.estimate import Estimate, estimate
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_HEAD = ("OBJECTIVE", "RULES", "SERIES", "SAMPLES")
_NOTE = (
    "SAMPLES: the samples of recordings that one evaluation reads once history fills the windows. Samples that the\n"
    "expressions of the indicators read are additional; only Prometheus knows them: see status.cost in the cluster."
)

Estimates = Sequence[tuple[ServiceLevelObjective, Estimate]]


def estimates(slos: Sequence[ServiceLevelObjective], compilers: Mapping[Key, Compile]) -> Estimates:
    """The estimate of each objective. Raises Stalled for an objective that cannot be compiled."""
    return [(slo, estimate(Group(slo, base=compilers.get(slo.key, indicator.base)))) for slo in slos]


def as_text(found: Estimates) -> str:
    rows: list[Sequence[str]] = [_HEAD]
    notes = []
    for slo, estimated in found:
        cost = estimated.cost()
        rows.append((slo.slo_id, str(cost.rules), str(cost.series), str(cost.samples)))
        if slo.spec.group_by:
            more = f"{estimated.series.each:g} series and {estimated.samples.each:g} samples"
            notes.append(f"{slo.slo_id}: for one group; each further {' and '.join(slo.spec.group_by)} adds {more}.")
    rows.append(("total", *map(str, _total(found).values())))
    return "\n".join([*_aligned(rows), *notes, _NOTE])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        "   ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))])
        for name, *cells in rows
    ]


def as_json(found: Estimates) -> str:
    objectives = []
    for slo, estimated in found:
        further = {"series": estimated.series.each, "samples": estimated.samples.each} if slo.spec.group_by else None
        grouped = {"eachFurtherGroup": further} if further else {}
        objectives.append({"slo_id": slo.slo_id, **estimated.cost().model_dump(), **grouped})
    return json.dumps({"objectives": objectives, "total": _total(found)}, indent=2, ensure_ascii=False)


def _total(found: Estimates) -> dict[str, int]:
    costs = [estimated.cost() for _, estimated in found]
    return {name: sum(getattr(cost, name) for cost in costs) for name in ("rules", "series", "samples")}
