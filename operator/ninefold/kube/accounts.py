"""CEL for admission policies: which accounts are the operator, the cluster's own controllers, or machines. Pure.

Policies name no account. A ClusterRoleBinding is their parameter, and the API server reads its subjects: the operator
is the account that the ClusterRoleBinding of its rights names, whatever name an installation gives that account.
"""

from __future__ import annotations

from typing import Any

from ninefold.kube.api import Manifest

PARAMETER = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
OPERATOR_BINDING = "ninefold-operator"
"""Gives the operator its rights, and so identifies the account of the operator."""
MACHINES = "ninefold-machines"
"""Lists more accounts that no person uses. It gives no rights."""

ME = "request.userInfo.username"
_GROUPS = "request.userInfo.?groups.orValue([])"
_SERVICE_ACCOUNT = "system:serviceaccount:"

IS_NAMED = (
    f"params.?subjects.orValue([]).exists(s, s.kind == 'User' && s.name == {ME} || s.kind == 'ServiceAccount' && "
    f"'{_SERVICE_ACCOUNT}' + s.?namespace.orValue('') + ':' + s.name == {ME})"
)
"""CEL: whether the binding names the user, not only a group of the user's."""

IS_MACHINE = (
    f"{ME}.startsWith('{_SERVICE_ACCOUNT}') || {IS_NAMED} || "
    f"params.?subjects.orValue([]).exists(s, s.kind == 'Group' && s.name in {_GROUPS})"
)
"""CEL: whether the user is a service account, or an account that the list of machines names."""

IS_SUPERUSER = f"'system:masters' in {_GROUPS}"
"""CEL: no RBAC rule and no policy restricts this group of the API server; it may also delete the policies."""

_HOUSEKEEPERS = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
]
IS_HOUSEKEEPER = f"{ME} in {_HOUSEKEEPERS}"
"""CEL: the controllers of Kubernetes that delete objects whose owner or namespace is deleted."""

IS_LEAVING = "has(namespaceObject.metadata.deletionTimestamp)"
"""CEL: whether the namespace of the object is being deleted."""


def of_binding(name: str, *, missing: str = "Deny") -> dict[str, Any]:
    """The parameter of a policy's binding. `missing` is the action if this ClusterRoleBinding does not exist: Allow
    skips the policy, Deny refuses the request."""
    return {"name": name, "parameterNotFoundAction": missing}


def machines() -> list[Manifest]:
    """An empty list of machines, and the role without rights that it refers to."""
    group, _, _ = PARAMETER["apiVersion"].partition("/")
    labels = {"app.kubernetes.io/name": "ninefold", "app.kubernetes.io/part-of": "ninefold"}
    metadata = {"name": MACHINES, "labels": labels}
    role = {"apiVersion": PARAMETER["apiVersion"], "kind": "ClusterRole", "metadata": metadata, "rules": []}
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": MACHINES}
    return [role, {**PARAMETER, "metadata": metadata, "roleRef": reference, "subjects": []}]
