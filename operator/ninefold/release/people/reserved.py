"""Admission policies for objects that only the operator writes: the gates kept for a ClusterReleaseGate, and the record
of releases. Pure.

A user who may not change the ClusterReleaseGate may not change its kept gates either, even with every right in the
namespace; and a user whom a record blames may not write another record. An account with all rights in the cluster is no
exception: usually it belongs to a tool.
"""

from __future__ import annotations

from ninefold.kube import accounts, admission
from ninefold.kube.api import GROUP, VERSION, Manifest
from ninefold.release.clusterreleasegate.resource import PREFIX
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate

KEPT, RECORDS = "ninefold-kept-gates", "ninefold-records"

_MAY = (
    f"{accounts.IS_NAMED} || {accounts.IS_SUPERUSER} || {accounts.IS_HOUSEKEEPER} || "
    f"(object == null && {accounts.IS_LEAVING})"
)
"""CEL: whether the user is the operator, a superuser, or a controller that cleans up after a deletion."""

_UNTOUCHED = "object != null && oldObject != null && object.spec == oldObject.spec && " + " && ".join(
    f"object.metadata.?{part} == oldObject.metadata.?{part}" for part in ("labels", "ownerReferences", "finalizers")
)
"""CEL: whether an update changes nothing that matters: an annotation may ask for a reconciliation, for example."""


def _policy(name: str, plural: str, rule: dict[str, str], conditions: list[dict[str, str]]) -> list[Manifest]:
    operations = ("CREATE", "UPDATE", "DELETE")
    policy = admission.policy(
        name,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={"resourceRules": [admission.resources(GROUP, VERSION, operations, (plural,))]},
        **({"matchConditions": conditions} if conditions else {}),
        validations=[{"expression": f"{_MAY} || ({_UNTOUCHED})", **rule, "reason": "Forbidden"}],
    )
    return [policy, admission.binding(name, parameters=accounts.of_binding(accounts.OPERATOR_BINDING))]


def reserved_manifests() -> list[Manifest]:
    """Returns the policies and their bindings, which are installed once in a cluster."""
    name = "(object == null ? oldObject : object).metadata.name"
    kept = {
        "messageExpression": f"{name} + ' is kept for the ClusterReleaseGate ' + {name}.replace('{PREFIX}', '', 1) + "
        f"': change that object; names that begin with {PREFIX} are for such gates only'",
        "message": f"names that begin with {PREFIX} are for the gates that are kept for a ClusterReleaseGate",
    }
    record = {"message": "only the operator writes the record of releases: leave it unchanged"}
    condition = {"name": "kept", "expression": f"{name}.startsWith('{PREFIX}')"}
    return [
        *_policy(KEPT, ReleaseGate.api.plural, kept, [condition]),
        *_policy(RECORDS, Release.api.plural, record, []),
    ]
