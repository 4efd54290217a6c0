"""Who may forgive what was spent: a user who may override gates, under their own name. Pure.

Admins of a namespace write policies, and so do GitOps controllers with all rights: neither has the verb `override` for
that reason alone.
"""

from __future__ import annotations

from ninefold.domain.people import authors
from ninefold.kube.accounts import ME
from ninefold.kube.api import Manifest
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

FORGIVING = "ninefold-forgiving"

_GATES = authors.in_namespace(authors.GATES)

_RULES = (
    authors.own_name(f"variables.added.all(f, f.by == {ME})", "by of what you forgive"),
    {
        "expression": f"variables.added.size() == 0 || ({authors.has_verb('override', _GATES)})",
        "messageExpression": f"{ME} + ' may not forgive what was spent: it takes the verb override on releasegates "
        "(ClusterRole ninefold-override), and a machine must have it by name, not as one of all verbs'",
        "message": "this user may not forgive what was spent: it takes the verb override on releasegates",
    },
)


def forgiving_manifests() -> list[Manifest]:
    """The ValidatingAdmissionPolicy and its binding, installed once in a cluster."""
    variables = {
        "before": "oldObject == null ? [] : oldObject.spec.?forgive.orValue([])",
        "added": "object.spec.?forgive.orValue([]).filter(f, !variables.before.exists(b, b == f))",
    }
    return authors.policy(FORGIVING, (ErrorBudgetPolicy.api,), _RULES, variables)
