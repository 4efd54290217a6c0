"""Roles: the operator's rights from one table of grants, and the roles for people. Pure.

The operator's rows have three sources: the needs of the machinery for every kind, the children and watches that a
controller declares, and the further grants of a controller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninefold.kube.accounts import OPERATOR_BINDING
from ninefold.kube.api import CRD, EVENT, GROUP, LEASE, OPERATOR, Api, Manifest
from ninefold.kube.controller import AnyController, Grant
from ninefold.kube.follower import Follower
from ninefold.kube.model import Resource

FOLLOW = ("list", "watch")
"""The rights of an informer. Reading one object by name is another right, and few resources need it."""
READ = ("get", *FOLLOW)
WRITE = ("create", "update", "patch", "delete", "deletecollection")

OPERATOR_ROLE = OPERATOR_BINDING
LEASE_ROLE = "ninefold-lease"

LEASE_NAME = "ninefold"

NAMESPACE_OF_OPERATOR = "ninefold-system"
"""Where the manifests install the operator; the chart replaces it with the release's namespace."""

_API_VERSION = "rbac.authorization.k8s.io/v1"
_LABELS = {"app.kubernetes.io/name": "ninefold", "app.kubernetes.io/part-of": "ninefold"}

_MACHINERY = (
    Grant(CRD, FOLLOW, "To notice which kinds the cluster serves."),
    Grant(EVENT, ("get", "create", "patch"), "To inform people about events of their resource."),
)

ALIVE_ROLE = "ninefold-alive"
ALIVE_GRANTS = (Grant(LEASE, ("get",), "Gate clients may see whether the operator runs.", names=(LEASE_NAME,)),)
"""In the operator's own namespace, for every authenticated user: the Lease shows the name of a pod and a time."""

LEASE_GRANTS = (
    Grant(LEASE, ("create",), "One replica acts, the others stand by; RBAC cannot restrict creation by name."),
    Grant(LEASE, ("get", "update"), "One replica acts, the others stand by.", names=(LEASE_NAME,)),
)
"""In the operator's own namespace only."""


@dataclass(frozen=True, slots=True)
class RbacRule:
    """A rule of a role, and the reasons for its verbs."""

    manifest: Manifest
    why: tuple[str, ...]


def grants(controllers: Sequence[type[AnyController]]) -> list[Grant]:
    """Every cluster-wide row of the operator, in no particular order; a right may have several reasons."""
    rows = list(_MACHINERY)
    for controller in controllers:
        kind = controller.resource.api.kind
        rows += _of_kind(controller)
        for child in controller.children:
            verbs = (*READ, "create", "patch", "delete")
            rows.append(Grant(child, verbs, f"{kind}: its children are applied, repaired and pruned."))
        rows += [Grant(watch.api, FOLLOW, f"{kind}: its decisions depend on it.") for watch in controller.watches]
        rows += controller.grants
    return rows


def _of_kind(controller: type[AnyController]) -> list[Grant]:
    api = controller.resource.api
    rows = [
        Grant(api, READ, "Ninefold's kinds are read; after a conflict, one object by its name."),
        Grant(api, ("patch",), "The status of Ninefold's kinds is written.", subresource="status"),
        Grant(api, ("update",), "To own children where the API server asks for it.", subresource="finalizers"),
    ]
    if controller.finalizer:
        rows.append(Grant(api, ("patch",), f"{api.kind}: keeps a finalizer until its outside effects are undone."))
    return rows


def holding(followers: Iterable[type[Follower]], recorded: Iterable[Api] = ()) -> list[Grant]:
    """The rights for following foreign kinds and for recording what they deliver; an installation has none of them
    unless it asks for it."""
    return [
        *(
            Grant(kind.api, (*FOLLOW, "patch"), f"{kind.api.kind}: held while a gate is closed, if its owner asked.")
            for kind in followers
        ),
        *(Grant(api, FOLLOW, f"{api.kind}: its deliveries are recorded, if its owner asked.") for api in recorded),
    ]


def rules(rows: Iterable[Grant]) -> list[RbacRule]:
    """The rows as rules, one per resource, with their verbs and reasons joined; sorted."""
    joined: dict[tuple[str, str, tuple[str, ...]], list[Grant]] = {}
    for row in rows:
        resource = f"{row.api.plural}/{row.subresource}" if row.subresource else row.api.plural
        joined.setdefault((row.api.group, resource, row.names), []).append(row)
    rules = []
    for (group, resource, names), same in sorted(joined.items()):
        verbs = sorted({verb for row in same for verb in row.verbs}, key=_verb_order)
        rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource]}
        if names:
            rule["resourceNames"] = list(names)
        rules.append(RbacRule({**rule, "verbs": verbs}, tuple(dict.fromkeys(row.why for row in same))))
    return rules


def _verb_order(verb: str) -> tuple[int, str]:
    known = (*READ, *WRITE)
    return (known.index(verb) if verb in known else len(known), verb)


def role(
    name: str, rows: Sequence[RbacRule], *, cluster: bool = True, labels: dict[str, str] | None = None
) -> Manifest:
    """A ClusterRole, or a Role in the operator's own namespace."""
    where = {} if cluster else {"namespace": NAMESPACE_OF_OPERATOR}
    return {
        "apiVersion": _API_VERSION,
        "kind": "ClusterRole" if cluster else "Role",
        "metadata": {"name": name, **where, "labels": {**_LABELS, **(labels or {})}},
        "rules": [row.manifest for row in rows],
    }


def binding(name: str) -> Manifest:
    """Gives a ClusterRole to the operator."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": _LABELS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": NAMESPACE_OF_OPERATOR}],
    }


def people(
    kinds: Sequence[type[Resource]], guards: Collection[type[Resource]], records: Collection[type[Resource]] = ()
) -> list[tuple[Manifest, list[RbacRule]]]:
    """The rights that Kubernetes' own view, edit and admin roles gain. No one may write a status or a record, and only
    an admin a guard. Guards must see through an editor's changes: a policy carries spent budgets over such edits.
    """
    everything = sorted(kind.api.plural for kind in kinds)
    guarded = sorted(kind.api.plural for kind in kinds if kind in guards)
    free = sorted(kind.api.plural for kind in kinds if kind not in {*guards, *records})
    levels = (
        ("view", everything, READ, "Anyone who may read a namespace may read its reliability."),
        ("edit", free, WRITE, "Anyone who may write workloads may write intent; only the operator writes status."),
        (
            "admin",
            guarded,
            WRITE,
            "Only admins write objects that block others. Policies prevent that an edit of an objective opens a gate.",
        ),
    )
    roles = []
    for level, plurals, verbs, why in levels:
        rows = [RbacRule({"apiGroups": [GROUP], "resources": plurals, "verbs": list(verbs)}, (why,))] if plurals else []
        labels = {f"rbac.authorization.k8s.io/aggregate-to-{level}": "true"}
        roles.append((role(f"ninefold-{level}", rows, labels=labels), rows))
    return roles


def acts(verbs: Mapping[str, str], api: Api) -> list[tuple[Manifest, list[RbacRule]]]:
    """A role for each of Ninefold's own verbs on a resource, with its reason. No other role has these verbs."""
    roles = []
    for verb, why in verbs.items():
        rows = [RbacRule({"apiGroups": [api.group], "resources": [api.plural], "verbs": [verb]}, (why,))]
        roles.append((role(f"ninefold-{verb}", rows), rows))
    return roles
