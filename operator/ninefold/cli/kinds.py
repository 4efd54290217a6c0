"""Every kind that Ninefold serves, in the order in which people meet them."""

from __future__ import annotations

from ninefold.kube.model import Resource
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

KINDS: tuple[type[Resource], ...] = (ServiceLevelObjective, ErrorBudgetPolicy, ReleaseGate)

GUARDS: frozenset[type[Resource]] = frozenset({ErrorBudgetPolicy, ReleaseGate})
"""Kinds that hold people back. Whoever is held back must not be able to lift them, so only admins write these."""
