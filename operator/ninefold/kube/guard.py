"""What RBAC cannot say: the operator writes only objects that it made, or that ask to be held, and nobody else writes a
status. Pure.

RBAC knows no labels, so a right to apply ConfigMaps is a right to every ConfigMap. These ValidatingAdmissionPolicies
take that back: for the operator's own account the API server refuses each write of a child that lacks our label, and
each write of a foreign object beyond the fields that it asks to have held. And RBAC cannot take a right away from an
account that has all of them, as controllers of GitOps often do: a policy keeps it from the status of our kinds.
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
# Without the binding the operator has no rights, and there is nothing to restrict.
_BINDING = accounts.of_binding(accounts.OPERATOR_BINDING, missing="Allow")
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
                "there is one of another owner under this name",
            },
            *_contents(controllers),
        ],
    )
    return [policy, admission.binding(NAME, parameters=_BINDING)]


def _contents(controllers: Sequence[type[AnyController]]) -> Iterator[dict[str, str]]:
    """For each resource: an object of it looks like one of those that some controller makes."""
    kinds = dict.fromkeys(api for controller in controllers for api in controller.contents)
    for api in sorted(kinds):
        found = [controller.contents[api] for controller in controllers if api in controller.contents]
        either = " || ".join(f"({content.expression})" for content in found)
        yield {
            "expression": f"object == null || request.resource.resource != '{api.plural}' || {either}",
            "message": f"the operator writes into {api.plural}: {'; or '.join(content.words for content in found)}",
        }


def status_guard(kinds: Sequence[type[Resource]]) -> list[Manifest]:
    """The policy that keeps everyone but the operator from the status of our kinds, and its binding.

    A decision, what is known to be good and what was spent stand in statuses alone.
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
                "message": "a status is written by the operator alone: the account that the ClusterRoleBinding "
                f"{accounts.OPERATOR_BINDING} names",
                "reason": "Forbidden",
            }
        ],
    )
    return [policy, admission.binding(STATUS, parameters=accounts.of_binding(accounts.OPERATOR_BINDING))]


_BESIDE_SPEC = ("labels", "finalizers", "ownerReferences")


def holding_guard(follower: type[Follower]) -> list[Manifest]:
    """The policy that keeps the operator to what the owners of a foreign kind have asked for, and its binding."""
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
    return [policy, admission.binding(name, parameters=_BINDING)]
