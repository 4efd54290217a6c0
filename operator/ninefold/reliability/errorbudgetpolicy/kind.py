"""How Ninefold serves ErrorBudgetPolicies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ninefold.domain.kind import Kind, Parts
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources


def _controller() -> type[AnyController]:
    from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController

    return ErrorBudgetPolicyController


def _make(parts: Parts) -> AnyController:
    from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController

    return ErrorBudgetPolicyController(parts.sources)


def _metrics(store: Store, sources: PrometheusSources) -> Collector:
    from ninefold.reliability.errorbudgetpolicy.metrics import PolicyMetrics

    return PolicyMetrics(store)


def _lint(policy: ErrorBudgetPolicy, others: ResourceSet) -> Iterable[Diagnostic]:
    from ninefold.reliability.errorbudgetpolicy.lint import check

    return check(policy, others)


def _policies() -> list[Manifest]:
    from ninefold.reliability.errorbudgetpolicy.forgiving import forgiving_manifests

    return forgiving_manifests()


KIND = Kind(
    model=ErrorBudgetPolicy,
    controller=_controller,
    make=_make,
    metrics=_metrics,
    lint=_lint,
    policies=_policies,
    admin_only=True,
    words={
        "Healthy": "good",
        "Caution": "attention",
        "Exhausted": "bad",
        "Exempt": "notice",
        "Unknown": "attention",
    },
)
