"""Checks of an ErrorBudgetPolicy in files that need other files, as a controller makes them in a cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.domain.selectors.objectives import names_missing, nothing_selected, selects
from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration, seconds
from ninefold.reliability.errorbudgetpolicy import projection
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.rules import When
from ninefold.reliability.errorbudgetpolicy.status import MAX_WATCHED
from ninefold.reliability.servicelevelobjective.lint import recorded_windows
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def check(policy: ErrorBudgetPolicy, others: ResourceSet) -> Iterator[Diagnostic]:
    objectives, namespace = policy.spec.objectives, policy.key.namespace
    wanted, parsed = objectives.wire(), others.by_key(ServiceLevelObjective)
    slos = {Key.of(slo): slo for slo in others.manifests(ServiceLevelObjective)}
    yield from names_missing(objectives, namespace, {key.name for key in slos if key.namespace == namespace})
    chosen = [key for key, slo in slos.items() if key.namespace == namespace and selects(wanted, slo)]
    if not chosen and objectives.names is None:
        yield Diagnostic(("spec", "objectives"), nothing_selected(namespace), warning=True)
    if len(chosen) > MAX_WATCHED:
        message = f"{len(chosen)} objectives are selected, and a policy watches {MAX_WATCHED}: select fewer"
        yield Diagnostic(("spec", "objectives"), message)
    recorded = others.once(recorded_windows)
    for index, rule in enumerate(policy.spec.rules):
        for key in chosen:
            windows = recorded[key]
            if not isinstance(windows, Stalled):
                yield from _rule(("spec", "rules", index, "when"), rule.when, parsed[key], windows)


def _rule(
    path: tuple[str | int, ...], when: When, slo: ServiceLevelObjective, recorded: frozenset[str]
) -> Iterator[Diagnostic]:
    """Reports burn rates that an objective does not record, and forecasts that say little."""
    name, known = slo.metadata.name, sorted(recorded, key=seconds)
    for field, over in zip(("over", "and"), when.burn_rate.windows if when.burn_rate else (), strict=False):
        if over not in recorded:
            message = f"{name} does not record a burn rate over {over}: choose one of {', '.join(known)}"
            yield Diagnostic((*path, "burnRate", field), message)
    if when.exhausted_within is None:
        return
    considered = [duration(window) for window in projection.windows(map(seconds, known), slo.window)]
    if len(considered) < 2:
        message = (
            f"for {name} the forecast rests on one window alone, {considered[0]}: "
            "a short spike is enough; prefer burnRate"
        )
        yield Diagnostic((*path, "exhaustedWithin"), message, warning=True)
    if seconds(when.exhausted_within) > slo.window:
        message = f"the window of {name} is {duration(slo.window)}, and no forecast reaches beyond it: write less"
        yield Diagnostic((*path, "exhaustedWithin"), message, warning=True)
