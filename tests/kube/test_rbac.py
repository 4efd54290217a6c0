"""The rights follow from what controllers declare."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ninefold.kube.api import CONFIG_MAP, DEPLOYMENT, LEASE, Api
from ninefold.kube.controller import Controller, Grant, Watch
from ninefold.kube.model import Resource, Spec, Status
from ninefold.kube.rbac import LEASE_GRANTS, LEASE_NAME, grants, people, role, rules


class Lamp(Resource, plural="lamps"):
    """A lamp."""

    spec: Spec
    status: Status = Field(default_factory=Status)


class Fuse(Resource, plural="fuses"):
    """A fuse."""

    spec: Spec
    status: Status = Field(default_factory=Status)


class Lamps(Controller[Lamp, None]):
    resource = Lamp
    children = (CONFIG_MAP,)
    watches = (Watch(DEPLOYMENT, lambda manifest, store: ()),)


class Fuses(Controller[Fuse, None]):
    resource = Fuse
    finalizer = True
    grants = (
        Grant(CONFIG_MAP, ("patch",), "Fuse: blows.", names=("fuse-box",)),
        Grant(Api("", "v1", "ServiceAccount", "serviceaccounts"), ("create",), "Fuse: acts as.", "token", ("runner",)),
    )


def found(*controllers: Any) -> dict[str, Any]:
    """Verbs by "group/resource[names]"."""
    table = {}
    for rule in rules(grants(controllers)):
        manifest = rule.manifest
        names = ",".join(manifest.get("resourceNames", ()))
        table[f"{manifest['apiGroups'][0]}/{manifest['resources'][0]}" + (f"[{names}]" if names else "")] = manifest[
            "verbs"
        ]
    return table


def test_a_kind_is_read_and_only_its_status_written() -> None:
    table = found(Lamps)
    assert table["ninefold.dev/lamps"] == ["get", "list", "watch"]
    assert table["ninefold.dev/lamps/status"] == ["patch"]
    assert table["ninefold.dev/lamps/finalizers"] == ["update"]


def test_a_finalizer_needs_the_object_itself() -> None:
    assert found(Fuses)["ninefold.dev/fuses"] == ["get", "list", "watch", "patch"]


def test_children_are_managed_and_watched_things_are_read() -> None:
    table = found(Lamps)
    assert table["/configmaps"] == ["get", "list", "watch", "create", "patch", "delete"]
    assert table["apps/deployments"] == ["list", "watch"]


def test_names_narrow_a_right_and_do_not_mix_with_a_wider_one() -> None:
    table = found(Lamps, Fuses)
    assert table["/configmaps[fuse-box]"] == ["patch"]
    assert table["/serviceaccounts/token[runner]"] == ["create"]
    assert "update" not in table["/configmaps"]


def test_a_right_asked_for_twice_keeps_both_reasons() -> None:
    rows = [
        Grant(DEPLOYMENT, ("get",), "One."),
        Grant(DEPLOYMENT, ("list", "get"), "Two."),
        Grant(DEPLOYMENT, (), "One."),
    ]
    (rule,) = rules(rows)
    assert rule.manifest["verbs"] == ["get", "list"]
    assert rule.why == ("One.", "Two.")


def test_the_machinery_alone_touches_nothing_of_the_users() -> None:
    assert found() == {
        "/events": ["get", "create", "patch"],
        "apiextensions.k8s.io/customresourcedefinitions": ["list", "watch"],
    }


def test_the_lease_is_a_right_in_one_namespace() -> None:
    manifest = role("lease", rules(LEASE_GRANTS), cluster=False)
    assert manifest["kind"] == "Role"
    create, keep = manifest["rules"]
    assert create["resources"] == keep["resources"] == [LEASE.plural]
    assert create["verbs"] == ["create"]
    assert keep["resourceNames"] == [LEASE_NAME]


def test_people_write_intent_admins_write_guards_and_nobody_a_status() -> None:
    roles = {manifest["metadata"]["name"]: manifest for manifest, _ in people([Lamp, Fuse], {Fuse})}
    assert roles["ninefold-view"]["rules"][0]["resources"] == ["fuses", "lamps"]
    assert roles["ninefold-view"]["rules"][0]["verbs"] == ["get", "list", "watch"]
    assert roles["ninefold-edit"]["rules"][0]["resources"] == ["lamps"]
    assert roles["ninefold-admin"]["rules"][0]["resources"] == ["fuses"]
    labels = {name: manifest["metadata"]["labels"] for name, manifest in roles.items()}
    for level in ("view", "edit", "admin"):
        assert labels[f"ninefold-{level}"][f"rbac.authorization.k8s.io/aggregate-to-{level}"] == "true"


def test_people_only_read_a_record() -> None:
    roles = {manifest["metadata"]["name"]: manifest for manifest, _ in people([Lamp, Fuse], set(), {Fuse})}
    assert roles["ninefold-view"]["rules"][0]["resources"] == ["fuses", "lamps"]
    assert roles["ninefold-edit"]["rules"][0]["resources"] == ["lamps"]
    assert roles["ninefold-admin"]["rules"] == []


def test_a_level_without_kinds_is_an_empty_role() -> None:
    roles = {manifest["metadata"]["name"]: manifest for manifest, _ in people([Lamp], set())}
    assert roles["ninefold-admin"]["rules"] == []
