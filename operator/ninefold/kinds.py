"""Every kind that Ninefold serves, stage by stage, in the order in which people meet them."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.kube.controller import AnyController
from ninefold.kube.model import Resource
from ninefold.observability.kinds import KINDS as OBSERVABILITY
from ninefold.release.kinds import KINDS as RELEASE
from ninefold.reliability.kinds import KINDS as RELIABILITY

KINDS: tuple[Kind, ...] = (*RELIABILITY, *RELEASE, *OBSERVABILITY)

MODELS: tuple[type[Resource], ...] = tuple(kind.model for kind in KINDS)
GUARDS: frozenset[type[Resource]] = frozenset(kind.model for kind in KINDS if kind.admin_only)
"""Kinds that block users. A blocked user must not be able to remove them, so only admins write them."""
RECORDS: frozenset[type[Resource]] = frozenset(kind.model for kind in KINDS if kind.record)
"""Kinds that people only read: the operator writes down what happened."""


def controllers() -> tuple[type[AnyController], ...]:
    """The class of each kind's controller: rights follow from these."""
    return tuple(kind.controller() for kind in KINDS)
