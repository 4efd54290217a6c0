"""Faults in files, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: a sentence that says what to change, and its location as far as known."""

    message: str
    file: str
    line: int | None = None
    object: str = ""
    """For example "ServiceLevelObjective shop/checkout"."""
    path: str = ""
    """The field, for example "spec.indicator.ratio.bad"."""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """In the format of compilers, so that editors find the location."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = " ".join(filter(None, (self.object, self.path)))
        warning = "warning: " if self.severity == "warning" else ""
        return f"{place}: {warning}{subject}: {self.message}" if subject else f"{place}: {warning}{self.message}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The findings sorted by file and line."""
    return sorted(findings, key=lambda finding: (finding.file, finding.line or 0))
