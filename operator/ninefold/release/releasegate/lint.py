"""Checks a release gate in files for errors that otherwise only its controller reports. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.domain.selectors.objectives import absent
from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.release.gate.source_stop_and_freeze import of_freeze
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy


def check(gate: ReleaseGate, others: ResourceSet) -> Iterator[Diagnostic]:
    for index, source in enumerate(gate.spec.sources):
        try:
            if source.freeze is not None:
                of_freeze(source.freeze, others.now, f"spec.sources[{index}].freeze")
        except Stalled as stalled:
            yield Diagnostic.of(stalled.message)
    for index, source in enumerate(gate.spec.sources):
        name = source.error_budget_policy
        if name and others.get(ErrorBudgetPolicy, Key(gate.key.namespace, name)) is None:
            message = absent(ErrorBudgetPolicy.api, name, gate.key.namespace)
            yield Diagnostic(("spec", "sources", index, "errorBudgetPolicy"), message, warning=True)
