"""Resources as tables, with the columns that kubectl shows and the sentences that it omits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from ninefold.domain.kind import Tone
from ninefold.kube.api import Manifest
from ninefold.kube.conditions import WRITE_REFUSED
from ninefold.kube.model import Column, Resource

_ANSI: dict[Tone, int] = {"good": 32, "attention": 33, "bad": 31, "notice": 36, "quiet": 36}
_OF_CONDITIONS: dict[str, Tone] = {"True": "good", "False": "bad", "Unknown": "attention"}
_SENTENCES = (".status.message", ".status.reason")
"""The fields in which a kind explains its state."""
_KSTATUS = ("Ready", "Reconciling", "Stalled")
"""Conditions with the meaning of kstatus."""
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?) ?(?:%|x(?: over \w+)?)?")
_READY = Column("Ready", "Ready")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def as_text(
    found: Mapping[type[Resource], Sequence[Manifest]], now: datetime, *, namespaces: bool, colour: bool
) -> str:
    """One table per kind, then a line for each object with a problem. Empty if there is no object."""
    parts = [_section(kind, manifests, now, namespaces, colour) for kind, manifests in found.items() if manifests]
    return "\n\n".join(parts)


def as_dict(found: Mapping[type[Resource], Sequence[Manifest]]) -> dict[str, Any]:
    """The same for machines: spec and status unchanged, and Ready without a search through conditions."""
    return {
        "objects": [
            {
                "kind": kind.api.kind,
                "namespace": manifest["metadata"].get("namespace", ""),
                "name": manifest["metadata"]["name"],
                "ready": _ready(manifest).get("status", "Unknown"),
                "reason": _ready(manifest).get("reason", ""),
                "message": _ready(manifest).get("message", ""),
                "spec": manifest.get("spec", {}),
                "figures": figures(kind, manifest),
                "status": manifest.get("status", {}),
            }
            for kind, manifests in found.items()
            for manifest in _sorted(manifests)
        ]
    }


def figures(kind: type[Resource], manifest: Manifest) -> dict[str, float | int]:
    """The columns that hold a number, as numbers: percent as percent, burn rates as multiples. `budgetLeft` of "38.2 %"
    is 38.2. Unknown values are left out."""
    numbers = {}
    for column in kind.columns:
        value = _at(manifest, column.path)
        if (number := number_of(value)) is not None:
            numbers[_camel(column.name)] = number
    return numbers


def number_of(value: Any) -> float | int | None:
    """The number of a value in a status: "38.2 %", "22x over 1h", 3."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return float(number[1]) if number else None


def _camel(name: str) -> str:
    first, *others = name.split()
    return first.lower() + "".join(word.capitalize() for word in others)


def _section(kind: type[Resource], manifests: Sequence[Manifest], now: datetime, namespaces: bool, colour: bool) -> str:
    rows, notes = [head(kind, namespaces)], []
    for manifest in _sorted(manifests):
        metadata = manifest["metadata"]
        rows.append(row(kind, manifest, now, namespaces))
        name = f"{metadata['namespace']}/{metadata['name']}" if namespaces else metadata["name"]
        if any(_is_trouble(word) for word in rows[-1][2 if namespaces else 1 :]):
            notes += [f"  {name}: {sentence}" for sentence in _sentences(manifest)]
        notes += [f"  {name}: {sentence}" for sentence in _complaints(manifest)]
    return "\n".join([*aligned(rows, colour), *notes])


def head(kind: type[Resource], namespaces: bool) -> list[str]:
    """The names of the columns."""
    names = (column.name.upper() for column in _columns(kind))
    return [*(["NAMESPACE"] if namespaces else []), kind.api.kind.upper(), *names]


def row(kind: type[Resource], manifest: Manifest, now: datetime, namespaces: bool) -> list[str]:
    """The cells of one object."""
    metadata = manifest["metadata"]
    cells = (_cell(column, manifest, now) for column in _columns(kind))
    return [*([metadata["namespace"]] if namespaces else []), metadata["name"], *cells]


def _columns(kind: type[Resource]) -> list[Column]:
    return [*(column for column in kind.columns if not column.wide), _READY, _AGE]


def _sorted(manifests: Sequence[Manifest]) -> list[Manifest]:
    return sorted(manifests, key=lambda item: (item["metadata"].get("namespace", ""), item["metadata"]["name"]))


def aligned(rows: Sequence[Sequence[str]], colour: bool) -> list[str]:
    """A line for each row, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        # Padding first: a colour has a length too.
        cells = [_painted(cell, cell.ljust(width), colour) for cell, width in zip(row, widths, strict=True)]
        lines.append("   ".join(cells).rstrip())
    return lines


def _painted(word: str, padded: str, colour: bool) -> str:
    tone = _tones().get(word) if colour else None
    return f"\033[{_ANSI[tone]}m{padded}\033[0m" if tone else padded


def _is_trouble(word: str) -> bool:
    """Whether a reason is shown below the row: the owner of an exempt policy should know how long that lasts."""
    return _tones().get(word, "good") not in ("good", "quiet")


@cache
def _tones() -> dict[str, Tone]:
    """The tones of the words that conditions and the kinds use."""
    # The kinds take a while to import, and not every table is of them.
    from ninefold.kinds import KINDS

    return _OF_CONDITIONS | {word: tone for kind in KINDS for word, tone in kind.words.items()}


def _cell(column: Column, manifest: Manifest, now: datetime) -> str:
    if column is _READY:
        return str(_ready(manifest).get("status", "Unknown"))
    value = _at(manifest, column.path)
    if value in (None, ""):
        return column.absent or "-"
    return age(datetime.fromisoformat(value), now) if column.type == "date" else str(value)


def _sentences(manifest: Manifest) -> list[str]:
    """Why the object has its state, and why it is not ready, as far as it was reconciled."""
    ready = _ready(manifest)
    if not ready:
        return ["the operator has not reconciled it yet: is it running?"]
    why = [str(_at(manifest, path) or "") for path in _SENTENCES]
    if ready["status"] != "True" or not any([*why, *_complaints(manifest)]):
        why.append(ready["message"])
    return list(dict.fromkeys(filter(None, why)))


def _complaints(manifest: Manifest) -> list[str]:
    """Faults of an object that otherwise works."""
    conditions = manifest.get("status", {}).get("conditions", ())
    return [condition["message"] for condition in conditions if _is_bad(condition)]


def _is_bad(condition: Mapping[str, Any]) -> bool:
    if condition["type"] == WRITE_REFUSED:
        return bool(condition["status"] == "True")
    return condition["status"] == "False" and condition["type"] not in _KSTATUS


def _ready(manifest: Manifest) -> Mapping[str, Any]:
    conditions = manifest.get("status", {}).get("conditions", ())
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})


def _at(manifest: Manifest, path: str) -> Any:
    """The value at a column's path, such as ".status.burn.1h"; None if it is missing."""
    value: Any = manifest
    for name in path.removeprefix(".").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def age(since: datetime, now: datetime) -> str:
    """An age as kubectl shows it, in one unit: "12d", "5h", "3m", "45s"."""
    seconds = max(0, int((now - since).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
