"""Who may forgive what was spent: a user who may override gates, under their own name. Pure.

Admins of a namespace write policies, and so do the machines of GitOps that may do everything: neither has the verb
`override` by that.
"""

from __future__ import annotations

from ninefold.kube import accounts, admission
from ninefold.kube.accounts import ME
from ninefold.kube.api import GROUP, VERSION, Manifest
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

FORGIVING = "ninefold-forgiving"

_GATES = f"authorizer.group('{GROUP}').resource('{ReleaseGate.api.plural}').namespace(request.namespace)"

_RULES = (
    {
        "expression": f"variables.added.all(f, f.by == {ME})",
        "messageExpression": f"'write your own name into by of what you forgive: ' + {ME}",
        "message": "write your own name into by of what you forgive",
    },
    {
        "expression": f"variables.added.size() == 0 || ({_GATES}.check('override').allowed() && "
        f"(!variables.machine || !{_GATES}.check('any-verb-at-all').allowed()))",
        "messageExpression": f"{ME} + ' may not forgive what was spent: it takes the verb override on releasegates "
        "(ClusterRole ninefold-override), of a machine by name and not as one of all verbs'",
        "message": "this user may not forgive what was spent: it takes the verb override on releasegates",
    },
)


def forgiving_manifests() -> list[Manifest]:
    """The policy and its binding, to be installed once in a cluster."""
    variables = {
        "machine": accounts.IS_MACHINE,
        "before": "oldObject == null ? [] : oldObject.spec.?forgive.orValue([])",
        "added": "object.spec.?forgive.orValue([]).filter(f, !variables.before.exists(b, b == f))",
    }
    policy = admission.policy(
        FORGIVING,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={
            "resourceRules": [
                admission.resources(GROUP, VERSION, ("CREATE", "UPDATE"), (ErrorBudgetPolicy.api.plural,))
            ]
        },
        variables=admission.variables(variables),
        validations=[{**rule, "reason": "Forbidden"} for rule in _RULES],
    )
    return [policy, admission.binding(FORGIVING, parameters=accounts.of_binding(accounts.MACHINES))]
