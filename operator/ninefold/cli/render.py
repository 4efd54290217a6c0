"""`ninefold render`: resources in, and out come the rules and dashboards that the controllers would apply for them.

Prints nothing unless everything can be rendered. Exit code: 0 fine, 1 a finding, 2 a wrong call.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ninefold.cli import costs, dashboards, files, printing, proving, resources
from ninefold.cli.findings import in_order
from ninefold.cli.options import add_rule_options, labels
from ninefold.cli.parser import Parser
from ninefold.cli.resources import Found
from ninefold.kube import yamltext
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.observability.dashboard import plan as dashboard
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.correction.occurrences import concerning, verified
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective import indicator, sharing
from ninefold.reliability.servicelevelobjective import output as rules
from ninefold.reliability.servicelevelobjective.inhibition import inhibit_rules
from ninefold.reliability.servicelevelobjective.output import Output
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.rules import Compile


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    # The process ends in a moment; looking for garbage in thousands of objects took a seventh of its time.
    gc.disable()
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    output = Output(
        "ConfigMap" if options.plain else options.rules,
        options.rule_labels,
        options.alertmanager_config,
        options.rules_per_group,
        options.aliases == "sloth",
    )
    slos = [one.resource for one in parsed.found if isinstance(one.resource, ServiceLevelObjective)]
    compilers = sharing.compilers(slos) if options.share_indicators else {}
    manifests = _manifests(parsed, output, compilers, plain=bool(options.plain))
    _pass_over(parsed.others)
    findings = in_order([*findings, *parsed.findings])
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        return 1
    if options.inhibit_rules:
        options.inhibit_rules.write_text(yamltext.document({"inhibit_rules": inhibit_rules(slos)}), encoding="utf-8")
    if options.cost:
        found = costs.estimates(slos, compilers)
        print(costs.as_json(found) if options.output == "json" else costs.as_text(found))
        return 0
    if options.tests:
        print("\n".join(proving.write(slos, options.tests)))
        return 0
    if options.plain:
        _write_files(manifests, options.plain)
    elif options.output == "json":
        print(printing.as_json(manifests))
    else:
        sys.stdout.write(yamltext.stream(manifests))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ninefold render", description=__doc__)
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
    add_rule_options(parser)
    parser.add_argument(
        "--plain",
        type=Path,
        metavar="DIR",
        help="write rule files of Prometheus and dashboards as JSON into DIR instead of objects",
    )
    parser.add_argument(
        "--tests",
        type=Path,
        metavar="DIR",
        help="write instead, for each objective, its rules and a suite that proves them: promtool test rules "
        "DIR/*.test.yaml",
    )
    parser.add_argument(
        "--cost",
        action="store_true",
        help="print instead what the rules of each objective, and all of them, will cost Prometheus",
    )
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="the same as -o json")
    parser.add_argument(
        "--alertmanager-config",
        action="store_true",
        help="with an AlertmanagerConfig for each objective that depends on others",
    )
    parser.add_argument(
        "--inhibit-rules",
        type=Path,
        metavar="FILE",
        help="also write inhibit_rules for the configuration of Alertmanager: faster over slower, dependency first",
    )
    return parser


def _manifests(
    parsed: resources.Resources, output: Output, compilers: Mapping[Key, Compile], *, plain: bool
) -> list[Manifest]:
    """What is made for each resource; what cannot be made becomes a finding."""
    manifests: list[Manifest] = []
    known, now = resources.of_kind(Correction, parsed.found), datetime.now(UTC)

    def rules_of(slo: ServiceLevelObjective) -> list[Manifest]:
        base = compilers.get(slo.key, indicator.base)
        return rules.render(slo, output, concerning(slo, known, now), base)

    for one in parsed.found:
        try:
            manifests += _made(one, parsed.found, rules_of, plain)
        except Stalled as stalled:
            parsed.findings.append(one.finding(stalled))
    return manifests


def _made(
    one: Found, found: Sequence[Found], rules_of: Callable[[ServiceLevelObjective], list[Manifest]], plain: bool
) -> list[Manifest]:
    """Of our kinds only objectives and dashboards have children; the others are only checked."""
    if isinstance(one.resource, ServiceLevelObjective):
        return rules_of(one.resource)
    if isinstance(one.resource, Correction):
        verified(one.resource)
    if isinstance(one.resource, Dashboard):
        wanted = dashboards.as_file(one.resource) if plain else one.resource
        return [dashboard.render(wanted, dashboards.observed(wanted, found))]
    return []


def _pass_over(others: Sequence[files.Document]) -> None:
    for document in others:
        kind = f"{document.manifest['kind']} ({document.manifest['apiVersion']})"
        print(f"{document.file}:{document.line()}: note: {kind} is not ours and is passed over", file=sys.stderr)


def _write_files(manifests: Sequence[Manifest], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        for name, text in manifest.get("data", {}).items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
