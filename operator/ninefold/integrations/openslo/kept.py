"""What OpenSLO cannot hold: annotations that bring it back, as far as the document is still what was exported. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import Path, Remark, Translation
from ninefold.kube.api import GROUP

SPEC, METADATA = f"{GROUP}/spec", f"{GROUP}/metadata"
"""Annotations of an exported SLO, as JSON."""
DISPLAY, OBJECTIVE = f"{GROUP}/display-name", f"{GROUP}/objective-display-name"
"""Annotations of an imported objective: titles, for which we have no field."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?")

_PARTS: dict[str, tuple[str, ...]] = {
    "service": ("service",),
    "description": ("description",),
    "objective": ("target", "targetPercent"),
    "window": ("timeWindow",),
    "indicator": ("indicator", "indicatorRef", "budgetingMethod", "op", "value"),
    "timeSlices": ("budgetingMethod", "timeSliceTarget", "timeSliceWindow"),
    "alerting": ("alertPolicies",),
}
"""The fields of an SLO, or of its objective, that say what a field of our spec does. No others say anything of ours."""


def needed(slo: Mapping[str, Any], read: Translation, original: Mapping[str, Any]) -> dict[str, str]:
    """What must be annotated to an exported SLO so that it is read as the original manifest, in silence."""
    found: dict[str, str] = {}
    made, document = read.made[0].manifest, read.made[0].document
    spec = {
        name: {"value": original["spec"].get(name), "of": _digest(slo["spec"], name)}
        for name in dict.fromkeys([*original["spec"], *made["spec"]])
        # What OpenSLO says of alerts is never all of it, even where it reads as the same.
        if name == "alerting"
        or original["spec"].get(name) != made["spec"].get(name)
        or any(_is_about(remark, document, ("spec",), _PARTS.get(name, ())) for remark in read.remarks)
    }
    metadata = {
        name: original["metadata"].get(name)
        for name in ("name", "namespace", "labels", "annotations")
        if (original["metadata"].get(name) or None) != (made["metadata"].get(name) or None)
    }
    for key, value in ((SPEC, spec), (METADATA, metadata)):
        if value:
            found[key] = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return found


def settle(node: Node, result: Translation) -> None:
    """Put what was kept into what was made of the SLO, and take back the remarks about it."""
    made = [one for one in result.made if one.document == node.document]
    for one in made:
        written = one.manifest["metadata"].get("annotations", {})
        spec, metadata = (_loaded(node, key, written.pop(key, None)) for key in (SPEC, METADATA))
        if not written:
            one.manifest["metadata"].pop("annotations", None)
        if len(made) > 1:
            for key in (key for key, kept in ((SPEC, spec), (METADATA, metadata)) if kept):
                _edited(node, key, "what was kept", "look at what was made of each objective")
            continue
        for name, value in metadata.items():
            _set(one.manifest["metadata"], name, value)
            _take_back(node, result, ("metadata",), (name,))
        for name, entry in spec.items():
            if isinstance(entry, Mapping) and entry.get("of") == _digest(node.raw("spec"), name):
                _set(one.manifest["spec"], name, entry.get("value"))
                _take_back(node, result, ("spec",), _PARTS.get(name, ()))
            else:
                _edited(node, SPEC, f"the {name}", f"look at spec.{name} of what was made")


def _edited(node: Node, key: str, what: str, instead: str) -> None:
    annotations = node.child("metadata").child("annotations")
    words = f"the SLO was edited since its export: {what} of then is not taken"
    annotations.changed(key, words, "the document counts", instead)


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    """A field as it was; None for one that was not there."""
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = value


def _take_back(node: Node, result: Translation, above: Path, parts: Collection[str]) -> None:
    result.remarks[:] = [one for one in result.remarks if not _is_about(one, node.document, above, parts)]


def _is_about(remark: Remark, document: int, above: Path, parts: Collection[str]) -> bool:
    """Whether it speaks of one of the parts under a place, or of the same part of an objective there."""
    if remark.document != document or remark.path[:1] != above:
        return False
    at = 3 if remark.path[1:2] == ("objectives",) else 1
    return any(remark.path[at : at + 1] == (part,) for part in parts)


def _digest(spec: Any, name: str) -> str:
    """Of the parts of an SLO's spec that say what our field does."""
    found = spec if isinstance(spec, Mapping) else {}
    objectives = found.get("objectives")
    sources = [found, *(objectives if isinstance(objectives, list) else [])]
    parts = [[one.get(part) for one in sources if isinstance(one, Mapping)] for part in _PARTS.get(name, ())]
    try:
        text = json.dumps(_canonical(parts), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return ""  # No export is like that.
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _canonical(value: Any) -> Any:
    """The same however a tool writes numbers: 99, 99.0 and "9.9e1" are one."""
    if isinstance(value, Mapping):
        return {name: _canonical(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_canonical(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _NUMBER.fullmatch(str(value)):
        return value
    return str(Decimal(str(value)).normalize())


def _loaded(node: Node, key: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    node.child("metadata").child("annotations").lost(
        key, "the annotation is no JSON object", "what it kept is not carried", "export the objective again"
    )
    return {}
