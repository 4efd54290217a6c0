"""Shared by `import` and `export`: the report of what was not converted, and alert tiers in written form."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ninefold.cli.shared.files import Document
from ninefold.cli.shared.findings import Finding
from ninefold.domain.wording.numbers import counted
from ninefold.integrations.translation.report import Remark
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration
from ninefold.kube.model import dotted
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


@dataclass(frozen=True, slots=True)
class ReportItem:
    """A line of the report: a remark and its location in a file."""

    severity: str
    file: str
    line: int
    object: str
    """For example "PrometheusServiceLevel shop/checkout"."""
    field: str
    """For example "spec.slos[0].sli.plugin"; "" for the whole object."""
    lost: str
    meaning: str
    instead: str

    @classmethod
    def of(cls, remark: Remark, document: Document) -> ReportItem:
        line, field = document.line(remark.path), dotted(remark.path)
        place = (remark.severity, document.file, line, title(document.manifest), field)
        return cls(*place, remark.what, remark.meaning, remark.instead)

    def __str__(self) -> str:
        """In the format of compilers, so that editors find the location."""
        subject = " ".join(filter(None, (self.object, self.field)))
        return f"{self.file}:{self.line}: {self.severity}: {subject}: {self.lost}; {self.meaning}; {self.instead}"

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def title(manifest: Any) -> str:
    """The name of an object for users; a Sloth specification has no kind and no name, but a service."""
    if not isinstance(manifest, Mapping):
        return "document"
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    kind, name = manifest.get("kind") or manifest.get("version"), metadata.get("name") or manifest.get("service")
    parts = filter(None, (metadata.get("namespace"), name))
    return " ".join(filter(None, (str(kind or "document"), "/".join(map(str, parts)))))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options about the report."""
    parser.add_argument(
        "--report",
        choices=("text", "json"),
        default="text",
        help="how to report what was not converted (default: text)",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 if anything was lost")


def report(
    made: int, items: Iterable[ReportItem], unreadable: Sequence[Finding], *, as_json: bool, strict: bool
) -> int:
    """Write the report to standard error; the exit code of the command."""
    found = sorted(items, key=lambda item: (item.file, item.line))
    lost = sum(item.severity == "Lost" for item in found)
    if as_json:
        result = {
            "objectives": made,
            "items": [item.as_dict() for item in found],
            "unreadable": [finding.as_dict() for finding in unreadable],
        }
        print(json.dumps(result, indent=2, ensure_ascii=False), file=sys.stderr)
    else:
        for line in (*unreadable, *found):
            print(line, file=sys.stderr)
        counts = f"{counted(made, 'objective')}, {lost} lost, {len(found) - lost} changed"
        print(counts, file=sys.stderr)
    return 1 if unreadable or (strict and lost) else 0


def usual_tiers(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tiers of a spec, in the form of spec.alerting.tiers; [] if the spec is refused."""
    body = {"metadata": {"name": "draft"}, "spec": {**spec, "alerting": {}}}
    try:
        return written_tiers(ServiceLevelObjective.model_validate(body))
    except (ValidationError, Stalled):
        return []


def written_tiers(slo: ServiceLevelObjective) -> list[dict[str, Any]]:
    """The tiers of an objective in written form. Raises Stalled for a tier that can never fire."""
    return [
        {
            "burnRate": f"{tier.burn_rate:f}",
            "long": duration(tier.long),
            "short": duration(tier.short),
            "severity": tier.severity,
            **({"for": duration(tier.hold)} if tier.hold else {}),
        }
        for tier in tiers(slo)
    ]
