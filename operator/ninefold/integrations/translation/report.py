"""What comes out of a translation: manifests, and a remark for everything that they do not hold as it was. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | int, ...]
"""Where a field stands in its document."""

Severity = Literal["Lost", "Changed"]
"""Lost: the meaning is another. Changed: the same, carried in another form."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was not carried as it was."""

    severity: Severity
    document: int
    """Which of the documents, from 0."""
    path: Path
    what: str
    """What is not carried as it was, as a clause."""
    meaning: str
    """What that means for whoever relies on it."""
    instead: str
    """What to do, as an order."""


@dataclass(frozen=True, slots=True)
class Made:
    """A manifest, and the part of a document that it was made of."""

    manifest: dict[str, Any]
    document: int = 0
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """What documents became."""

    made: list[Made] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class NotCarried(Exception):
    """Of a part of a document nothing can be made; the remark says why."""

    def __init__(self, remark: Remark) -> None:
        super().__init__(remark.what)
        self.remark = remark


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """What a translator must know of the side that it translates into."""

    namespace: str
    """Of objects that name none."""
    reserved: frozenset[str]
    """Labels of alerts that only our compiler writes."""
    ungroupable: frozenset[str]
    """Labels by which no objective can be grouped, since they mean something else on its series."""
    tiers: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
    """The alert tiers that a spec gets, as they would be written in spec.alerting.tiers."""
