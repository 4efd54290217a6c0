"""The static ValidatingAdmissionPolicies that enforce every ReleaseGate, with the gate as their parameter. Pure.

The API server decides alone: while the operator is down, a closed gate stays closed, a freeze begins and ends, an
Override ends, and a rollback passes. There is one policy for each mode, since the binding says what follows from a
refusal.

A change that cannot be judged is refused. In a namespace without a gate, nothing is evaluated. In a namespace with a
gate, no expression fails or costs too much, whatever a workload contains. One case is left, an installation without the
CRD: then each update of a workload is refused until the policies are deleted, except in the namespaces of the cluster
itself and of the operator.
"""

from __future__ import annotations

from ninefold.kube import admission
from ninefold.kube.api import Manifest
from ninefold.kube.rbac import NAMESPACE_OF_OPERATOR
from ninefold.release.releasegate.admission import clock, restart, rollback, selection, shapes
from ninefold.release.releasegate.resource import ReleaseGate

NAME = "ninefold-release-gate"
EXEMPT = ("kube-system", NAMESPACE_OF_OPERATOR)
"""The namespaces in which no gate is enforced: they must be repaired first if the policies themselves fail."""

_NAME_OF_NAMESPACE = "kubernetes.io/metadata.name"
_ACTIONS = {"Enforce": "Deny", "Warn": "Warn", "Audit": "Audit"}
"""By mode, the action of the API server on a change that a closed gate refuses."""

_DECIDING = {
    "decision": "params.?status.?decision.orValue('Unknown')",
    # While the time is not known, a closure that may be in force is in force.
    "closures": "params.?status.?closures.orValue([]).filter(c, "
    "(!has(c.from) || variables.latest == '' || c.from <= variables.latest) && "
    "(!has(c.until) || variables.earliest == '' || variables.earliest < c.until))",
    # An older operator writes a status without closures.
    "closed": "params.?status.?closures.orValue([]).size() > 0 ? variables.closures.size() > 0 "
    ": variables.decision in ['Hold', 'Deny']",
}
_VARIABLES = {
    **shapes.VARIABLES,
    **selection.VARIABLES,
    **clock.VARIABLES,
    **_DECIDING,
    **restart.VARIABLES,
    **rollback.VARIABLES,
    "judged": "variables.restart || variables.rollback || variables.restored || variables.overridden",
}

_GATE = "'release gate ' + params.metadata.namespace + '/' + params.metadata.name"
_SAID = "params.?status.?message.orValue('')"
_FIRST = "variables.closures[0]"
_DECIDED = f"(variables.closures.size() == 0 ? variables.decision : {_FIRST}.decision)"
_OTHERS = (
    "(variables.closures.size() > 1 ? ' Closed by ' + "
    "variables.closures.slice(1, variables.closures.size()).map(c, c.because).join(' and ') + ' too.' : '')"
)
_WHY = (
    f"variables.closures.size() == 0 ? ({_SAID} == '' ? '.' : ': ' + {_SAID}) : "
    f"({_FIRST}.?message.orValue('') == '' ? '.' : ': ' + {_FIRST}.message) + {_OTHERS} + "
    "(variables.way == '' ? '' : ' ' + variables.way)"
)
_LARGE = (
    f"(variables.large ? ' It has more than {shapes.MOST_PARTS} containers and image volumes: whether it is a rollback "
    "is not checked.' : '')"
)
# A rollback of configuration looks like any other change, unless the gate learns whole templates.
_CONFIGURATION = (
    "(variables.changed && !variables.differs && !variables.moves && "
    "params.spec.?knownGood.?templates.orValue(0) == 0 ? ' No image changes with it: a gate with "
    "spec.knownGood.templates lets a rollback of configuration pass.' : '')"
)
# What a user can do where the time would have decided. Once managedFields is empty, only a server-side apply is stamped
# again.
_APPLY = "with kubectl apply --server-side --force-conflicts"
_CLOCK = (
    "(variables.latest == '' && (variables.closures.exists(c, has(c.from)) || "
    "params.?status.?overrides.orValue([]).size() > 0) ? (variables.crowded ? ' The API server cannot tell its time "
    f"among so many field managers: empty metadata.managedFields, and try again {_APPLY}.' : "
    "variables.fields.size() == 0 ? ' The API server cannot tell its time, since metadata.managedFields is empty: try "
    f"again {_APPLY}.' : ' The API server cannot tell its "
    "time by a change that adds nothing: change an annotation with it, whatever its value, and try again.') : "
    "variables.planted && (variables.closures.exists(c, has(c.from)) || "
    "params.?status.?overrides.orValue([]).exists(o, o.until <= variables.latest)) ? "
    "' The API server takes it to be ' + variables.latest + ' by metadata.managedFields: if that is yet to come, "
    f"someone forged it. Empty metadata.managedFields, and try again {_APPLY}.' : "
    "variables.latest != '' && variables.earliest == '' && "
    "variables.closures.exists(c, has(c.until) && c.until <= variables.latest) ? ' It may be over, which the API "
    "server cannot tell by this request: try again with kubectl, or name a field manager.' : '')"
)
_ENDINGS = {
    "Enforce": "' To release all the same: ninefold gate override ' + params.metadata.name + "
    "' -n ' + params.metadata.namespace + ' --for 30m --reason ...'",
    "Warn": "' The gate only warns: the change passes.'",
    "Audit": "' The gate only audits: the change passes.'",
}
"""By mode, the consequence for the user who makes the change."""
# Last, and without a full stop: it may be an address.
_CONTACT = "(params.spec.?contact.orValue('') == '' ? '' : ' Contact: ' + params.spec.contact)"
_RULES = (
    admission.resources("apps", "v1", ("UPDATE",), ("deployments", "statefulsets", "daemonsets")),
    admission.resources("batch", "v1", ("UPDATE",), ("cronjobs",)),
    admission.resources("argoproj.io", "v1alpha1", ("UPDATE",), ("rollouts",)),
)
# Without a namespace here, the parameters are the gates of the request's namespace; each of them is evaluated.
_GATES = {"selector": {}, "parameterNotFoundAction": "Allow"}


def _policy(mode: str) -> Manifest:
    return admission.policy(
        _name(mode),
        fails=True,
        paramKind={"apiVersion": ReleaseGate.api.api_version, "kind": ReleaseGate.api.kind},
        matchConstraints={
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(EXEMPT)}
                ]
            },
            "resourceRules": list(_RULES),
        },
        matchConditions=[
            {
                "name": "spec-or-labels",
                "expression": "object.?spec.orValue({}) != oldObject.?spec.orValue({}) || "
                "object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({})",
            },
            {"name": "mode", "expression": f"params.spec.?mode.orValue('Enforce') == '{mode}'"},
        ],
        variables=admission.variables(_VARIABLES),
        validations=[
            {
                "expression": "!variables.changed || !variables.closed || !variables.scoped || variables.judged",
                "message": "the release gate is closed",
                "messageExpression": f"{_GATE} + ' is closed (' + {_DECIDED} + ')' + ({_WHY}) + {_LARGE} + {_CLOCK} + "
                f"{_CONFIGURATION} + {_ENDINGS[mode]} + {_CONTACT}",
                "reason": "Forbidden",
            },
            {
                "expression": "!variables.leaves || !variables.closed",
                "message": "the release gate is closed, and without these labels the workload would not be under it",
                "messageExpression": f"{_GATE} + ' is closed (' + {_DECIDED} + "
                f"'): keep the labels that it selects by until it opens' + {_CONTACT}",
                "reason": "Forbidden",
            },
        ],
        auditAnnotations=[
            {
                "key": "override",
                "valueExpression": "variables.changed && variables.closed && variables.scoped && "
                "variables.overridden ? variables.overrides[0].name + ' by ' + variables.overrides[0].by : ''",
            }
        ],
    )


def _name(mode: str) -> str:
    return NAME if mode == "Enforce" else f"{NAME}-{mode.lower()}"


def policy_manifests() -> list[Manifest]:
    """Returns the policies and their bindings, which are installed once in a cluster."""
    return [
        manifest
        for mode, action in _ACTIONS.items()
        for manifest in (_policy(mode), admission.binding(_name(mode), action, _GATES))
    ]
