"""Dashboards as the operator makes them, and as Grafana reads them.

Grafana itself cannot be run here. What stands in for it: its own SDK, whose models read the JSON again; the rules of
its grid and of its variables, written down here; and a real Prometheus that answers every query.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.builders.servicelevelobjective import manifest as slo_manifest

from ninefold.observability.dashboard.objective import ShownObjective, read
from ninefold.observability.dashboard.plan import Observed, render
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


def slo(name: str, namespace: str = "shop", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """An objective of the service checkout, unless its spec says otherwise."""
    made = slo_manifest(**spec)
    made["metadata"] = {"name": name, "namespace": namespace, "labels": labels or {}}
    return made


def objectives(*manifests: dict[str, Any]) -> tuple[ShownObjective, ...]:
    found = tuple(read(manifests, tiers))
    assert len(found) == len(manifests), "one of them is wrong"
    return found


def names(count: int) -> list[str]:
    """Names of objectives, in their order."""
    return [f"objective-{number:03}" for number in range(count)]


def board(wanted: Dashboard, *shown: ShownObjective, links: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON that a dashboard of these objectives holds."""
    return json_of(render(wanted, observed(*shown, links=links)))


def observed(*shown: ShownObjective, links: Mapping[str, str] | None = None) -> Observed:
    return Observed(tuple(objective.name for objective in shown), shown, links or {})


def json_of(made: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard in an object that delivers it."""
    text = made["spec"]["json"] if made["kind"] == "GrafanaDashboard" else next(iter(made["data"].values()))
    found: dict[str, Any] = json.loads(text)
    return found


def panels(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those of closed rows too, but no row."""
    for panel in found["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def rows(found: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The title of each row and its panels; those above the first row stand under ""."""
    under: list[tuple[str, list[dict[str, Any]]]] = [("", [])]
    for panel in found["panels"]:
        if panel["type"] == "row":
            under.append((panel["title"], list(panel["panels"])))
        else:
            under[-1][1].append(panel)
    return under


@dataclass(frozen=True)
class Asked:
    """A query of a dashboard, with the values of its variables, and where it stands."""

    row: str
    panel: str
    query: str
    expr: str
    ranged: bool


def queries(found: Mapping[str, Any], **chosen: str) -> Iterator[Asked]:
    """All that Grafana would ask Prometheus for, of panels and of annotations; `chosen` are picked by a person."""
    variables = values(found) | chosen
    for row, inside in rows(found):
        for panel in inside:
            for target in panel["targets"]:
                expr = interpolated(target["expr"], variables)
                yield Asked(row, panel["title"], target["legendFormat"], expr, bool(target["range"]))
    for annotation in found["annotations"]["list"]:
        expr = interpolated(annotation["expr"], variables)
        yield Asked("annotations", annotation["name"], "", expr, True)


def values(found: Mapping[str, Any]) -> dict[str, str]:
    """What the variables are when the dashboard is opened."""
    chosen = {"datasource": "prometheus-uid"}
    for variable in found["templating"]["list"]:
        if variable["type"] == "constant":
            chosen[variable["name"]] = variable["query"]
        elif variable["type"] == "custom":
            chosen[variable["name"]] = variable["current"]["value"]
    return chosen


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """As Grafana does it; a number is no variable but the group of a regular expression."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0] if name.isdigit() else variables[name]

    return _VARIABLE.sub(value, text)


def choices(found: Mapping[str, Any], name: str) -> dict[str, str]:
    """What a list to choose from offers: values by texts."""
    (variable,) = [variable for variable in found["templating"]["list"] if variable["name"] == name]
    pairs = (part.rpartition(" : ") for part in variable["query"].split(", "))
    return {text: value for text, _, value in pairs}


def compiled(manifests: Iterable[dict[str, Any]]) -> list[ServiceLevelObjective]:
    return [ServiceLevelObjective.parse(one) for one in manifests]
