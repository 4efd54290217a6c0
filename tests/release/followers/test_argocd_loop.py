"""Projects held by a gate, on a real API server, by the operator with the rights of an installation.

The kind is a stand-in with the fields that matter; tests/peers has the real one, and Argo CD to judge the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.installing import stand_in
from tests.processes import OperatorProcess, wait_for
from tests.release.followers import shop as shops
from tests.release.followers.shop import OPERATOR, PROJECT, THEIRS, Shop

import devcluster
from devcluster import CommandError
from ninefold.kube.api import APPLICATION, Api
from ninefold.release.workloads.annotation import GATE, HELD_BY

_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_SPEC = {**_ANY, "properties": {"syncWindows": {"type": "array", "items": _ANY}}}


def crd(api: Api) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": _SPEC, "status": _ANY}}
    return stand_in(api, schema)


@pytest.fixture(scope="module")
def installed(cluster: devcluster.Cluster) -> None:
    for api in (PROJECT, APPLICATION):
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(api)))
    shops.install(cluster)


@pytest.fixture
def shop(cluster: devcluster.Cluster, installed: None, namespace: str) -> Shop:
    return Shop(cluster, namespace)


@pytest.fixture
def operator(cluster: devcluster.Cluster, installed: None, tmp_path: Path) -> Iterator[OperatorProcess]:
    with shops.operator(cluster, tmp_path) as process:
        yield process


def test_a_project_that_follows_a_closed_gate_is_held_until_it_opens(shop: Shop, operator: OperatorProcess) -> None:
    shop.gate(closed=True)
    shop.project("a", windows=THEIRS)
    shop.project("b", **{"ninefold.dev/manual-sync": "true"})
    shop.project("free", gate=None, windows=THEIRS)
    for name in ("a", "b"):
        wait_for(f"{name} to be held", partial(shop.held, name))
        assert shop.get(name)["metadata"]["annotations"][HELD_BY] == f"{shop.namespace}/checkout"
    assert shop.windows("a")[:2] == THEIRS
    assert len(shop.windows("a")) == 3
    assert [each.get("manualSync", False) for each in (shop.windows("a")[2], *shop.windows("b"))] == [False, True]
    assert shop.windows("free") == THEIRS
    where = f'namespace="{shop.namespace}"'
    assert operator.metric("ninefold_held_objects", f'kind="AppProject",{where}') == 2

    shop.gate(closed=False)
    wait_for("both to be let go", lambda: not any(map(shop.held, ("a", "b"))))
    for name in ("a", "b"):
        assert HELD_BY not in shop.get(name)["metadata"]["annotations"]
    assert shop.windows("a") == THEIRS
    assert "syncWindows" not in shop.get("b")["spec"]


def test_what_others_write_beside_it_stays_and_what_they_take_away_comes_back(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.gate(closed=True)
    shop.project("a", windows=THEIRS[:1])
    wait_for("it to be held", lambda: shop.held("a"))
    mine = shop.windows("a")[1]
    patch = json.dumps({"spec": {"syncWindows": [THEIRS[1], mine, THEIRS[0]]}})
    shop.kubectl("patch", PROJECT.name, "a", "--type=merge", "--patch", patch)
    # A whole list without ours, as a tool writes it that does not know of us.
    shop.kubectl("patch", PROJECT.name, "a", "--type=merge", "--patch", json.dumps({"spec": {"syncWindows": THEIRS}}))
    wait_for("it to be held again", lambda: shop.held("a"))
    assert shop.windows("a")[:2] == THEIRS
    shop.kubectl("annotate", PROJECT.name, "a", f"{GATE}-")
    wait_for("it to be let go", lambda: not shop.held("a"))
    assert shop.windows("a") == THEIRS


def test_a_steady_state_writes_nothing(shop: Shop, operator: OperatorProcess) -> None:
    shop.gate(closed=True)
    shop.project("a", windows=THEIRS)
    wait_for("it to be held", lambda: shop.held("a"))
    version = shop.get("a")["metadata"]["resourceVersion"]
    operator.kill()
    operator.start()
    # Another project is held by the new process, after it has looked at the old one.
    shop.project("z")
    wait_for("the other to be held", lambda: shop.held("z"))
    assert shop.get("a")["metadata"]["resourceVersion"] == version


def test_the_operator_may_not_change_what_others_wrote(shop: Shop) -> None:
    shop.project("free", gate=None, windows=THEIRS)
    shop.project("asks", windows=THEIRS)
    mine = {"kind": "deny", "description": "ninefold-gate until 2026-03-01T14:06:00Z: x"}
    # kubectl reads what it patches; the operator need not.
    shop.kubectl("create", "role", "reads", "--verb=get", f"--resource={PROJECT.name}")
    shop.kubectl("create", "rolebinding", "reads", "--role=reads", f"--user={OPERATOR}")

    def refused(name: str, spec: dict[str, Any]) -> str:
        patch = json.dumps({"spec": spec})
        try:
            return shop.kubectl("patch", PROJECT.name, name, "--as", OPERATOR, "--type=merge", "--patch", patch)
        except CommandError as error:
            return str(error)

    entries = {"syncWindows": [*THEIRS, mine]}
    wait_for("the policy to be in force", lambda: "ask for it with" in refused("free", entries), 30)
    for others in ([], THEIRS[:1], THEIRS[::-1], [THEIRS[0], {**THEIRS[1], "duration": "1m"}], [*THEIRS, THEIRS[0]]):
        assert "leave the other entries unchanged" in refused("asks", {"syncWindows": [*others, mine]})
    assert "the other entries unchanged" in refused("asks", {"syncWindows": [*THEIRS, {**mine, "kind": "allow"}]})
    assert "only annotations and spec.syncWindows" in refused("asks", {"sourceRepos": []})
    assert "patched" in refused("asks", entries)


def test_an_application_that_follows_a_gate_is_recorded_sync_by_sync(
    shop: Shop, operator: OperatorProcess, cluster: devcluster.Cluster
) -> None:
    def sync(sha: str, phase: str, health: str, name: str = "shop", **notes: str) -> None:
        """As Argo CD leaves an Application."""
        state = {"phase": phase, "startedAt": "2026-03-01T12:00:00Z", "syncResult": {"revision": sha * 40}}
        status = {"operationState": state, "health": {"status": health}, "resources": [{"kind": "Deployment"}]}
        metadata = {"name": name, "annotations": notes}
        kind = {"apiVersion": APPLICATION.api_version, "kind": APPLICATION.kind}
        manifest = {**kind, "metadata": metadata, "spec": {"project": "a"}, "status": status}
        shop.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(manifest))

    def records() -> list[tuple[str, str]]:
        items = direct.items(shop.cluster, "releases", shop.namespace)
        items.sort(key=lambda each: each["spec"]["sequence"])
        return [(each["spec"]["change"]["commit"][0], each.get("status", {}).get("outcome", "")) for each in items]

    shop.gate(closed=False)
    sync("a", "Succeeded", "Healthy", name="other")
    sync("a", "Running", "Healthy", **{GATE: "checkout"})
    wait_for("a record", lambda: records() == [("a", "Progressing")], 30)
    sync("a", "Succeeded", "Healthy", **{GATE: "checkout"})
    wait_for("its outcome", lambda: records() == [("a", "Succeeded")], 30)
    sync("b", "Failed", "Healthy", **{GATE: "checkout"})
    wait_for("the failure", lambda: records() == [("a", "Succeeded"), ("b", "Aborted")], 30)
