"""`ninefold lint`: check resources in files as the API server and the controllers would, and how they match each other.

Exit code: 0 success or only warnings, 1 an error, 2 a usage error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from ninefold.cli.shared import files, resources, series
from ninefold.cli.shared.findings import Finding, in_order
from ninefold.cli.shared.parser import Parser
from ninefold.cli.shared.resources import Found
from ninefold.domain.wording.numbers import counted
from ninefold.kinds import KINDS


def main(arguments: Sequence[str]) -> int:
    own = parser()
    options = own.parse_args(arguments)
    names = [*options.files, *options.filename]
    if not names:
        own.error("name the files to check: ninefold lint slo.yaml")
    documents, findings = files.read(names, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    findings = in_order([*findings, *parsed.findings, *check(parsed.found), *series.findings(options, parsed.found)])
    errors = sum(finding.severity == "error" for finding in findings)
    if options.json:
        result = {"checked": len(parsed.found), "findings": [finding.as_dict() for finding in findings]}
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
        counts = (
            (len(documents) - len(parsed.others), "resource"),
            (errors, "error"),
            (len(findings) - errors, "warning"),
        )
        print(", ".join(counted(number, noun) for number, noun in counts), file=sys.stderr)
    return 1 if errors else 0


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold lint", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="the same as -f FILE")
    files.add_arguments(parser, required=False)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    series.add_arguments(parser)
    return parser


def check(found: Sequence[Found]) -> list[Finding]:
    """Findings that otherwise only a controller reports: invalid rules, and references to missing objects."""
    others = resources.together(found)
    checks = {kind.model: kind.lint for kind in KINDS if kind.lint}
    return [
        entry.finding(remark)
        for entry in found
        if (lint := checks.get(type(entry.resource)))
        for remark in lint(entry.resource, others)
    ]
