"""The kinds of this stage, in the order in which people meet them."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.reliability.correction.kind import KIND as CORRECTION
from ninefold.reliability.errorbudgetpolicy.kind import KIND as ERROR_BUDGET_POLICY
from ninefold.reliability.servicelevelobjective.kind import KIND as SERVICE_LEVEL_OBJECTIVE

KINDS: tuple[Kind, ...] = (SERVICE_LEVEL_OBJECTIVE, CORRECTION, ERROR_BUDGET_POLICY)
