"""`ninefold lint`: check resources in files as the API server and the controllers would, and how they fit together.

Exit code: 0 fine or only warnings, 1 an error, 2 a wrong call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from ninefold.cli import files, resources
from ninefold.cli.findings import Finding, in_order
from ninefold.cli.resources import Found
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.selection import selects
from ninefold.reliability.servicelevelobjective.output import Output, manifests
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.rules import Group

_BURN = "slo:burn_rate:"


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    documents, findings = files.read(options.filename, recursive=options.recursive)
    parsed = resources.parse(documents, options.namespace)
    findings = in_order([*findings, *parsed.findings, *check(parsed.found)])
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
        print(", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts), file=sys.stderr)
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ninefold lint", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def check(found: Sequence[Found]) -> list[Finding]:
    """What only a controller could tell: rules that cannot be made, references that lead nowhere in these files."""
    findings, recorded = [], dict[Key, frozenset[str]]()
    for one in found:
        if isinstance(one.resource, ServiceLevelObjective):
            try:
                recorded[one.resource.key] = _compile(one.resource)
            except Stalled as stalled:
                findings.append(one.finding(stalled))
    slos = {one.resource.key: one.document.manifest for one in found if isinstance(one.resource, ServiceLevelObjective)}
    policies = {one.resource.key for one in found if isinstance(one.resource, ErrorBudgetPolicy)}
    for one in found:
        if isinstance(one.resource, ErrorBudgetPolicy):
            findings += _policy(one, one.resource, slos, recorded)
        if isinstance(one.resource, ReleaseGate):
            findings += _gate(one, one.resource, policies)
    return findings


def _compile(slo: ServiceLevelObjective) -> frozenset[str]:
    """The windows whose burn rates are recorded. Raises Stalled as the controller would."""
    group = Group(slo)
    manifests(slo, group, Output())
    names = (rule.get("record", "") for rule in group.rules)
    return frozenset(name.removeprefix(_BURN) for name in names if name.startswith(_BURN))


def _policy(
    one: Found,
    policy: ErrorBudgetPolicy,
    slos: dict[Key, Manifest],
    recorded: dict[Key, frozenset[str]],
) -> Iterator[Finding]:
    objectives, namespace = policy.spec.objectives, policy.key.namespace
    for index, name in enumerate(objectives.names or ()):
        if Key(namespace, name) not in slos:
            message = _absent("ServiceLevelObjective", name, namespace)
            yield one.about(("spec", "objectives", "names", index), message, warning=True)
    wanted = objectives.model_dump(by_alias=True, exclude_none=True)
    chosen = [key for key, slo in slos.items() if key.namespace == namespace and selects(wanted, slo)]
    if not chosen and objectives.names is None:
        message = f"no ServiceLevelObjective of namespace {namespace} in these files is selected"
        yield one.about(("spec", "objectives"), message, warning=True)
    for index, rule in enumerate(policy.spec.rules):
        over = rule.when.burn_rate.over if rule.when.burn_rate else None
        for key in chosen if over else ():
            if key in recorded and over not in recorded[key]:
                windows = ", ".join(sorted(recorded[key], key=seconds))
                message = f"{key.name} does not record a burn rate over {over}: choose one of {windows}"
                yield one.about(("spec", "rules", index, "when", "burnRate", "over"), message)


def _gate(one: Found, gate: ReleaseGate, policies: set[Key]) -> Iterator[Finding]:
    for index, source in enumerate(gate.spec.sources):
        name = source.error_budget_policy
        if name and Key(gate.key.namespace, name) not in policies:
            path = ("spec", "sources", index, "errorBudgetPolicy")
            yield one.about(path, _absent("ErrorBudgetPolicy", name, gate.key.namespace), warning=True)


def _absent(kind: str, name: str, namespace: str) -> str:
    return f"no {kind} {name} of namespace {namespace} is in these files"
