"""Machines and people with all rights in the cluster: only people override, approve and open by these alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.crowd import Crowd, crowd
from tests.installing import install

import devcluster
from devcluster import waiting
from ninefold.kube.accounts import MACHINES
from ninefold.kube.fields import rfc3339
from ninefold.kube.rbac import acts
from ninefold.release.override.resource import Override
from ninefold.release.people.gates import VERBS, people_manifests
from ninefold.release.releasegate.resource import ReleaseGate

USER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "gitops-user"}
LISTED = [USER, USER | {"name": "bot"}, USER | {"kind": "Group", "name": "deployers"}]
DEPLOYER = ("ci", "--as-group=deployers", "--as-group=system:authenticated")
"""A user who is a machine by a group."""


@pytest.fixture(scope="module")
def everyone(cluster: devcluster.Cluster) -> Iterator[Crowd]:
    roles = [manifest for manifest, _ in acts(VERBS, ReleaseGate.api)]
    with crowd(cluster, *people_manifests(), *roles) as crowd_:
        install(cluster, *listing(LISTED))
        crowd_.kubectl("create", "clusterrolebinding", crowd_.namespace, "--clusterrole=cluster-admin", "--user=ci")
        for role in ("edit", "ninefold-override", "ninefold-approve"):
            crowd_.kubectl("create", "rolebinding", f"bot-{role}", f"--clusterrole={role}", "--user=bot")
        spec = {"workloads": {"scope": "Namespace"}}
        gate = {"apiVersion": ReleaseGate.api.api_version, "kind": "ReleaseGate", "metadata": {"name": "checkout"}}
        crowd_.kubectl("create", "-f", "-", body=gate | {"spec": spec})
        waiting.until(lambda: "your own name" in ask(crowd_, "cluster-admin", "probe", by="bob"), "the policies", 20)
        waiting.until(lambda: "by name" in ask(crowd_, "gitops-user", "probe"), "the list of machines", 20)
        yield crowd_
        crowd_.kubectl("delete", "clusterrolebinding", crowd_.namespace)
        install(cluster, *listing([]))


def listing(subjects: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {**manifest, "subjects": subjects}
        for manifest in people_manifests()
        if (manifest["kind"], manifest["metadata"]["name"]) == ("ClusterRoleBinding", MACHINES)
    ]


def ask(everyone: Crowd, who: str, name: str, *options: str, **spec: Any) -> str:
    until = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    body = {
        "apiVersion": Override.api.api_version,
        "kind": "Override",
        "metadata": {"name": name},
        "spec": {"gate": "checkout", "by": everyone.name(who), "reason": "hotfix", "until": until, **spec},
    }
    return everyone.refusal(who, "create", "-f", "-", *options, body=body)


def approve(everyone: Crowd, who: str, name: str, *options: str) -> str:
    return everyone.patch(who, "override", name, {"spec": {"approvals": [{"by": everyone.name(who)}]}}, *options)


def stop(everyone: Crowd, who: str, stop: dict[str, Any] | None, *options: str) -> str:
    told = {"by": everyone.name(who), "reason": "the provider is down", **stop} if stop is not None else None
    return everyone.patch(who, "releasegate", "checkout", {"spec": {"stop": told}}, *options)


def test_a_person_with_all_rights_overrides_and_approves(everyone: Crowd) -> None:
    assert ask(everyone, "cluster-admin", "persons") == ""
    assert ask(everyone, "owner", "owners") == ""
    assert approve(everyone, "cluster-admin", "owners") == ""


@pytest.mark.parametrize("machine", [("gitops",), ("gitops-user",), DEPLOYER], ids=lambda machine: machine[0])
def test_a_machine_with_all_rights_does_not(everyone: Crowd, machine: tuple[str, ...]) -> None:
    """A service account is one, and so is who the list names: by a client certificate, or by a group."""
    who, *options = machine
    told = "a machine must have it by name, not as one of all verbs"
    assert told in ask(everyone, who, f"of-{who}", *options)
    assert ask(everyone, "cluster-admin", f"for-{who}") == ""
    assert told in approve(everyone, who, f"for-{who}", *options)


def test_a_machine_that_was_given_the_verb_does(everyone: Crowd) -> None:
    assert ask(everyone, "bot", "bots") == ""
    assert ask(everyone, "owner", "for-bot") == ""
    assert approve(everyone, "bot", "for-bot") == ""


@pytest.mark.parametrize("machine", [("gitops",), ("gitops-user",), DEPLOYER], ids=lambda machine: machine[0])
def test_a_machine_closes_and_does_not_open_what_a_person_has_closed(everyone: Crowd, machine: tuple[str, ...]) -> None:
    who, *options = machine
    soon = rfc3339(datetime.now(UTC) + timedelta(seconds=5))
    assert stop(everyone, who, {}, *options) == "", "a button of Argo CD closes"
    assert stop(everyone, who, None, *options) == "", "what it has closed it opens"
    assert stop(everyone, "cluster-admin", {}) == ""
    told = "may not open what cluster-admin has closed by hand"
    assert told in stop(everyone, who, None, *options)
    assert told in stop(everyone, who, {"until": soon}, *options)
    # What stands in Git says nothing of it, and changes what it likes besides.
    change = {"spec": {"restarts": "Hold"}}
    assert everyone.patch(who, "releasegate", "checkout", change, *options) == ""
    assert stop(everyone, "owner", None) == ""
