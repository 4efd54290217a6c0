"""What RBAC cannot say: that the operator writes only objects that it made. Pure.

RBAC knows no labels, so a right to apply ConfigMaps is a right to every ConfigMap. This ValidatingAdmissionPolicy takes
that back: for the operator's own account the API server refuses each write of a child that lacks our label.
"""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.kube import admission
from ninefold.kube.api import MANAGED_BY, OPERATOR, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.rbac import NAMESPACE_OF_OPERATOR

NAME = "ninefold-operator-writes"

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
        matchConditions=[
            {
                "name": "the-operator",
                "expression": "request.userInfo.username == "
                f"'system:serviceaccount:{NAMESPACE_OF_OPERATOR}:{OPERATOR}'",
            }
        ],
        validations=[
            {
                "expression": f"[object, oldObject].all(o, o == null || {_OURS})",
                "message": f"the operator writes only objects labelled {MANAGED_BY}={OPERATOR}: "
                "there is one of another owner under this name",
            }
        ],
    )
    return [policy, admission.binding(NAME)]
