"""Who may close a gate by hand, ask for an Override and approve one, and touch a gate that is kept for the whole
cluster: vouched for by the API server. Pure.

Rights are verbs of ours on ReleaseGates: `override` and `approve`. A machine that may do everything, as the controllers
of GitOps may, has them by that alone: it must have been given the verb by its name.
"""

from __future__ import annotations

from ninefold.kube import admission
from ninefold.kube.api import GROUP, VERSION, Manifest
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.resource import ReleaseGate

OVERRIDES, STOPS, KEPT = "ninefold-overrides", "ninefold-stops", "ninefold-kept-gates"
VERBS = {
    "override": "Whoever may let change pass a closed gate; an Override says so with a name, a reason and an end.",
    "approve": "Whoever may agree to the Override of another.",
}
"""Verbs of ours on ReleaseGates, and what each is for."""

_ME = "request.userInfo.username"


def _may(verb: str) -> str:
    """CEL: whether the user has the verb, and a machine not only as one of all verbs."""
    gates = f"authorizer.group('{GROUP}').resource('{ReleaseGate.api.plural}').namespace(request.namespace)"
    one = f"(has(object.spec.gate) ? {gates}.name(object.spec.gate) : {gates})"
    return (
        f"{one}.check('{verb}').allowed() && "
        f"(!{_ME}.startsWith('system:serviceaccount:') || !{one}.check('any-verb-at-all').allowed())"
    )


_OVERRIDE_RULES = (
    {
        "expression": f"oldObject != null || object.spec.by == {_ME}",
        "messageExpression": f"'write your own name into spec.by: ' + {_ME}",
        "message": "write your own name into spec.by",
    },
    {
        "expression": "oldObject != null || variables.approvals.size() == 0",
        "message": "leave out spec.approvals: whoever approves adds it afterwards",
    },
    {
        "expression": f"oldObject != null || ({_may('override')})",
        "messageExpression": f"{_ME} + ' may not override this gate: it takes the verb override on releasegates "
        "(ClusterRole ninefold-override)' + variables.machine",
        "message": "this user may not override the gate: it takes the verb override on releasegates",
    },
    {
        "expression": "variables.before.all(b, variables.approvals.exists(a, a.by == b.by))",
        "message": "an approval that was given stays",
    },
    {
        "expression": f"oldObject == null || variables.added.all(a, a.by == {_ME})",
        "messageExpression": f"'add your own approval only, by: ' + {_ME}",
        "message": "add your own approval only",
    },
    {
        "expression": "oldObject == null || variables.added.all(a, a.by != object.spec.by)",
        "message": "nobody approves his own override",
    },
    {
        "expression": f"oldObject == null || variables.added.size() == 0 || ({_may('approve')})",
        "messageExpression": f"{_ME} + ' may not approve: it takes the verb approve on releasegates (ClusterRole "
        "ninefold-approve)' + variables.machine",
        "message": "this user may not approve: it takes the verb approve on releasegates",
    },
)

_STOP_RULES = (
    {
        "expression": "!has(object.spec.stop) || "
        "(oldObject != null && has(oldObject.spec.stop) && oldObject.spec.stop == object.spec.stop) || "
        f"object.spec.stop.by == {_ME}",
        "messageExpression": f"'write your own name into spec.stop.by: ' + {_ME}",
        "message": "write your own name into spec.stop.by",
    },
)

_KEPT_RULES = (
    {
        "expression": f"!variables.name.startsWith('{PREFIX}') || variables.above.subresource('status').check('patch')"
        ".allowed() || (object == null && variables.above.check('delete').allowed())",
        "messageExpression": "variables.name + ' is kept for the ClusterReleaseGate ' + variables.of + ': change that; "
        f"names that begin with {PREFIX} are for such gates only'",
        "message": f"names that begin with {PREFIX} are for the gates that are kept for a ClusterReleaseGate",
    },
)
"""Whoever may not change the ClusterReleaseGate may not change what it keeps, though his the namespace be.

Nobody is named: the operator may write the status, and the garbage collector and the controller of namespaces, which
must be able to clear away, may delete anything.
"""


def _policy(
    name: str,
    plurals: tuple[str, ...],
    rules: tuple[dict[str, str], ...],
    variables: dict[str, str],
    operations: tuple[str, ...] = ("CREATE", "UPDATE"),
) -> Manifest:
    return admission.policy(
        name,
        fails=True,
        matchConstraints={"resourceRules": [admission.resources(GROUP, VERSION, operations, plurals)]},
        variables=admission.variables(variables),
        validations=[{**rule, "reason": "Forbidden"} for rule in rules],
    )


def people_manifests() -> list[Manifest]:
    """The policies and their bindings, to be installed once in a cluster."""
    variables = {
        "approvals": "object.spec.?approvals.orValue([])",
        "before": "oldObject == null ? [] : oldObject.spec.?approvals.orValue([])",
        "added": "variables.approvals.filter(a, !variables.before.exists(b, b.by == a.by))",
        "machine": f"{_ME}.startsWith('system:serviceaccount:') ? '; a service account must have it by name, not as "
        "one of all verbs' : ''",
    }
    gates = (ReleaseGate.api.plural, ClusterReleaseGate.api.plural)
    name_of = {
        "name": "object == null ? oldObject.metadata.name : object.metadata.name",
        "of": f"variables.name.replace('{PREFIX}', '', 1)",
        "above": f"authorizer.group('{GROUP}').resource('{ClusterReleaseGate.api.plural}').name(variables.of)",
    }
    return [
        _policy(OVERRIDES, (Override.api.plural,), _OVERRIDE_RULES, variables),
        admission.binding(OVERRIDES),
        _policy(STOPS, gates, _STOP_RULES, {}),
        admission.binding(STOPS),
        _policy(KEPT, (ReleaseGate.api.plural,), _KEPT_RULES, name_of, ("CREATE", "UPDATE", "DELETE")),
        admission.binding(KEPT),
    ]
