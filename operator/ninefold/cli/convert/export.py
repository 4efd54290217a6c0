"""`ninefold export`: ServiceLevelObjectives in, and out come documents of another dialect: OpenSLO v1.

What the other cannot say is reported to standard error, and annotated to the document, so that `ninefold import` brings
it back. Exit code: 0 fine, 1 something was lost with --strict, a file is unreadable or holds a fault, 2 a wrong call.
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
    found = [one for one in parsed.found if isinstance(one.resource, ServiceLevelObjective)]
    items = [_passed_over(one) for one in parsed.found if one not in found]
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
    """The documents and the report; what cannot be compiled is a finding."""
    good, pairs = [], []
    for one in found:
        slo = one.resource
        try:
            tiers = report.written_tiers(slo) if isinstance(slo, ServiceLevelObjective) else []
        except Stalled as stalled:
            findings.append(one.finding(Diagnostic.of(stalled.message)))
            continue
        manifest = dict(one.document.manifest)
        manifest["metadata"] = {**manifest["metadata"], "namespace": one.resource.key.namespace}
        good.append(one)
        pairs.append((manifest, tiers))
    translation = openslo.export(pairs)
    items = [ReportItem.of(remark, good[remark.document].document) for remark in translation.remarks]
    return [one.manifest for one in translation.made], items


def _passed_over(one: Found) -> ReportItem:
    kind = one.resource.api.kind
    remark = Remark("Lost", 0, (), f"OpenSLO has no {kind}", "it is not converted", "set it up by other means")
    return ReportItem.of(remark, one.document)
