"""The result of a translation: manifests, and a remark for everything that they do not hold unchanged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | int, ...]
"""The path of a field in its document."""

Severity = Literal["Lost", "Changed"]
"""Lost: the meaning changes. Changed: the same meaning in another form."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One part of a document that is not converted unchanged."""

    severity: Severity
    document: int
    """The number of the document, from 0."""
    path: Path
    what: str
    """What changes, as a clause."""
    meaning: str
    """What that means for users who rely on it."""
    instead: str
    """What to do, in the imperative."""


@dataclass(frozen=True, slots=True)
class Made:
    """A manifest, and the part of a document that it was converted from."""

    manifest: dict[str, Any]
    document: int = 0
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """The manifests that documents became, and the remarks."""

    made: list[Made] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class NotCarried(Exception):
    """A part of a document cannot be converted; the remark says why."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(remark.what)
        self.remark = remark


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """What a translator must know about its target."""

    namespace: str
    """The namespace of objects that name none."""
    reserved: frozenset[str]
    """Labels of alerts that only Ninefold's compiler writes."""
    ungroupable: frozenset[str]
    """Labels that cannot group an objective, since they have another meaning on its series."""
    tiers: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    """The alert tiers that a spec gets, as they would be written in spec.alerting.tiers."""
