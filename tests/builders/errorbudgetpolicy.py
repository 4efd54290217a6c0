"""ErrorBudgetPolicies for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from tests.builders import made

RULES: Sequence[Mapping[str, Any]] = (
    {"when": {"budgetLeftBelow": "25"}, "state": "Caution"},
    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
    {"when": {"burnRate": {"above": "14.4", "over": "1h"}}, "state": "Exhausted", "then": {"gate": "Deny"}},
)
EXHAUSTED = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}


def manifest(name: str = "checkout", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A policy over the objectives of the service of its name: a spent budget holds change."""
    return made(ErrorBudgetPolicy, name, namespace, **{"objectives": {"service": name}, "rules": [EXHAUSTED], **spec})


def policy(rules: Sequence[Mapping[str, Any]] = RULES, **spec: Any) -> ErrorBudgetPolicy:
    """A policy with several steps."""
    return ErrorBudgetPolicy.parse(manifest(rules=list(rules), **spec))
