"""Reads the status of an ErrorBudgetPolicy that a gate names. Pure: reads only the store."""

from __future__ import annotations

from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus


def policy_status(store: Store, key: Key) -> ErrorBudgetPolicyStatus | None:
    """Returns the status of the policy; None if the policy does not exist."""
    manifest = store.get(ErrorBudgetPolicy.api, key)
    if manifest is None:
        return None
    try:
        return ErrorBudgetPolicy.parse(manifest).status
    except Stalled:
        # The policy is invalid, so it decides nothing; its own status says why.
        return ErrorBudgetPolicyStatus.model_validate({})
