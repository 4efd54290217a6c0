"""What RBAC cannot say: that the operator writes only objects that it made, or that ask to be held. Pure.

RBAC knows no labels, so a right to apply ConfigMaps is a right to every ConfigMap. These ValidatingAdmissionPolicies
take that back: for the operator's own account the API server refuses each write of a child that lacks our label, and
each write of a foreign object beyond the fields that it asks to have held.
"""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.kube import admission
from ninefold.kube.api import HOLDER, MANAGED_BY, OPERATOR, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.follower import Follower
from ninefold.kube.rbac import NAMESPACE_OF_OPERATOR

NAME = "ninefold-operator-writes"

_OPERATOR = {
    "name": "the-operator",
    "expression": f"request.userInfo.username == 'system:serviceaccount:{NAMESPACE_OF_OPERATOR}:{OPERATOR}'",
}
_OURS = f"o.metadata.?labels[?'{MANAGED_BY}'].orValue('') == '{OPERATOR}'"


def guard(controllers: Sequence[type[AnyController]]) -> list[Manifest]:
    """The policy over every resource that plans may hold or that is made whole, and its binding; nothing where there is
    none."""
    children = {child for controller in controllers for child in controller.children}
    made = sorted(children | {controller.resource.api for controller in controllers if controller.makes})
    if not made:
        return []
    policy = admission.policy(
        NAME,
        # The condition below keeps everyone else out of it, so a failure stops nobody but the operator.
        fails=True,
        matchConstraints={
            "resourceRules": [
                admission.resources(child.group, child.version, ("CREATE", "UPDATE", "DELETE"), (child.plural,))
                for child in made
            ]
        },
        matchConditions=[_OPERATOR],
        validations=[
            {
                "expression": f"[object, oldObject].all(o, o == null || {_OURS})",
                "message": f"the operator writes only objects labelled {MANAGED_BY}={OPERATOR}: "
                "there is one of another owner under this name",
            }
        ],
    )
    return [policy, admission.binding(NAME)]


_BESIDE_SPEC = ("labels", "finalizers", "ownerReferences")


def holding_guard(follower: type[Follower]) -> list[Manifest]:
    """The policy that keeps the operator to what the owners of a foreign kind have asked for, and its binding."""
    api, name = follower.api, f"ninefold-operator-holds-{follower.api.plural}"
    asks, writes = list(follower.asks), list(follower.writes)
    same = (f"object.metadata.?{part} == oldObject.metadata.?{part}" for part in _BESIDE_SPEC)
    policy = admission.policy(
        name,
        fails=True,
        matchConstraints={"resourceRules": [admission.resources(api.group, api.version, ("UPDATE",), (api.plural,))]},
        matchConditions=[_OPERATOR],
        variables=admission.variables({"old": "dyn(oldObject.spec)", "new": "dyn(object.spec)"}),
        validations=[
            {
                "expression": f"{asks}.exists(a, a in oldObject.metadata.?annotations.orValue({{}})) || "
                f"oldObject.metadata.?managedFields.orValue([]).exists(f, f.?manager.orValue('') == '{HOLDER}')",
                "message": f"the operator writes only to what asks for it by the annotation {asks[0]}",
            },
            {
                "expression": f"variables.new.all(k, k in {writes} || "
                "(k in variables.old && variables.new[k] == variables.old[k])) && "
                f"variables.old.all(k, k in {writes} || k in variables.new) && {' && '.join(same)}",
                "message": f"the operator writes nothing but annotations and spec.{', spec.'.join(writes)}",
            },
            *({"expression": expression, "message": message} for expression, message in follower.rules),
        ],
    )
    return [policy, admission.binding(name)]
