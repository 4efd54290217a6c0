"""`ninefold render`: resources in, and out come the rules and objects that the controller would apply for them.

Prints nothing unless everything can be rendered. Exit code: 0 fine, 1 a finding, 2 a wrong call.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from ninefold.cli import files, printing, resources
from ninefold.cli.findings import Finding, in_order
from ninefold.cli.options import labels
from ninefold.kube.api import Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.output import Output, render
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    # The process ends in a moment; looking for garbage in thousands of objects took a seventh of its time.
    gc.disable()
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    output = Output("ConfigMap" if options.plain else options.rules, options.rule_labels)
    manifests = _manifests(parsed.found, output, parsed.findings)
    _pass_over(parsed.others)
    findings = in_order([*findings, *parsed.findings])
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        return 1
    if options.plain:
        _write_rule_files(manifests, options.plain)
    elif options.output == "json":
        print(printing.as_json(manifests))
    else:
        sys.stdout.write(printing.as_yaml(manifests))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ninefold render", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument("-o", "--output", choices=("yaml", "json"), default="yaml", help="default: yaml")
    parser.add_argument(
        "--rules",
        choices=("PrometheusRule", "ConfigMap"),
        default="PrometheusRule",
        help="what to write rules into (default: PrometheusRule)",
    )
    parser.add_argument(
        "--rule-labels", type=labels, default={}, metavar="K=V,...", help="labels for the objects that hold rules"
    )
    parser.add_argument(
        "--plain", type=Path, metavar="DIR", help="write plain rule files of Prometheus into DIR instead of objects"
    )
    return parser


def _manifests(found: Sequence[resources.Found], output: Output, findings: list[Finding]) -> list[Manifest]:
    """What is made for each resource. Of our kinds only the objective has children; the others are only checked."""
    manifests: list[Manifest] = []
    for one in found:
        if isinstance(one.resource, ServiceLevelObjective):
            try:
                manifests += render(one.resource, output)
            except Stalled as stalled:
                findings.append(one.finding(stalled))
    return manifests


def _pass_over(others: Sequence[files.Document]) -> None:
    for document in others:
        kind = f"{document.manifest['kind']} ({document.manifest['apiVersion']})"
        print(f"{document.file}:{document.line()}: note: {kind} is not ours and is passed over", file=sys.stderr)


def _write_rule_files(manifests: Sequence[Manifest], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        for name, text in manifest["data"].items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
