"""The kinds of this stage by folder, in the order in which users meet them. Pure."""

from __future__ import annotations

from ninefold.domain.kind import registered

KINDS = registered(
    "ninefold.reliability",
    "servicelevelobjective",
    "correction",
    "errorbudgetpolicy",
)
