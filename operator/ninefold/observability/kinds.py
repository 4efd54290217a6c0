"""The kinds of this stage, in the order in which people meet them."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.observability.dashboard.kind import KIND as DASHBOARD

KINDS: tuple[Kind, ...] = (DASHBOARD,)
