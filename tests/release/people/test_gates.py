"""Who may stop a gate, override it and approve, as impersonated users on a real API server.

Each attempt of somebody who may not is refused with a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.installing import install
from tests.namespaced import Namespaced

import devcluster
from devcluster import waiting
from devcluster.errors import CommandError
from devcluster.waiting import patient
from ninefold.kube.fields import rfc3339
from ninefold.kube.rbac import acts
from ninefold.release.override.resource import Override
from ninefold.release.people.gates import OVERRIDES, STOPS, USED, VERBS, people_manifests
from ninefold.release.releasegate.resource import ReleaseGate

GITOPS = "system:serviceaccount:flux-system:kustomize-controller"


class Office(Namespaced):
    """A namespace with a gate, and people with rights."""

    def refusal(self, *arguments: str, body: object = None) -> str:
        """What the API server says; "" if it lets pass."""
        try:
            self.kubectl(*arguments, body=body)
        except CommandError as error:
            return str(error)
        return ""

    def ask(self, user: str, name: str = "fix", **spec: Any) -> str:
        until = rfc3339(datetime.now(UTC) + timedelta(hours=1))
        body = {
            "apiVersion": Override.api.api_version,
            "kind": "Override",
            "metadata": {"name": name},
            "spec": {"gate": "checkout", "by": user, "reason": "hotfix", "until": until, **spec},
        }
        return self.refusal("create", f"--as={user}", "-f", "-", body=body)

    def approve(self, user: str, *approvals: str, name: str = "fix") -> str:
        return self.patch(user, {"approvals": [{"by": by} for by in approvals]}, name)

    def patch(self, user: str, spec: dict[str, Any], name: str = "fix", kind: str = "override") -> str:
        patch = json.dumps({"spec": spec})
        return self.refusal("patch", kind, name, f"--as={user}", "--type=merge", "-p", patch)


@pytest.fixture(scope="module")
def office(cluster: devcluster.Cluster) -> Iterator[Office]:
    """Ann and Bob may override and approve, Eve may write Overrides, and GitOps may do everything."""
    namespace = cluster.namespace("people")
    office = Office(cluster, namespace)
    roles = [manifest for manifest, _ in acts(VERBS, ReleaseGate.api)]
    install(cluster, *people_manifests(), *roles)
    resources = "releasegates.ninefold.dev,overrides.ninefold.dev"
    office.kubectl("create", "role", "writer", "--verb=get,create,update,patch,delete", f"--resource={resources}")
    users = [f"--user={name}" for name in ("ann", "bob", "eve")]
    office.kubectl("create", "rolebinding", "writers", "--role=writer", *users)
    for verb in VERBS:
        office.kubectl("create", "rolebinding", verb, f"--clusterrole=ninefold-{verb}", *users[:2])
    machine = "--serviceaccount=flux-system:kustomize-controller"
    office.kubectl("create", "rolebinding", "gitops", "--clusterrole=cluster-admin", machine)
    office.kubectl("create", "-f", "-", body=gate())
    # The policies take a moment to be in force.
    waiting.until(lambda: "your own name" in office.ask("ann", "probe", by="bob"), "the policies", 20)
    yield office
    for name in (OVERRIDES, STOPS, USED):
        cluster.kubectl("delete", "validatingadmissionpolicybinding", name)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def gate(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": ReleaseGate.api.api_version,
        "kind": "ReleaseGate",
        "metadata": {"name": "checkout"},
        "spec": {"workloads": {"scope": "Namespace"}, **spec},
    }


def test_who_has_the_right_asks_in_his_own_name(office: Office) -> None:
    assert office.ask("ann") == ""
    assert "write your own name into spec.by: ann" in office.ask("ann", "forged", by="bob")
    assert "leave out spec.approvals" in office.ask("ann", "early", approvals=[{"by": "bob"}])
    assert "leave out spec.approvals" in office.ask("ann", "own", approvals=[{"by": "ann"}])


def test_who_lacks_the_right_does_not(office: Office) -> None:
    refusal = office.ask("eve", "eves")
    assert "eve may not override this gate: it takes the verb override on releasegates" in refusal
    assert "ClusterRole ninefold-override" in refusal


def test_a_machine_that_may_do_everything_may_not_do_this(office: Office) -> None:
    refusal = office.ask(GITOPS, "gitops")
    assert "may not override this gate" in refusal
    assert "a machine must have it by name, not as one of all verbs" in refusal
    assert office.ask("ann", "for-gitops") == ""
    assert "may not approve" in office.approve(GITOPS, GITOPS, name="for-gitops")


def test_another_person_approves_and_nobody_his_own(office: Office) -> None:
    assert office.ask("ann", "two") == ""
    assert "no user approves their own override" in office.approve("ann", "ann", name="two")
    assert "add your own approval only, by: ann" in office.approve("ann", "bob", name="two")
    assert "eve may not approve" in office.approve("eve", "eve", name="two")
    assert office.approve("bob", "bob", name="two") == ""
    assert "an approval cannot be withdrawn" in office.approve("ann", name="two")
    assert "an approval cannot be withdrawn" in office.patch("eve", {"approvals": None}, "two")
    # Whatever else is written beside it.
    assert office.patch("bob", {"approvals": [{"by": "bob"}]}, "two") == ""


@pytest.mark.parametrize(
    "change",
    [
        {"until": "2099-01-01T00:00:00Z"},
        {"gate": None, "scope": "Namespace"},
        {"gate": "other"},
        {"images": ["checkout:v1"]},
        {"reason": "another"},
        {"by": "bob"},
    ],
)
def test_nobody_widens_one(office: Office, change: dict[str, Any]) -> None:
    name = f"wide-{next(iter(change))}-{len(change)}-{len(str(change))}"
    assert office.ask("ann", name) == ""
    for user in ("ann", "bob", "eve"):
        assert "only" in office.patch(user, change, name)
    images = f"narrow-{name}"
    assert office.ask("ann", images, images=["checkout:v43"]) == ""
    assert "only approvals can be added" in office.patch("ann", {"images": None}, images)


def test_one_can_be_ended_early(office: Office) -> None:
    """By who asked for it, and who may override or approve: an editor takes nobody's fix away."""
    for name, user in (("short", "ann"), ("shorter", "bob")):
        assert office.ask("ann", name) == ""
        assert "only the user who asked for an override may end it" in office.patch(
            "eve", {"until": rfc3339(datetime.now(UTC))}, name
        )
        assert office.patch(user, {"until": rfc3339(datetime.now(UTC))}, name) == ""


def test_a_stop_bears_the_name_of_whoever_makes_it(office: Office) -> None:
    def stop(user: str, **stop: Any) -> str:
        return office.patch(user, {"stop": stop or None}, "checkout", "releasegate")

    assert "write your own name into spec.stop.by: eve" in stop("eve", by="ann", reason="x")
    assert stop("ann", by="ann", reason="x") == ""
    # Another edit leaves it as it is; a change of it takes another name.
    assert office.patch("bob", {"mode": "Warn"}, "checkout", "releasegate") == ""
    assert "write your own name into spec.stop.by: bob" in stop("bob", by="ann", reason="longer")
    assert stop("bob") == ""
    assert "write your own name" in office.refusal(
        "create", "--as=eve", "-f", "-", body=gate(stop={"by": "ann", "reason": "x"})
    )


def test_a_used_one_is_deleted_by_another_who_may_approve(office: Office) -> None:
    def delete(user: str, name: str, *options: str) -> str:
        return office.refusal("delete", f"--as={user}", "override", name, *options)

    for name in ("unused", "used"):
        assert office.ask("ann", name) == ""
    used = json.dumps({"status": {"state": "Over", "since": "2026-01-01T00:00:00Z"}})
    office.kubectl("patch", "override", "used", "--subresource=status", "--type=merge", "-p", used)
    for user in ("ann", "eve", GITOPS):
        told = "used has let changes pass, and is a record: users who may approve overrides may delete it, except ann"
        assert told in delete(user, "used"), user
    for account in ("generic-garbage-collector", "namespace-controller"):
        assert delete(f"system:serviceaccount:kube-system:{account}", "used", "--dry-run=server") == ""
    assert delete("bob", "used") == ""
    assert delete("ann", "unused") == "", "what never counted is no record"


def test_an_override_does_not_go_with_another_object(office: Office) -> None:
    """Else whoever asked for it deletes that object, and the garbage collector the record."""
    made = json.loads(office.kubectl("create", "configmap", "owner", "-o", "json"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": made["metadata"]["uid"]}
    owners = json.dumps({"metadata": {"ownerReferences": [reference]}})
    until = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    body = {
        "apiVersion": Override.api.api_version,
        "kind": "Override",
        "metadata": {"name": "owned", "ownerReferences": [reference]},
        "spec": {"gate": "checkout", "by": "ann", "reason": "hotfix", "until": until},
    }
    told = "leave out metadata.ownerReferences"
    assert told in office.refusal("create", "--as=ann", "-f", "-", body=body)
    assert office.ask("ann", "unowned") == ""
    for user in ("ann", "bob", "eve", GITOPS):
        assert told in office.refusal("patch", "override", "unowned", f"--as={user}", "--type=merge", "-p", owners)


def test_a_namespace_goes_with_the_overrides_that_were_used(office: Office, namespace: str) -> None:
    other = Office(office.cluster, namespace)
    other.kubectl("create", "-f", "-", body=gate())
    until = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    spec = {"gate": "checkout", "by": "admin", "reason": "hotfix", "until": until}
    (me,) = re.findall(r"Username +(\S+)", other.kubectl("auth", "whoami"))
    body = {"apiVersion": Override.api.api_version, "kind": "Override", "metadata": {"name": "used"}}
    other.kubectl("create", "-f", "-", body=body | {"spec": spec | {"by": me}})
    used = json.dumps({"status": {"state": "Over", "since": "2026-01-01T00:00:00Z"}})
    other.kubectl("patch", "override", "used", "--subresource=status", "--type=merge", "-p", used)
    assert "is a record" in other.refusal("delete", "override", "used")
    other.cluster.kubectl("delete", "namespace", namespace, f"--timeout={patient(60):.0f}s")
