"""What RBAC cannot express: the operator writes only objects that it made or that ask to be held, and only the operator
writes a status. Pure.

RBAC knows no labels, so a right to apply ConfigMaps is a right to every ConfigMap. These ValidatingAdmissionPolicies
narrow it: for the operator's account the API server refuses each write of a child that lacks the operator's label, and
each write of another owner's object beyond the fields that the object asks to have held. And RBAC cannot take a right
from an account that has all rights, as GitOps controllers often do: a policy keeps such accounts from the status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ninefold.kube import accounts, admission
from ninefold.kube.api import GROUP, HOLDER, MANAGED_BY, OPERATOR, VERSION, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.follower import Follower
from ninefold.kube.model import Resource

NAME = "ninefold-operator-writes"
STATUS = "ninefold-status"

_OPERATOR = {"name": "the-operator", "expression": accounts.IS_NAMED}
# Without the ClusterRoleBinding the operator has no rights to restrict.
_BINDING = accounts.of_binding(accounts.OPERATOR_BINDING, missing="Allow")
_OURS = f"o.metadata.?labels[?'{MANAGED_BY}'].orValue('') == '{OPERATOR}'"


def guard(controllers: Sequence[type[AnyController]]) -> list[Manifest]:
    """The policy, and its binding, over every resource that plans may hold or that the operator creates; empty if there
    is no such resource."""
    children = {child for controller in controllers for child in controller.children}
    made = sorted(children | {controller.resource.api for controller in controllers if controller.makes})
    if not made:
        return []
    policy = admission.policy(
        NAME,
        # The condition below excludes every other account, so a failure affects only the operator.
        fails=True,
        paramKind=accounts.PARAMETER,
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
                "another owner's object has this name",
            },
            *_contents(controllers),
        ],
    )
    return [policy, admission.binding(NAME, parameters=_BINDING)]


def _contents(controllers: Sequence[type[AnyController]]) -> Iterator[dict[str, str]]:
    """For each resource: its objects have one of the forms that a controller makes."""
    kinds = dict.fromkeys(api for controller in controllers for api in controller.contents)
    for api in sorted(kinds):
        contents = [controller.contents[api] for controller in controllers if api in controller.contents]
        either = " || ".join(f"({content.expression})" for content in contents)
        yield {
            "expression": f"object == null || request.resource.resource != '{api.plural}' || {either}",
            "message": f"the operator writes into {api.plural}: {'; or '.join(content.words for content in contents)}",
        }


def status_guard(kinds: Sequence[type[Resource]]) -> list[Manifest]:
    """The policy that lets only the operator write the status of Ninefold's kinds, and its binding.

    Only statuses hold decisions, versions known to be good and spent budgets.
    """
    statuses = [f"{kind.api.plural}/status" for kind in kinds]
    policy = admission.policy(
        STATUS,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={
            "resourceRules": [admission.resources(GROUP, VERSION, ("CREATE", "UPDATE"), sorted(statuses))]
        },
        validations=[
            {
                "expression": f"{accounts.IS_NAMED} || {accounts.IS_SUPERUSER}",
                "message": "only the operator writes a status: the account that the ClusterRoleBinding "
                f"{accounts.OPERATOR_BINDING} names",
                "reason": "Forbidden",
            }
        ],
    )
    return [policy, admission.binding(STATUS, parameters=accounts.of_binding(accounts.OPERATOR_BINDING))]


_BESIDE_SPEC = ("labels", "finalizers", "ownerReferences")


def holding_guard(follower: type[Follower]) -> list[Manifest]:
    """The policy that limits the operator to what the owners of a foreign kind have asked for, and its binding."""
    api, name = follower.api, f"ninefold-operator-holds-{follower.api.plural}"
    asks, writes = list(follower.asks), list(follower.writes)
    same = (f"object.metadata.?{part} == oldObject.metadata.?{part}" for part in _BESIDE_SPEC)
    policy = admission.policy(
        name,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={"resourceRules": [admission.resources(api.group, api.version, ("UPDATE",), (api.plural,))]},
        matchConditions=[_OPERATOR],
        variables=admission.variables({"old": "dyn(oldObject.spec)", "new": "dyn(object.spec)"}),
        validations=[
            {
                "expression": f"{asks}.exists(a, a in oldObject.metadata.?annotations.orValue({{}})) || "
                f"oldObject.metadata.?managedFields.orValue([]).exists(f, f.?manager.orValue('') == '{HOLDER}')",
                "message": f"the operator writes only to objects that ask for it with the annotation {asks[0]}",
            },
            {
                "expression": f"variables.new.all(k, k in {writes} || "
                "(k in variables.old && variables.new[k] == variables.old[k])) && "
                f"variables.old.all(k, k in {writes} || k in variables.new) && {' && '.join(same)}",
                "message": f"the operator writes only annotations and spec.{', spec.'.join(writes)}",
            },
            *({"expression": expression, "message": message} for expression, message in follower.rules),
        ],
    )
    return [policy, admission.binding(name, parameters=_BINDING)]
