"""The objects with the rules, which `ninefold render` prints: a PrometheusRule, or a ConfigMap with a rule file.
Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ninefold.kube import yamltext
from ninefold.kube.api import ALERTMANAGER_CONFIG, CONFIG_MAP, GROUP, PROMETHEUS_RULE, Api, Manifest
from ninefold.kube.controller import Content
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.alerting import inhibition
from ninefold.reliability.servicelevelobjective.compiler import Compile, Group
from ninefold.reliability.servicelevelobjective.output import groups, size
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE, Corrections
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

RULES_LABEL = f"{GROUP}/rules"
"""Marks the ConfigMaps that a sidecar of Prometheus collects; its value is "true"."""

CONTENTS: Mapping[Api, Content] = {
    PROMETHEUS_RULE: Content.of_spec("groups"),
    # A route or a receiver could name Secrets of the namespace, and send them elsewhere.
    ALERTMANAGER_CONFIG: Content.of_spec("inhibitRules"),
    CONFIG_MAP: Content(
        "object.metadata.name.startsWith('slo-') && !has(object.binaryData) && object.?data.orValue({})"
        ".all(f, f.startsWith(object.metadata.namespace + '.') && f.endsWith('.rules.yaml'))",
        "a rule file named after namespace and objective, under a name slo-...",
    ),
}
"""The allowed content of the objects made for objectives."""

_LONGEST_NAME = 253 - len("slo--inhibition")


@dataclass(frozen=True, slots=True)
class Output:
    """The kind of object, and labels by which Prometheus selects it."""

    kind: Literal["PrometheusRule", "ConfigMap"] = "PrometheusRule"
    labels: Mapping[str, str] = field(default_factory=dict)
    inhibition: bool = False
    """Whether to write an AlertmanagerConfig for an objective that depends on others."""
    rules_per_group: int | None = None
    """The most rules that a group may have; None for a single group per objective."""
    aliases: bool = False
    """Whether to also record series under the names of Sloth."""

    @property
    def advice(self) -> str:
        """What to check if Prometheus does not load the rules."""
        if self.kind == "PrometheusRule":
            return (
                "check that ruleSelector and ruleNamespaceSelector of the Prometheus resource select it, "
                "and set the operator's --rule-labels to the labels they want"
            )
        return f"check that the sidecar of Prometheus collects ConfigMaps labelled {RULES_LABEL}=true here"


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """The options of the operator: a kind of object or `auto`, labels for it, and how long a group may be."""

    rules: Literal["auto", "PrometheusRule", "ConfigMap"] = "auto"
    labels: Mapping[str, str] = field(default_factory=dict)
    rules_per_group: int | None = None
    aliases: bool = False

    def output(self, *, served: bool, inhibition: bool = False) -> Output:
        """The output in a cluster that serves PrometheusRules (`served`) and AlertmanagerConfigs (`inhibition`), or
        not."""
        kind = self.rules if self.rules != "auto" else ("PrometheusRule" if served else "ConfigMap")
        return Output(kind, self.labels, inhibition, self.rules_per_group, self.aliases)


def object_name(slo: ServiceLevelObjective, output: Output) -> str:
    """The object's name in messages and status: "PrometheusRule/slo-checkout-rules"."""
    return f"{output.kind}/slo-{slo.metadata.name}-rules"


def render(
    slo: ServiceLevelObjective, output: Output, corrections: Corrections = NONE, base: Compile = indicator.base
) -> list[Manifest]:
    """The objects made for an objective, without an owner; `base` compiles its indicator. Raises Stalled."""
    return manifests(slo, Group(slo, corrections, base=base, aliases=output.aliases), output)


def manifests(slo: ServiceLevelObjective, group: Group, output: Output) -> list[Manifest]:
    """Like `render`, for a compiled group."""
    if len(slo.metadata.name) > _LONGEST_NAME:
        raise Stalled("NameTooLong", f"metadata.name: choose a name of at most {_LONGEST_NAME} characters")
    metadata: dict[str, Any] = {"name": f"slo-{slo.metadata.name}-rules", "namespace": slo.metadata.namespace}
    content = {"groups": groups.split(group, output.rules_per_group)}
    size.check(content)
    inhibiting = inhibition.manifests(slo) if output.inhibition else []
    if output.kind == "PrometheusRule":
        metadata["labels"] = dict(output.labels)
        return [_manifest(PROMETHEUS_RULE.api_version, output.kind, metadata, {"spec": content}), *inhibiting]
    metadata["labels"] = {**output.labels, RULES_LABEL: "true"}
    file = f"{slo.metadata.namespace}.{slo.metadata.name}.rules.yaml"
    text = yamltext.document(content)
    return [_manifest(CONFIG_MAP.api_version, output.kind, metadata, {"data": {file: text}}), *inhibiting]


def _manifest(api_version: str, kind: str, metadata: Mapping[str, Any], rest: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
