"""Projects held by a gate, on a real API server, by the operator with the rights of an installation.

The kind is a stand-in with the fields that matter; tests/peers has the real one, and Argo CD to judge the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.processes import OperatorProcess, wait_for
from tests.release.argocd import shop as shops
from tests.release.argocd.shop import OPERATOR, PROJECT, THEIRS, Shop

import devcluster
from devcluster import CommandError
from ninefold.release.following import GATE, HELD_BY

_WINDOW = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_SPEC = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"syncWindows": {"type": "array", "items": _WINDOW}},
}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": PROJECT.name},
    "spec": {
        "group": PROJECT.group,
        "scope": "Namespaced",
        "names": {"kind": PROJECT.kind, "plural": PROJECT.plural, "singular": PROJECT.kind.lower()},
        "versions": [
            {
                "name": PROJECT.version,
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC}}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def installed(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(CRD))
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
        wait_for(f"{name} to be held", lambda name=name: shop.held(name))
        assert shop.get(name)["metadata"]["annotations"][HELD_BY] == f"{shop.namespace}/checkout"
    assert shop.windows("a")[:2] == THEIRS
    assert len(shop.windows("a")) == 3
    assert [each.get("manualSync", False) for each in (shop.windows("a")[2], *shop.windows("b"))] == [False, True]
    assert shop.windows("free") == THEIRS
    where = f'namespace="{shop.namespace}"'
    assert operator.metric("ninefold_held_objects", f'kind="AppProject",{where}') == 2

    shop.gate(closed=False)
    for name in ("a", "b"):
        wait_for(f"{name} to be let go", lambda name=name: not shop.held(name))
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

    def refused(name: str, spec: dict[str, Any]) -> str:
        patch = json.dumps({"spec": spec})
        try:
            return shop.kubectl("patch", PROJECT.name, name, "--as", OPERATOR, "--type=merge", "--patch", patch)
        except CommandError as error:
            return str(error)

    entries = {"syncWindows": [*THEIRS, mine]}
    wait_for("the policy to be in force", lambda: "asks for it by" in refused("free", entries), 30)
    for others in ([], THEIRS[:1], THEIRS[::-1], [THEIRS[0], {**THEIRS[1], "duration": "1m"}], [*THEIRS, THEIRS[0]]):
        assert "leaves those of others as they are" in refused("asks", {"syncWindows": [*others, mine]})
    assert "leaves those of others" in refused("asks", {"syncWindows": [*THEIRS, {**mine, "kind": "allow"}]})
    assert "nothing but annotations and spec.syncWindows" in refused("asks", {"sourceRepos": []})
    assert "patched" in refused("asks", entries)
