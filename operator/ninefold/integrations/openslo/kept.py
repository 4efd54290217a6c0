"""Annotations for what OpenSLO cannot hold: an import restores it if the document was not edited. Pure."""

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
"""Annotations of an imported objective: titles, for which Ninefold has no field."""

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
"""The fields of an SLO, or of its objective, that correspond to a field of Ninefold's spec."""


def needed(slo: Mapping[str, Any], read: Translation, original: Mapping[str, Any]) -> dict[str, str]:
    """The annotations with which an import reads an exported SLO as the original manifest, without remarks."""
    annotations: dict[str, str] = {}
    made, document = read.made[0].manifest, read.made[0].document
    spec = {
        name: {"value": original["spec"].get(name), "of": _digest(slo["spec"], name)}
        for name in dict.fromkeys([*original["spec"], *made["spec"]])
        # OpenSLO never holds all of alerting, even where both read the same.
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
            annotations[key] = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return annotations


def settle(node: Node, result: Translation) -> None:
    """Restore the kept fields in the SLO's objectives, and remove the remarks about these fields."""
    made = [part for part in result.made if part.document == node.document]
    for part in made:
        written = part.manifest["metadata"].get("annotations", {})
        spec, metadata = (_loaded(node, key, written.pop(key, None)) for key in (SPEC, METADATA))
        if not written:
            part.manifest["metadata"].pop("annotations", None)
        if len(made) > 1:
            for key in (key for key, kept in ((SPEC, spec), (METADATA, metadata)) if kept):
                _edited(node, key, "the kept value", "check each converted objective")
            continue
        for name, value in metadata.items():
            _set(part.manifest["metadata"], name, value)
            _take_back(node, result, ("metadata",), (name,))
        for name, entry in spec.items():
            if isinstance(entry, Mapping) and entry.get("of") == _digest(node.raw("spec"), name):
                _set(part.manifest["spec"], name, entry.get("value"))
                _take_back(node, result, ("spec",), _PARTS.get(name, ()))
            else:
                _edited(node, SPEC, f"the {name}", f"check spec.{name} of the converted objective")


def _edited(node: Node, key: str, part: str, instead: str) -> None:
    annotations = node.child("metadata").child("annotations")
    words = f"the SLO was edited since its export: {part} from the export is not used"
    annotations.changed(key, words, "the document counts", instead)


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a field to its former value; None removes it."""
    if value is None:
        fields.pop(name, None)
    else:
        fields[name] = value


def _take_back(node: Node, result: Translation, above: Path, parts: Collection[str]) -> None:
    result.remarks[:] = [remark for remark in result.remarks if not _is_about(remark, node.document, above, parts)]


def _is_about(remark: Remark, document: int, above: Path, parts: Collection[str]) -> bool:
    """Whether a remark is about one of the parts below a path, or about the same part of an objective there."""
    if remark.document != document or remark.path[:1] != above:
        return False
    at = 3 if remark.path[1:2] == ("objectives",) else 1
    return any(remark.path[at : at + 1] == (part,) for part in parts)


def _digest(spec: Any, name: str) -> str:
    """A digest of the parts of an SLO's spec that correspond to a field of Ninefold's spec."""
    fields = spec if isinstance(spec, Mapping) else {}
    objectives = fields.get("objectives")
    sources = [fields, *(objectives if isinstance(objectives, list) else [])]
    parts = [[source.get(part) for source in sources if isinstance(source, Mapping)] for part in _PARTS.get(name, ())]
    try:
        text = json.dumps(_canonical(parts), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return ""  # No export has such values.
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _canonical(value: Any) -> Any:
    """The value in a form that does not depend on how a tool writes numbers: 99, 99.0 and "9.9e1" are equal."""
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
        key, "the annotation is not a JSON object", "its content is not restored", "export the objective again"
    )
    return {}
