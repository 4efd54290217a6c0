"""Every kind that Ninefold serves, in the order in which people meet them."""

from __future__ import annotations

from ninefold.kube.model import Resource
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

KINDS: tuple[type[Resource], ...] = (
    ServiceLevelObjective,
    Correction,
    ErrorBudgetPolicy,
    ReleaseGate,
    ClusterReleaseGate,
    Override,
    Release,
    Dashboard,
)

GUARDS: frozenset[type[Resource]] = frozenset({Correction, ErrorBudgetPolicy, ReleaseGate, ClusterReleaseGate})
"""Kinds that hold people back. Whoever is held back must not be able to lift them, so only admins write these."""

RECORDS: frozenset[type[Resource]] = frozenset({Release})
"""Kinds that people only read: the operator writes down what happened."""
