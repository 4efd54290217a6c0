"""`ninefold lint`: check resources in files as the API server and the controllers would, and how they fit together.

Exit code: 0 fine or only warnings, 1 an error, 2 a wrong call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from ninefold.cli import dashboards, files, resources, series
from ninefold.cli.findings import Finding, in_order
from ninefold.cli.parser import Parser
from ninefold.cli.resources import Found
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration, seconds
from ninefold.observability.dashboard import plan as dashboard
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.release.releasegate.hand import of_freeze
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.correction.occurrences import applies, concerning, verified
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.errorbudgetpolicy import projection
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, Objectives, selects
from ninefold.reliability.errorbudgetpolicy.rules import When
from ninefold.reliability.errorbudgetpolicy.status import MAX_WATCHED
from ninefold.reliability.servicelevelobjective import composite
from ninefold.reliability.servicelevelobjective.corrections import Corrections
from ninefold.reliability.servicelevelobjective.doubts import doubts
from ninefold.reliability.servicelevelobjective.output import Output, manifests
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.rules import Group

_BURN = "slo:burn_rate:"


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    documents, findings = files.read(options.filename, recursive=options.recursive)
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
        print(", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts), file=sys.stderr)
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ninefold lint", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    series.add_arguments(parser)
    return parser


def check(found: Sequence[Found]) -> list[Finding]:
    """What only a controller could tell: rules that cannot be made, references that lead nowhere in these files."""
    findings, recorded = [], dict[Key, frozenset[str]]()
    known, now = resources.of_kind(Correction, found), datetime.now(UTC)
    for one in found:
        if isinstance(one.resource, ServiceLevelObjective):
            try:
                recorded[one.resource.key] = _compile(one.resource, concerning(one.resource, known, now))
            except Stalled as stalled:
                findings.append(one.finding(stalled))
    slos = {one.resource.key: one.document.manifest for one in found if isinstance(one.resource, ServiceLevelObjective)}
    objectives = {one.resource.key: one.resource for one in found if isinstance(one.resource, ServiceLevelObjective)}
    policies = {one.resource.key for one in found if isinstance(one.resource, ErrorBudgetPolicy)}
    for one in found:
        if isinstance(one.resource, ServiceLevelObjective):
            findings += _objective(one, one.resource, objectives)
        if isinstance(one.resource, Correction):
            findings += _correction(one, one.resource, found)
        if isinstance(one.resource, ErrorBudgetPolicy):
            findings += _policy(one, one.resource, slos, objectives, recorded)
        if isinstance(one.resource, ReleaseGate):
            findings += _gate(one, one.resource, policies)
        if isinstance(one.resource, Dashboard):
            findings += _dashboard(one, one.resource, found)
    return findings


def _compile(slo: ServiceLevelObjective, corrections: Corrections) -> frozenset[str]:
    """The windows whose burn rates are recorded. Raises Stalled as the controller would."""
    group = Group(slo, corrections)
    manifests(slo, group, Output())
    names = (rule.get("record", "") for rule in group.rules)
    return frozenset(name.removeprefix(_BURN) for name in names if name.startswith(_BURN))


def _objective(one: Found, slo: ServiceLevelObjective, others: dict[Key, ServiceLevelObjective]) -> Iterator[Finding]:
    """How it fits together with the objectives that it names."""
    for index, name in enumerate(slo.spec.depends_on):
        if Key(slo.key.namespace, name) not in others:
            message = _absent("ServiceLevelObjective", name, slo.key.namespace)
            yield one.about(("spec", "dependsOn", index), message, warning=True)
    for path, sentence in doubts(slo):
        yield one.about(path, sentence, warning=True)
    made_of = slo.spec.indicator.composite
    if made_of is None:
        return
    path = ("spec", "indicator", "composite")
    try:
        missing = composite.check(slo, others.get)
    except Stalled as stalled:
        yield one.finding(stalled)
        return
    for key in missing:
        yield one.about(path, _absent("ServiceLevelObjective", key.name, key.namespace), warning=True)
    if not missing:
        kept = composite.attainable(made_of, [others[key].objective for key in composite.components(slo)])
        if kept < slo.objective:
            percent = (kept * 100).quantize(Decimal("0.001")).normalize()
            message = (
                f"components that just keep their objectives make {percent:f} % of it: promise no more than that, "
                "or ask more of them"
            )
            yield one.about(("spec", "objective"), message, warning=True)


def _correction(one: Found, correction: Correction, found: Sequence[Found]) -> Iterator[Finding]:
    try:
        verified(correction)
    except Stalled as stalled:
        yield one.finding(stalled)
    slos = [each.resource for each in found if isinstance(each.resource, ServiceLevelObjective)]
    objectives, namespace = correction.spec.objectives, correction.key.namespace
    yield from _names(one, objectives, {slo.metadata.name for slo in slos if slo.key.namespace == namespace})
    if objectives.names is None and not any(applies(correction, slo) for slo in slos):
        yield one.about(("spec", "objectives"), _nothing(namespace), warning=True)


def _nothing(namespace: str) -> str:
    return f"no ServiceLevelObjective of namespace {namespace} in these files is selected"


def _policy(
    one: Found,
    policy: ErrorBudgetPolicy,
    slos: dict[Key, Manifest],
    parsed: dict[Key, ServiceLevelObjective],
    recorded: dict[Key, frozenset[str]],
) -> Iterator[Finding]:
    objectives, namespace = policy.spec.objectives, policy.key.namespace
    yield from _names(one, objectives, {key.name for key in slos if key.namespace == namespace})
    wanted = objectives.wire()
    chosen = [key for key, slo in slos.items() if key.namespace == namespace and selects(wanted, slo)]
    if not chosen and objectives.names is None:
        yield one.about(("spec", "objectives"), _nothing(namespace), warning=True)
    if len(chosen) > MAX_WATCHED:
        message = f"{len(chosen)} objectives are selected, and a policy watches {MAX_WATCHED}: select fewer"
        yield one.about(("spec", "objectives"), message)
    for index, rule in enumerate(policy.spec.rules):
        path = ("spec", "rules", index, "when")
        for key in (key for key in chosen if key in recorded):
            yield from _rule(one, path, rule.when, parsed[key], recorded[key])


def _rule(
    one: Found, path: tuple[str | int, ...], when: When, slo: ServiceLevelObjective, recorded: frozenset[str]
) -> Iterator[Finding]:
    """Whether an objective records what a condition asks for."""
    name, known = slo.metadata.name, sorted(recorded, key=seconds)
    for field, over in zip(("over", "and"), when.burn_rate.windows if when.burn_rate else (), strict=False):
        if over not in recorded:
            message = f"{name} does not record a burn rate over {over}: choose one of {', '.join(known)}"
            yield one.about((*path, "burnRate", field), message)
    if when.exhausted_within is None:
        return
    looked_at = [duration(window) for window in projection.windows(map(seconds, known), slo.window)]
    if len(looked_at) < 2:
        message = f"for {name} it rests on one window alone, {looked_at[0]}: a short spike is enough; prefer burnRate"
        yield one.about((*path, "exhaustedWithin"), message, warning=True)
    if seconds(when.exhausted_within) > slo.window:
        message = f"the window of {name} is {duration(slo.window)}, and nothing is foretold beyond that: write less"
        yield one.about((*path, "exhaustedWithin"), message, warning=True)


def _dashboard(one: Found, board: Dashboard, found: Sequence[Found]) -> Iterator[Finding]:
    seen = dashboards.observed(board, found)
    try:
        dashboard.render(board, seen)
    except Stalled as stalled:
        yield one.finding(stalled)
    if board.spec.objectives and board.spec.objectives.names:
        yield from _names(one, board.spec.objectives, seen.names)
    elif not seen.names:
        path = ("spec", "service") if board.spec.service and not board.spec.objectives else ("spec",)
        yield one.about(path, _nothing(board.key.namespace), warning=True)


def _names(one: Found, objectives: Objectives, present: Collection[str]) -> Iterator[Finding]:
    """Names that lead out of the files."""
    for index, name in enumerate(objectives.names or ()):
        if name not in present:
            message = _absent("ServiceLevelObjective", name, one.resource.key.namespace)
            yield one.about(("spec", "objectives", "names", index), message, warning=True)


def _gate(one: Found, gate: ReleaseGate, policies: set[Key]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for index, source in enumerate(gate.spec.sources):
        try:
            if source.freeze is not None:
                of_freeze(source.freeze, now, f"spec.sources[{index}].freeze")
        except Stalled as stalled:
            yield one.finding(stalled)
    for index, source in enumerate(gate.spec.sources):
        name = source.error_budget_policy
        if name and Key(gate.key.namespace, name) not in policies:
            path = ("spec", "sources", index, "errorBudgetPolicy")
            yield one.about(path, _absent("ErrorBudgetPolicy", name, gate.key.namespace), warning=True)


def _absent(kind: str, name: str, namespace: str) -> str:
    return f"no {kind} {name} of namespace {namespace} is in these files"
