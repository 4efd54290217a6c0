"""What an ErrorBudgetPolicy says to the gates that name it. Pure: reads the store alone."""

from __future__ import annotations

from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus


def policy_status(store: Store, key: Key) -> ErrorBudgetPolicyStatus | None:
    """Its status; None if there is no such policy."""
    manifest = store.get(ErrorBudgetPolicy.api, key)
    if manifest is None:
        return None
    try:
        return ErrorBudgetPolicy.parse(manifest).status
    except Stalled:
        # It cannot be read, so it says nothing; its own status says why.
        return ErrorBudgetPolicyStatus.model_validate({})
