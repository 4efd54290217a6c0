"""Where the rules go: a PrometheusRule, or a ConfigMap of a plain rule file. What `ninefold render` prints. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from ninefold.kube.api import CONFIG_MAP, GROUP, PROMETHEUS_RULE, Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.rules import Group

RULES_LABEL = f"{GROUP}/rules"
"""Marks the ConfigMaps that a sidecar of Prometheus collects; its value is "true"."""

_LONGEST_NAME = 253 - len("slo--rules")
_WIDTH = 1 << 20
"""No folding: a rule stays on its line."""


@dataclass(frozen=True, slots=True)
class Output:
    """The kind of object, and labels that make Prometheus pick it up."""

    kind: Literal["PrometheusRule", "ConfigMap"] = "PrometheusRule"
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        """What to look at when Prometheus does not load it."""
        if self.kind == "PrometheusRule":
            return (
                "check that ruleSelector and ruleNamespaceSelector of the Prometheus resource select it, "
                "and set the operator's --rule-labels to the labels they want"
            )
        return f"check that the sidecar of Prometheus collects ConfigMaps labelled {RULES_LABEL}=true here"


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """What the operator was told: a kind of object or `auto`, and labels for it."""

    rules: Literal["auto", "PrometheusRule", "ConfigMap"] = "auto"
    labels: Mapping[str, str] = field(default_factory=dict)

    def output(self, *, served: bool) -> Output:
        """The output in a cluster that does (`served`) or does not have PrometheusRules."""
        kind = self.rules if self.rules != "auto" else ("PrometheusRule" if served else "ConfigMap")
        return Output(kind, self.labels)


def object_name(slo: ServiceLevelObjective, output: Output) -> str:
    """As in messages and status: "PrometheusRule/slo-checkout-rules"."""
    return f"{output.kind}/slo-{slo.metadata.name}-rules"


def render(slo: ServiceLevelObjective, output: Output) -> list[Manifest]:
    """The objects made for an objective, without owner. Raises Stalled."""
    return manifests(slo, Group(slo), output)


def manifests(slo: ServiceLevelObjective, group: Group, output: Output) -> list[Manifest]:
    """As `render`, of a group compiled before."""
    if len(slo.metadata.name) > _LONGEST_NAME:
        raise Stalled("NameTooLong", f"metadata.name: choose a name of at most {_LONGEST_NAME} characters")
    metadata: dict[str, Any] = {"name": f"slo-{slo.metadata.name}-rules", "namespace": slo.metadata.namespace}
    content = {"groups": [group.as_dict()]}
    if output.kind == "PrometheusRule":
        metadata["labels"] = dict(output.labels)
        return [_manifest(PROMETHEUS_RULE.api_version, output.kind, metadata, {"spec": content})]
    metadata["labels"] = {**output.labels, RULES_LABEL: "true"}
    file = f"{slo.metadata.namespace}.{slo.metadata.name}.rules.yaml"
    text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, width=_WIDTH)
    return [_manifest(CONFIG_MAP.api_version, output.kind, metadata, {"data": {file: text}})]


def _manifest(api_version: str, kind: str, metadata: Mapping[str, Any], rest: Mapping[str, Any]) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
