"""Who may close a gate by hand and open it again, and ask for, approve and delete an Override: admission policies that
the API server enforces. Pure.

The rights are Ninefold's own verbs on ReleaseGates: `override` and `approve`. A machine that has all verbs, such as a
GitOps controller, would have both without a decision of anyone: so a machine must have the verb by name. A service
account is a machine, and so is each account that the ClusterRoleBinding ninefold-machines lists.
"""

from __future__ import annotations

from ninefold.domain.people import authors
from ninefold.kube import accounts
from ninefold.kube.accounts import ME
from ninefold.kube.api import GROUP, Manifest
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.resource import ReleaseGate

OVERRIDES, STOPS, USED = "ninefold-overrides", "ninefold-stops", "ninefold-used-overrides"
VERBS = {
    "override": "Users who may let changes pass a closed gate, with an Override that has a name, a reason and an end.",
    "approve": "Users who may approve the Override of another user.",
}
"""Ninefold's own verbs on ReleaseGates, and the purpose of each."""


def _may(verb: str, override: str = "object") -> str:
    """CEL: whether the user has the verb for the gate of an Override; a machine must have it by name."""
    gates = authors.in_namespace(authors.GATES)
    return authors.has_verb(verb, f"(has({override}.spec.gate) ? {gates}.name({override}.spec.gate) : {gates})")


_OVERRIDE_RULES = (
    {
        # The garbage collector deletes an owned object once its owner is deleted, even if the object is a record.
        "expression": "object.metadata.?ownerReferences.orValue([]).all(o, oldObject != null && "
        "oldObject.metadata.?ownerReferences.orValue([]).exists(b, b.uid == o.uid))",
        "message": "leave out metadata.ownerReferences: an override is a record, not deleted with another object",
    },
    authors.own_name(f"oldObject != null || object.spec.by == {ME}", "spec.by"),
    {
        "expression": "oldObject != null || variables.approvals.size() == 0",
        "message": "leave out spec.approvals: the users who approve add them afterwards",
    },
    {
        "expression": f"oldObject != null || ({_may('override')})",
        "messageExpression": f"{ME} + ' may not override this gate: it takes the verb override on releasegates "
        "(ClusterRole ninefold-override)' + variables.hint",
        "message": "this user may not override the gate: it takes the verb override on releasegates",
    },
    {
        "expression": f"oldObject == null || object.spec.until == oldObject.spec.until || object.spec.by == {ME} || "
        f"({_may('override')}) || ({_may('approve')})",
        "message": "only the user who asked for an override may end it early, or a user with the verb override or "
        "approve on releasegates",
    },
    {
        "expression": "variables.before.all(b, variables.approvals.exists(a, a.by == b.by))",
        "message": "an approval cannot be withdrawn",
    },
    {
        "expression": f"oldObject == null || variables.added.all(a, a.by == {ME})",
        "messageExpression": f"'add your own approval only, by: ' + {ME}",
        "message": "add your own approval only",
    },
    {
        "expression": "oldObject == null || variables.added.all(a, a.by != object.spec.by)",
        "message": "no user approves their own override: it takes another person with the verb approve on releasegates",
    },
    {
        "expression": f"oldObject == null || variables.added.size() == 0 || ({_may('approve')})",
        "messageExpression": f"{ME} + ' may not approve: it takes the verb approve on releasegates (ClusterRole "
        "ninefold-approve)' + variables.hint",
        "message": "this user may not approve: it takes the verb approve on releasegates",
    },
)

_STOP_RULES = (
    authors.own_name(f"variables.same || variables.after.all(s, s.by == {ME})", "spec.stop.by"),
    {
        # To close a gate is safe, and to replace another's stop with a stop without an end is safe, too.
        "expression": f"variables.same || !variables.machine || variables.before.all(s, s.by == {ME}) || "
        "variables.after.exists(s, !has(s.until)) || !variables.one.check('any-verb-at-all').allowed()",
        "messageExpression": f"{ME} + ' may not open what ' + variables.before[0].by + ' has closed by hand: a machine "
        "must have the verbs on ' + request.resource.resource + ' by name, not as one of all verbs'",
        "message": "a machine that merely has all verbs may not open what a person has closed by hand",
    },
)

_USED_RULES = (
    {
        "expression": f"!has(oldObject.status) || !has(oldObject.status.since) || {accounts.IS_HOUSEKEEPER} || "
        f"{accounts.IS_LEAVING} || ({ME} != oldObject.spec.by && {_may('approve', 'oldObject')})",
        "messageExpression": "oldObject.metadata.name + ' has let changes pass, and is a record: users who may '"
        " + 'approve overrides may delete it, except ' + oldObject.spec.by + ', who asked for it'",
        "message": "an override that has let changes pass is a record: only another person who may approve deletes it",
    },
)


def people_manifests() -> list[Manifest]:
    """Returns the list of machines, the policies and their bindings, which are installed once in a cluster."""
    approvals = {
        "approvals": "object.spec.?approvals.orValue([])",
        "before": "oldObject == null ? [] : oldObject.spec.?approvals.orValue([])",
        "added": "variables.approvals.filter(a, !variables.before.exists(b, b.by == a.by))",
        "hint": f"variables.machine ? '; {authors.BY_NAME}' : ''",
    }
    stops = {
        "before": "oldObject != null && has(oldObject.spec.stop) ? [oldObject.spec.stop] : []",
        "after": "has(object.spec.stop) ? [object.spec.stop] : []",
        "same": "variables.before == variables.after",
        "one": f"authorizer.group('{GROUP}').resource(request.resource.resource)"
        ".namespace(request.?namespace.orValue('')).name(object.metadata.name)",
    }
    return [
        *accounts.machines(),
        *authors.policy(OVERRIDES, (Override.api,), _OVERRIDE_RULES, approvals),
        *authors.policy(STOPS, (ReleaseGate.api, ClusterReleaseGate.api), _STOP_RULES, stops),
        *authors.policy(USED, (Override.api,), _USED_RULES, {}, ("DELETE",)),
    ]
