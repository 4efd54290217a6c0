"""`ninefold render`: prints the rules and dashboards that the controllers would apply for resources in files.

Prints nothing unless everything can be rendered. Exit code: 0 success, 1 a finding, 2 a usage error.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from ninefold.cli.render import costs, proofs
from ninefold.cli.shared import files, printing, resources
from ninefold.cli.shared.findings import in_order
from ninefold.cli.shared.parser import Parser
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kinds import KINDS
from ninefold.kube import yamltext
from ninefold.kube.api import Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.alerting.inhibition import inhibit_rules
from ninefold.reliability.servicelevelobjective.render import compilers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    # The process is short; garbage collection over thousands of objects took a seventh of its time.
    gc.disable()
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    others = resources.together(parsed.found)
    manifests = _manifests(parsed, others, options)
    _pass_over(parsed.others)
    findings = in_order([*findings, *parsed.findings])
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        return 1
    slos = others.all(ServiceLevelObjective)
    if options.inhibit_rules:
        options.inhibit_rules.write_text(yamltext.document({"inhibit_rules": inhibit_rules(slos)}), encoding="utf-8")
    if options.cost:
        found = costs.estimates(slos, compilers(others) if options.share_indicators else {})
        print(costs.as_json(found) if options.output == "json" else costs.as_text(found))
        return 0
    if options.tests:
        print("\n".join(proofs.write(slos, options.tests)))
        return 0
    if options.plain:
        _write_files(manifests, options.plain)
    elif options.output == "json":
        print(printing.as_json(manifests))
    else:
        sys.stdout.write(yamltext.stream(manifests))
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold render", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default: yaml")
    parser.add_argument(
        "--plain",
        type=Path,
        metavar="DIR",
        help="write Prometheus rule files and dashboards as JSON into DIR instead of printing objects",
    )
    parser.add_argument(
        "--tests",
        type=Path,
        metavar="DIR",
        help="write, for each objective, its rules and a test suite that proves them: promtool test rules  "
        "DIR/*.test.yaml",
    )
    parser.add_argument(
        "--cost",
        action="store_true",
        help="print the cost in Prometheus of each objective's rules, and of all rules",
    )
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="the same as -o json")
    for kind in KINDS:
        if kind.render_options:
            kind.render_options(parser)
    return parser


def _manifests(parsed: resources.Resources, others: ResourceSet, options: argparse.Namespace) -> list[Manifest]:
    """The objects for each resource; a resource that cannot be compiled becomes a finding."""
    manifests: list[Manifest] = []
    renders = {kind.model: kind.render for kind in KINDS if kind.render}
    for entry in parsed.found:
        try:
            if render := renders.get(type(entry.resource)):
                manifests += render(entry.resource, others, options)
        except Stalled as stalled:
            parsed.findings.append(entry.finding(Diagnostic.of(stalled.message)))
    return manifests


def _pass_over(others: Sequence[files.Document]) -> None:
    for document in others:
        kind = f"{document.manifest['kind']} ({document.manifest['apiVersion']})"
        print(
            f"{document.file}:{document.line()}: note: {kind} is not a kind of Ninefold and is skipped", file=sys.stderr
        )


def _write_files(manifests: Sequence[Manifest], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        for name, text in manifest.get("data", {}).items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
