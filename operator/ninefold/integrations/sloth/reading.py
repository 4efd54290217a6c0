"""Converts Sloth's documents: each SLO becomes one ServiceLevelObjective. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ninefold.integrations.sloth import plugins
from ninefold.integrations.sloth.alerting import alerting_of
from ninefold.integrations.sloth.documents import CAMEL, PLAIN, SNAKE, check_kind
from ninefold.integrations.sloth.indicator import indicator
from ninefold.integrations.sloth.period import PERIOD, SlothPeriod, period_of
from ninefold.integrations.sloth.service import SlothService, recorded
from ninefold.integrations.translation import ours
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget, Made, NotCarried, Translation
from ninefold.kube.api import GROUP

SERVICE, SLO = f"{GROUP}/sloth-service", f"{GROUP}/sloth-slo"
"""Annotations with Sloth's names where Ninefold's differ: the aliases of Ninefold's series carry Sloth's names."""


def recognizes(document: Mapping[str, Any]) -> bool:
    return document.get("version") == PLAIN or str(document.get("apiVersion", "")).startswith("sloth.slok.dev/")


def translate(documents: Sequence[Mapping[str, Any]], target: ImportTarget) -> Translation:
    """Each SLO becomes an object. An AlertWindows among the documents states the period and the alert tiers."""
    result = Translation()
    nodes = [Node(document, result.remarks, index) for index, document in enumerate(documents)]
    period = period_of([node for node in nodes if node.text("kind") == "AlertWindows"])
    for node in nodes:
        if node.text("kind") == "AlertWindows":
            continue
        try:
            result.made.extend(_specification(node, period, target))
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return result


def _specification(node: Node, period: SlothPeriod, target: ImportTarget) -> Iterator[Made]:
    plain = "apiVersion" not in node
    if plain:
        if (version := node.text("version")) != PLAIN:
            raise node.refused("version", f"{version} is unknown", "it is not converted", f"write {PLAIN}")
        spec, metadata = node, {"namespace": target.namespace}
    else:
        metadata = _resource(node, target)
        spec = node.child("spec")
    written = spec.text("service")
    names = SNAKE if plain else CAMEL
    labels = recorded(spec, target)
    for part in (spec, *spec.children("slos")):
        plugins.report(part, names.plugins if part is spec else "plugins")
    service = SlothService(ours.service(spec, "service", written), written, names, period, target, metadata, labels)
    if not period.known and spec.children("slos"):
        spec.changed(
            None,
            f"Sloth's period is a command-line option and not in the file: {PERIOD} is used",
            "budgets are for that window",
            "write another window.rolling if Sloth was started with --default-slo-period",
        )
    for slo in spec.children("slos"):
        try:
            yield Made(_objective(slo, service), node.document, slo.path)
        except NotCarried as refusal:
            slo.give_up(refusal)


def _resource(node: Node, target: ImportTarget) -> dict[str, Any]:
    check_kind(node, "PrometheusServiceLevel")
    metadata = ours.object_metadata(node, target.namespace)
    ours.rule_labels(node.child("metadata"), metadata["labels"], "Sloth")
    node.child("metadata").changed(
        None,
        f"the object {metadata.pop('name')} becomes one object for each SLO",
        "they are named <service>-<slo>",
        "apply them, then delete the old object",
    )
    return metadata


def _objective(slo: Node, service: SlothService) -> dict[str, Any]:
    name = slo.text("name")
    if not name:
        raise slo.refused("name", "the SLO has no name", "it is not converted", "write a name")
    objective = slo.number("objective")
    if objective is None:
        what = "this is not an objective in percent" if "objective" in slo else "there is no objective"
        raise slo.refused("objective", what, "it is not converted", "write one such as 99.9")
    made = ours.named(slo, "name", f"{service.written}-{name}")
    annotations = {SERVICE: service.written} if service.written != service.name else {}
    annotations |= {SLO: name} if made != f"{service.written}-{name}" else {}
    spec: dict[str, Any] = {
        "service": service.name,
        "description": ours.plain(slo, "description"),
        "objective": ours.percent(slo, "objective", objective),
        "window": {"rolling": service.period.window},
        **indicator(slo.child("sli"), service),
    }
    spec["alerting"] = alerting_of(slo, service, spec)
    metadata = {
        "name": made,
        **service.metadata,
        "annotations": {**service.metadata.get("annotations", {}), **annotations},
    }
    return ours.manifest(metadata, spec)
