"""Who may do what: the operator's rights from one table of grants, and the roles that people get. Pure.

The operator's rows come from three places: what the machinery does for every kind, what follows from the children and
watches that a controller declares, and what a controller grants itself beyond that.
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
"""What an informer does. To read one object by its name is another right, and few are read so."""
READ = ("get", *FOLLOW)
WRITE = ("create", "update", "patch", "delete", "deletecollection")

OPERATOR_ROLE = OPERATOR_BINDING
LEASE_ROLE = "ninefold-lease"

LEASE_NAME = "ninefold"

NAMESPACE_OF_OPERATOR = "ninefold-system"
"""Where the manifests install the operator; the chart puts its release's namespace in this place."""

_API_VERSION = "rbac.authorization.k8s.io/v1"
_LABELS = {"app.kubernetes.io/name": "ninefold", "app.kubernetes.io/part-of": "ninefold"}

_MACHINERY = (
    Grant(CRD, FOLLOW, "To notice which kinds the cluster serves."),
    Grant(EVENT, ("get", "create", "patch"), "To tell people what happened to their resource."),
)

ALIVE_ROLE = "ninefold-alive"
ALIVE_GRANTS = (Grant(LEASE, ("get",), "Whoever asks a gate may see whether the operator lives.", names=(LEASE_NAME,)),)
"""In the operator's own namespace, for everybody who can log in: the Lease tells the name of a pod and a time."""

LEASE_GRANTS = (
    Grant(LEASE, ("create",), "One replica acts, the others stand by; a name cannot narrow the making of it."),
    Grant(LEASE, ("get", "update"), "One replica acts, the others stand by.", names=(LEASE_NAME,)),
)
"""In the operator's own namespace only."""


@dataclass(frozen=True, slots=True)
class RbacRule:
    """A rule of a role, and the reasons that its verbs were asked for."""

    manifest: Manifest
    why: tuple[str, ...]


def grants(controllers: Sequence[type[AnyController]]) -> list[Grant]:
    """Every cluster-wide row of the operator, in no particular order; a right may be there for several reasons."""
    rows = list(_MACHINERY)
    for controller in controllers:
        kind = controller.resource.api.kind
        rows += _of_kind(controller)
        for child in controller.children:
            verbs = (*READ, "create", "patch", "delete")
            rows.append(Grant(child, verbs, f"{kind}: what is made from it, applied, repaired and pruned."))
        rows += [Grant(watch.api, FOLLOW, f"{kind}: decides by it.") for watch in controller.watches]
        rows += controller.grants
    return rows


def _of_kind(controller: type[AnyController]) -> list[Grant]:
    api = controller.resource.api
    rows = [
        Grant(api, READ, "Our kinds are read; one of which a conflict tells that it is old, by its name."),
        Grant(api, ("patch",), "Their status is written.", subresource="status"),
        Grant(api, ("update",), "To own children where the API server asks for it.", subresource="finalizers"),
    ]
    if controller.finalizer:
        rows.append(Grant(api, ("patch",), f"{api.kind}: holds a finalizer until what it did outside is undone."))
    return rows


def holding(followers: Iterable[type[Follower]], recorded: Iterable[Api] = ()) -> list[Grant]:
    """What following foreign kinds takes, and recording what they deliver; none of it is there unless an installation
    asks for it."""
    return [
        *(
            Grant(each.api, (*FOLLOW, "patch"), f"{each.api.kind}: held while a gate is closed, if its owner asked.")
            for each in followers
        ),
        *(Grant(api, FOLLOW, f"{api.kind}: what it delivers is recorded, if its owner asked.") for api in recorded),
    ]


def rules(rows: Iterable[Grant]) -> list[RbacRule]:
    """The rows as rules, one a resource, with their verbs and reasons joined; sorted."""
    joined: dict[tuple[str, str, tuple[str, ...]], list[Grant]] = {}
    for row in rows:
        resource = f"{row.api.plural}/{row.subresource}" if row.subresource else row.api.plural
        joined.setdefault((row.api.group, resource, row.names), []).append(row)
    found = []
    for (group, resource, names), same in sorted(joined.items()):
        verbs = sorted({verb for row in same for verb in row.verbs}, key=_verb_order)
        rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource]}
        if names:
            rule["resourceNames"] = list(names)
        found.append(RbacRule({**rule, "verbs": verbs}, tuple(dict.fromkeys(row.why for row in same))))
    return found


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
    """What Kubernetes' own view, edit and admin roles gain. No one may write a status or a record, and only an admin a
    guard. What an editor does write, guards must see through: a policy carries spent budgets over edits of objectives.
    """
    everything = sorted(kind.api.plural for kind in kinds)
    guarded = sorted(kind.api.plural for kind in kinds if kind in guards)
    free = sorted(kind.api.plural for kind in kinds if kind not in {*guards, *records})
    levels = (
        ("view", everything, READ, "Anyone who may look at a namespace may look at its reliability."),
        ("edit", free, WRITE, "Intent may be written by whoever may write workloads; status by the operator alone."),
        (
            "admin",
            guarded,
            WRITE,
            "What holds others back is written by admins. That no edit of an objective opens a gate, policies see to.",
        ),
    )
    found = []
    for level, plurals, verbs, why in levels:
        rows = [RbacRule({"apiGroups": [GROUP], "resources": plurals, "verbs": list(verbs)}, (why,))] if plurals else []
        labels = {f"rbac.authorization.k8s.io/aggregate-to-{level}": "true"}
        found.append((role(f"ninefold-{level}", rows, labels=labels), rows))
    return found


def acts(verbs: Mapping[str, str], api: Api) -> list[tuple[Manifest, list[RbacRule]]]:
    """A role for each verb of ours on a resource, with its reason. No other role has them: they are given by name."""
    found = []
    for verb, why in verbs.items():
        rows = [RbacRule({"apiGroups": [api.group], "resources": [api.plural], "verbs": [verb]}, (why,))]
        found.append((role(f"ninefold-{verb}", rows), rows))
    return found
