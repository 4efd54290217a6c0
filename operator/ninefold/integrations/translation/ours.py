"""The parts of Ninefold's manifest that every dialect fills in: names, percentages, windows, texts of alerts. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget
from ninefold.kube.api import GROUP, VERSION
from ninefold.kube.fields import duration

KIND = "ServiceLevelObjective"
MEMBERS = 16
"""The most labels and annotations that alerting accepts."""
LONGEST_TEXT = 1024

_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ALERT_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,127}")
_ALERT_NAME = re.compile(r"[^{}\n\r]{1,128}")
_WINDOW = re.compile(r"[0-9]{1,6}[mhdw]")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"\{\{-?\s*\$(?:value|labels\.(?P<label>[a-zA-Z_][a-zA-Z0-9_]*))\s*"
    r"(?:\|\s*(?P<format>humanize|humanize1024|humanizeDuration|humanizePercentage)\s*)?-?\}\}"
)
_UNIT = {"ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400", "w": "604800", "y": "31536000"}
_LENGTH = re.compile(r"(?:[0-9]{1,9}(?:ms|[smhdwy])){1,7}")

OURS = frozenset({"slo_id", "slo_namespace", "slo_name", "service", "severity", "burn_tier"})
"""Labels that Ninefold's alerts carry."""


def manifest(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """A ServiceLevelObjective; empty values are left out."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {name: value for name, value in metadata.items() if value},
        "spec": {name: value for name, value in spec.items() if value not in ("", None, [], {})},
    }


def decimal(value: Decimal) -> str:
    """A number in full, without trailing zeros: "99.9"."""
    return f"{value.normalize():f}"


def percent(node: Node, name: str, value: Decimal) -> str:
    """An objective in percent. Raises NotCarried if it leaves no error budget, or promises nothing."""
    if value >= 100:
        raise node.refused(
            name,
            f"an objective of {decimal(value)} % leaves no error budget",
            "burn rates and budgets cannot be computed, so it is not converted",
            'write an objective below 100, such as "99.99"',
        )
    if value <= 0:
        raise node.refused(
            name,
            f"an objective of {decimal(value)} % promises nothing",
            "nothing can be measured against it, so it is not converted",
            'write an objective above 0, such as "99"',
        )
    return decimal(value)


def length(text: str) -> Decimal | None:
    """The seconds of a Prometheus duration, such as "4w" or "1m30s"; None for any other text."""
    if not _LENGTH.fullmatch(text):
        return None
    parts = re.findall(r"([0-9]+)(ms|[smhdwy])", text)
    return sum((int(count) * Decimal(_UNIT[unit]) for count, unit in parts), Decimal(0))


def window(text: str) -> str:
    """A Prometheus duration in one unit, as Ninefold's windows require; any other text is unchanged."""
    seconds = length(text)
    if _WINDOW.fullmatch(text) or seconds is None or seconds % 1:
        return text
    return duration(int(seconds))


def object_name(text: str) -> str:
    """A valid object name, as close to the text as possible."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "slo"


def named(node: Node, name: str, text: str) -> str:
    """Like `object_name`; reports more than a change of case."""
    made = object_name(text)
    if made != text.lower():
        node.changed(
            name,
            f"{text!r} is not a name for a Kubernetes object",
            f"the objective is named {made}",
            f"write {made} where you refer to it",
        )
    return made


def service(node: Node, name: str, text: str) -> str:
    """The value of spec.service, which must fit into a label."""
    if not text:
        raise node.refused(name, "there is no service", "an objective belongs to a service", f"write {name}")
    made = re.sub(r"[^-A-Za-z0-9_.]+", "-", text)[:63].strip("-_.")
    if made != text:
        node.changed(
            name,
            f"{text!r} is not a label value",
            f"the service is named {made or 'service'}",
            "write at most 63 letters, digits, '-', '_' or '.'",
        )
    return made or "service"


def plain(node: Node, name: str) -> str:
    """A text without templates, cut to the maximum length of a description."""
    text = node.text(name)
    made = text.strip().replace("{{", "{ {")[:LONGEST_TEXT]
    if made != text.strip():
        node.changed(
            name,
            f"a description is plain text of at most {LONGEST_TEXT} characters",
            "'{{' becomes '{ {', and the rest is cut",
            "shorten it, and write it without templates",
        )
    return made


def object_metadata(node: Node, namespace: str) -> dict[str, Any]:
    """Name, namespace, labels and annotations of a Kubernetes object, without what the API server wrote."""
    source = node.child("metadata")
    annotations = kubernetes_annotations(source)
    written = [name for name in _BY_THE_SERVER if name in source]
    if annotations.pop(_LAST_APPLIED, None) is not None:
        written.append(f"annotations[{_LAST_APPLIED}]")
    for name in written:
        source.raw(name)
    if "status" in node:
        node.changed(
            "status",
            "the status is about the old object",
            "it is not converted; the operator writes its own",
            "run `kubectl get slo` once the objective is applied",
        )
    if written:
        source.changed(
            None,
            f"the API server wrote {', '.join(written)}",
            "this belongs to the old object and is not converted",
            "no action is needed",
        )
    for name, meaning in _NOT_OURS.items():
        if name in source:
            source.lost(name, f"{name} is not converted", meaning, "set it by hand if it is needed")
    labels = kubernetes_labels(source.child("labels"), source.mapping("labels"))
    metadata: dict[str, Any] = {"name": source.text("name"), "namespace": source.text("namespace") or namespace}
    return metadata | {"labels": labels, "annotations": annotations}


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BY_THE_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)


_SELECTING = frozenset({"prometheus", "release", "role"})
"""Labels that a Prometheus usually selects its rules by."""


def rule_labels(node: Node, labels: Mapping[str, str], tool: str) -> None:
    """Report labels that the tool copies to its PrometheusRule; `node` is the object's metadata."""
    if not labels:
        return
    pairs = ",".join(f"{name}={value}" for name, value in labels.items())
    (node.lost if _SELECTING & labels.keys() else node.changed)(
        "labels",
        f"{tool} also puts {pairs} on its PrometheusRule; here only the objective has them",
        "a Prometheus that selects rules by them does not load Ninefold's",
        f"start the operator with --rule-labels {pairs} if its ruleSelector asks for them",
    )


_NOT_OURS = {
    "ownerReferences": "the objective is not deleted with the owner of this object",
    "finalizers": "nothing blocks the deletion of the objective",
    "generateName": "the objective has its own name",
}


def kubernetes_labels(node: Node, written: Mapping[str, str]) -> dict[str, str]:
    """The labels that Kubernetes accepts; `node` holds the labels, for the report."""
    valid: dict[str, str] = {}
    for key, value in written.items():
        if _LABEL_KEY.fullmatch(key) and len(value) <= 63 and (not value or _LABEL_VALUE.fullmatch(value)):
            valid[key] = value
        else:
            node.lost(
                key,
                f"{key}={value} is not a Kubernetes label",
                "the objective does not carry it",
                "choose a key and a value of at most 63 letters, digits, '-', '_' or '.'",
            )
    return valid


def kubernetes_annotations(source: Node) -> dict[str, str]:
    """The annotations of an object that Kubernetes accepts."""
    annotations = source.mapping("annotations")
    for key in [key for key in annotations if not _LABEL_KEY.fullmatch(key)]:
        source.child("annotations").lost(
            key,
            f"{key} is not a Kubernetes annotation",
            "the objective does not carry it",
            "choose a key of at most 63 letters, digits, '-', '_' or '.', with or without a domain before it",
        )
        del annotations[key]
    return annotations


def alert_name(node: Node) -> str:
    """The name of alerts in `node.name`; "" if there is none that Ninefold's alerts can have."""
    name = node.text("name")
    if not name or _ALERT_NAME.fullmatch(name):
        return name
    node.lost(
        "name",
        "the alert's name is longer than 128 characters, or has braces or several lines",
        "alerts are named ErrorBudgetBurn",
        "write a shorter name, without braces",
    )
    return ""


def alert_labels(node: Node, found: Mapping[str, str], target: ImportTarget) -> dict[str, str]:
    """The labels that alerts may have; `node` holds the labels, for the report."""
    kept: dict[str, str] = {}
    for name, value in found.items():
        if name in target.reserved:
            node.lost(
                name,
                f"the label {name}={value} is not converted",
                f"{name} is a label that Ninefold writes itself",
                "choose another name for it, or route by the labels that Ninefold writes",
            )
        elif not _ALERT_LABEL.fullmatch(name):
            node.lost(name, f"{name} is not a label name", "alerts do not carry it", "choose another name")
        elif (text := _template(node, name, value, {}, ())) is not None:
            kept[name] = text
    return kept


def alert_annotations(
    node: Node, written: Mapping[str, str], renamed: Mapping[str, str], labels: Collection[str]
) -> dict[str, Any]:
    """The part of `alerting` that annotations become: `annotations`, `runbook` and `dashboard`.

    `renamed` maps labels of the other tool's alerts to Ninefold's; `labels` are further labels of Ninefold's alerts.
    """
    made: dict[str, Any] = {}
    kept: dict[str, str] = {}
    for name, value in written.items():
        text = _template(node, name, value, renamed, labels)
        if text is None:
            continue
        if not _ALERT_LABEL.fullmatch(name):
            node.lost(name, f"{name} is not an annotation name", "alerts do not carry it", "choose another name")
        elif name in ("runbook", "dashboard") and "{{" not in text and text:
            made[name] = text
        else:
            kept[name] = text
    return {**made, "annotations": few(node, kept)}


def few(node: Node, found: Mapping[str, str]) -> dict[str, str]:
    """As many labels or annotations as alerts may have."""
    if rest := list(found)[MEMBERS:]:
        node.lost(
            None,
            f"{', '.join(rest)} would be more than {MEMBERS}",
            "alerts do not carry them",
            "leave out some of the others",
        )
    return dict(list(found.items())[:MEMBERS])


def _template(node: Node, name: str, text: str, renamed: Mapping[str, str], labels: Collection[str]) -> str | None:
    """A text with the placeholders that Ninefold accepts; reports and returns None if it has others or is too long."""
    known, valued = OURS | set(labels), False

    def placeholder(match: re.Match[str]) -> str:
        nonlocal valued
        parts = _PLACEHOLDER.fullmatch(match[0])
        if parts is None:
            raise LookupError(match[0])
        label = parts["label"]
        label = renamed.get(label, label) if label else None
        if label and label not in known:
            raise LookupError(match[0])
        valued = valued or label is None
        inner = f"$labels.{label}" if label else "$value"
        return f"{{{{ {inner} | {parts['format']} }}}}" if parts["format"] else f"{{{{ {inner} }}}}"

    try:
        made = _TEMPLATE.sub(placeholder, text.strip())
    except LookupError as unknown:
        node.lost(
            name,
            f"the template {unknown.args[0]} is not converted, nor is its text",
            "alerts have Ninefold's own text instead",
            "write plain text, {{ $value }}, or {{ $labels.name }} of a label that the alerts carry",
        )
        return None
    if "{{" in _TEMPLATE.sub("", made) or len(made) > LONGEST_TEXT:
        node.lost(
            name,
            f"the text is not a template, or longer than {LONGEST_TEXT} characters",
            "alerts do not carry it",
            "shorten it, and close its braces",
        )
        return None
    if valued:
        node.changed(
            name,
            "{{ $value }} was the error ratio",
            "now it is the burn rate, such as 14.4",
            "change the words around it",
        )
    return made
