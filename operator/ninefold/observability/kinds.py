"""The kinds of this stage, in the order in which users meet them: one line a kind, by the name of its folder. Pure."""

from __future__ import annotations

from ninefold.domain.kind import registered

KINDS = registered(
    "ninefold.observability",
    "dashboard",
)
