"""`ninefold export`: converts ServiceLevelObjectives to another dialect: OpenSLO v1.

What the other dialect cannot express is reported to standard error, and annotated on the document, so that `ninefold
import` restores it. Exit code: 0 success, 1 something was lost with --strict, or a file is unreadable or has a fault, 2
a usage error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ninefold.cli.convert import report
from ninefold.cli.convert.report import ReportItem
from ninefold.cli.shared import files, resources
from ninefold.cli.shared.findings import Finding, in_order
from ninefold.cli.shared.parser import Parser
from ninefold.cli.shared.resources import Found
from ninefold.domain.resource_set import Diagnostic
from ninefold.integrations import openslo
from ninefold.integrations.translation.report import Remark
from ninefold.kube import yamltext
from ninefold.kube.api import Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    findings = in_order([*findings, *parsed.findings])
    found = [entry for entry in parsed.found if isinstance(entry.resource, ServiceLevelObjective)]
    items = [_passed_over(entry) for entry in parsed.found if entry not in found]
    manifests, more = exported(found, findings)
    if manifests:
        sys.stdout.write(yamltext.stream(manifests))
        sys.stdout.flush()
    made = sum(manifest["kind"] == "SLO" for manifest in manifests)
    as_json = options.report == "json"
    return report.report(made, [*items, *more], findings, as_json=as_json, strict=options.strict)


def parser() -> argparse.ArgumentParser:
    """Of the options."""
    parser = Parser(prog="ninefold export", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument("--to", choices=("openslo",), required=True, help="the dialect to write")
    report.add_arguments(parser)
    return parser


def exported(found: Sequence[Found], findings: list[Finding]) -> tuple[list[Manifest], list[ReportItem]]:
    """The documents and the report; an objective that cannot be compiled becomes a finding."""
    good, pairs = [], []
    for entry in found:
        slo = entry.resource
        try:
            tiers = report.written_tiers(slo) if isinstance(slo, ServiceLevelObjective) else []
        except Stalled as stalled:
            findings.append(entry.finding(Diagnostic.of(stalled.message)))
            continue
        manifest = dict(entry.document.manifest)
        manifest["metadata"] = {**manifest["metadata"], "namespace": entry.resource.key.namespace}
        good.append(entry)
        pairs.append((manifest, tiers))
    translation = openslo.export(pairs)
    items = [ReportItem.of(remark, good[remark.document].document) for remark in translation.remarks]
    return [made.manifest for made in translation.made], items


def _passed_over(entry: Found) -> ReportItem:
    kind = entry.resource.api.kind
    remark = Remark("Lost", 0, (), f"OpenSLO has no {kind}", "it is not converted", "set it up by other means")
    return ReportItem.of(remark, entry.document)
