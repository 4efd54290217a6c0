"""What the operator alone writes: the gates that are kept for a ClusterReleaseGate, and the record of releases. Pure.

Whoever may not change the ClusterReleaseGate may not change what it keeps, though he has every right in the namespace;
and whoever is blamed by a record may not write another. An account with all rights in the cluster is no exception: it
is usually that of a tool.
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
"""CEL: the operator, whoever no rule holds for, and what clears away after a deletion."""

_UNTOUCHED = "object != null && oldObject != null && object.spec == oldObject.spec && " + " && ".join(
    f"object.metadata.?{part} == oldObject.metadata.?{part}" for part in ("labels", "ownerReferences", "finalizers")
)
"""CEL: whether an update leaves all that matters as it is, as an annotation to look again does."""


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
    """The policies and their bindings, to be installed once in a cluster."""
    name = "(object == null ? oldObject : object).metadata.name"
    kept = {
        "messageExpression": f"{name} + ' is kept for the ClusterReleaseGate ' + {name}.replace('{PREFIX}', '', 1) + "
        f"': change that; names that begin with {PREFIX} are for such gates only'",
        "message": f"names that begin with {PREFIX} are for the gates that are kept for a ClusterReleaseGate",
    }
    record = {"message": "the record of releases is written by the operator alone: leave it as it is"}
    condition = {"name": "kept", "expression": f"{name}.startsWith('{PREFIX}')"}
    return [
        *_policy(KEPT, ReleaseGate.api.plural, kept, [condition]),
        *_policy(RECORDS, Release.api.plural, record, []),
    ]
