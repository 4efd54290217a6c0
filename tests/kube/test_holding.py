"""Fields that are held in somebody else's objects, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import devcluster
from devcluster import CommandError
from ninefold.kube.api import HOLDER
from ninefold.kube.guard import holding_guard
from ninefold.kube.rbac import OPERATOR_ROLE, binding, holding, role, rules
from tests import direct
from tests.faultproxy import Answer, FaultProxy
from tests.kube.lamps import Lamps
from tests.kube.shade import LAMP, NAMESAKE, OURS, PARTED, SHADE, Shades, crd
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]


class Windows:
    """The shades of one namespace, as their owner handles them."""

    def __init__(self, lamps: Lamps) -> None:
        self.kubectl = lamps.kubectl
        self._cluster, self._namespace = lamps.cluster, lamps.namespace

    def apply(self, name: str, spec: dict[str, Any] | None = None, **annotations: str) -> None:
        notes = {key.replace("_", "-"): value for key, value in annotations.items()}
        metadata = {"name": name, "annotations": {f"example.com/{key}": value for key, value in notes.items()}}
        # Server-side apply makes null of a map whose last field is let go; no real kind has an empty spec.
        whole = {"cloth": "linen", **(spec or {})}
        manifest = {"apiVersion": SHADE.api_version, "kind": SHADE.kind, "metadata": metadata, "spec": whole}
        direct.apply(self._cluster, manifest, namespace=self._namespace, manager="owner")

    def get(self, name: str) -> dict[str, Any]:
        return direct.get(self._cluster, SHADE.name, name, self._namespace)

    def spec(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(name)["spec"]
        return {field: value for field, value in found.items() if field != "cloth"}

    def managers(self, name: str) -> list[str]:
        return [entry["manager"] for entry in self.get(name)["metadata"]["managedFields"]]

    def annotation(self, name: str, key: str) -> str | None:
        found: str | None = self.get(name)["metadata"].get("annotations", {}).get(key)
        return found

    def events(self, reason: str) -> list[str]:
        items = direct.items(self._cluster, "events", self._namespace)
        about = [item["involvedObject"] for item in items if item["reason"] == reason]
        return [each["name"] for each in about if each["kind"] == SHADE.kind]


@pytest.fixture(scope="session")
def shade_crd(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd()))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{SHADE.name}")
    wait_for("shades to be served", lambda: cluster.api.request("GET", SHADE.path())[0] == 200)


@pytest.fixture(scope="session")
def namesake_crd(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(NAMESAKE)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{NAMESAKE.name}")
    wait_for("namesakes to be served", lambda: cluster.api.request("GET", NAMESAKE.path())[0] == 200)


@pytest.fixture
def start(proxy: FaultProxy, lamp_crd: None, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(*arguments: str) -> OperatorProcess:
            command = ["-m", "tests.kube.shade", *arguments]
            return stack.enter_context(OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log"))

        yield start


@pytest.fixture
def windows(lamps: Lamps) -> Windows:
    return Windows(lamps)


def test_a_kind_that_comes_later_is_followed_from_then_on(
    cluster: devcluster.Cluster, lamps: Lamps, windows: Windows, start: Start
) -> None:
    cluster.kubectl("delete", "crd", SHADE.name, "--ignore-not-found", "--wait")
    start()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd()))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{SHADE.name}")
    wait_for("shades to be served", lambda: cluster.api.request("GET", SHADE.path())[0] == 200)
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"), 60)


def test_a_field_is_held_and_let_go(shade_crd: None, lamps: Lamps, windows: Windows, start: Start) -> None:
    start()
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    windows.apply("own", {"drawn": True}, lamp="a")
    windows.apply("free")
    wait_for("both to be held", lambda: HOLDER in windows.managers("a") and HOLDER in windows.managers("own"))
    assert windows.spec("a") == {"drawn": True}
    assert windows.annotation("a", PARTED) is None
    lamps.apply("a", bulbs=[])
    wait_for("both to be let go", lambda: not {HOLDER} & {*windows.managers("a"), *windows.managers("own")})
    assert windows.spec("a") == {}
    assert windows.spec("own") == {"drawn": True}, "what its owner has set stays as it is"
    assert windows.annotation("a", PARTED) == "yes"
    assert windows.get("free")["metadata"]["generation"] == 1
    assert windows.annotation("free", PARTED) is None, "nothing was held, so nothing is let go"
    wait_for("events", lambda: set(windows.events("Moved")) == {"a", "own"})


def test_what_somebody_changes_is_held_again(shade_crd: None, lamps: Lamps, windows: Windows, start: Start) -> None:
    start()
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"))
    windows.kubectl("patch", SHADE.name, "a", "--type=merge", "--patch", '{"spec": {"drawn": false}}')
    wait_for("it to be drawn again", lambda: windows.spec("a").get("drawn"))
    lamps.apply("a", bulbs=[])
    wait_for("it to be let go", lambda: windows.spec("a") == {})


def test_without_the_annotation_it_is_let_go(shade_crd: None, lamps: Lamps, windows: Windows, start: Start) -> None:
    start()
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"))
    windows.apply("a")
    wait_for("it to be let go", lambda: windows.spec("a") == {})


def test_it_stays_held_while_the_operator_is_down(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start
) -> None:
    operator = start()
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"))
    operator.kill()
    lamps.apply("a", bulbs=[])
    assert windows.spec("a") == {"drawn": True}
    operator.start()
    wait_for("it to be let go", lambda: windows.spec("a") == {})


def test_what_failed_half_way_is_brought_to_its_end(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start, proxy: FaultProxy
) -> None:
    start()
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"))
    with proxy.fault(
        lambda request: Answer(500, "InternalError") if f"fieldManager={HOLDER}" in request.query else None
    ):
        lamps.apply("a", bulbs=[])
        wait_for("the patch before it is let go", lambda: windows.annotation("a", PARTED))
        assert windows.spec("a") == {"drawn": True}
    wait_for("it to be let go", lambda: windows.spec("a") == {}, 60)


def test_a_steady_state_writes_nothing(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start, proxy: FaultProxy
) -> None:
    operator = start("--sweep=1")
    lamps.apply("a", bulbs=["red"])
    windows.apply("a", lamp="a")
    windows.apply("b", {"slats": ["theirs"]}, lamp="a", by_list="yes")
    wait_for("both to be held", lambda: windows.spec("a").get("drawn") and len(windows.spec("b")["slats"]) == 2)
    lamps.wait_ready("a")
    here = f"/namespaces/{lamps.namespace}/shades"
    before = [request for request in proxy.writes() if here in request.path]

    def listed(more_than: float = 0) -> float:
        lists = operator.metric("ninefold_api_requests_total", f'resource="{SHADE.plural}",verb="list"')
        return lists if lists > more_than else 0

    for _ in range(3):
        lists = listed()
        wait_for("another sweep", partial(listed, more_than=lists))
        lamps.kubectl("annotate", "lamp", "a", "--overwrite", f"look={lists}")
    assert [request for request in proxy.writes() if here in request.path] == before


@pytest.mark.parametrize("depth", [400, 9000])
def test_an_object_that_is_nested_too_deep_is_followed_and_ends_nothing(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start, depth: int
) -> None:
    """Found by the watch, and by the listings of an operator that starts with it."""
    operator = start("--sweep=1")
    lamps.apply("a", bulbs=["red"])
    metadata = {"name": "deep", "annotations": {LAMP: "a"}}
    whole = {"apiVersion": SHADE.api_version, "kind": SHADE.kind, "metadata": metadata, "spec": {"values": {"at": 0}}}
    text = json.dumps(whole).replace('"at": 0', '"at": ' + '{"a": [' * (depth // 2) + "]}" * (depth // 2))
    windows.kubectl("create", "--raw", SHADE.path(lamps.namespace), "-f", "-", input=text)

    def drawn() -> bool:
        return windows.kubectl("get", SHADE.name, "deep", "-o", "jsonpath={.spec.drawn}") == "true"

    wait_for("it to be held", drawn)
    operator.stop()
    lamps.apply("a", bulbs=[])
    operator = start("--sweep=1")
    wait_for("it to be let go", lambda: not drawn())
    lamps.apply("b", bulbs=["red"])
    lamps.wait_ready("b")
    assert operator.running
    windows.kubectl("delete", SHADE.name, "deep")


def test_a_list_is_replaced_whole_and_loses_nothing_that_others_wrote(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start, proxy: FaultProxy
) -> None:
    operator = start("--sweep=2")
    lamps.apply("a", bulbs=[])
    windows.apply("a", {"slats": ["first"]}, lamp="a", by_list="yes")
    windows.apply("empty", lamp="a", by_list="yes")
    lamps.wait_ready("a")
    wait_for("the shades to be known", lambda: operator.metric("ninefold_reconcile_seconds_count", 'kind="Shade"') >= 2)

    def changed(event: dict[str, Any]) -> bool:
        return bool(event["type"] == "MODIFIED" and event["object"]["kind"] == SHADE.kind)

    with proxy.swallow(changed):
        windows.kubectl("patch", SHADE.name, "a", "--type=merge", "--patch", '{"spec": {"slats": ["first", "second"]}}')
        lamps.apply("a", bulbs=["red"])
        wait_for("the list to hold all three", lambda: windows.spec("a")["slats"] == ["first", "second", OURS], 60)
    assert windows.spec("empty") == {"slats": [OURS]}
    lamps.apply("a", bulbs=[])
    wait_for("ours to be taken out", lambda: windows.spec("a")["slats"] == ["first", "second"])
    wait_for("nothing to be left of an empty list", lambda: windows.spec("empty") == {})


def test_what_cannot_be_decided_changes_nothing_and_is_told(
    shade_crd: None, lamps: Lamps, windows: Windows, start: Start
) -> None:
    operator = start()
    lamps.apply("a", bulbs=["red"])
    # A shade that is seen before its lamp has none, and that would be told too.
    lamps.wait_ready("a")
    windows.apply("a", lamp="a")
    wait_for("the shade to be drawn", lambda: windows.spec("a").get("drawn"))
    windows.apply("lost", lamp="none")
    wait_for("its owner to be told", lambda: windows.events("NoLamp") == ["lost"])
    lamps.apply("a", bulbs=[], broken="stalled")
    wait_for("its owner to be told", lambda: windows.events("NoFilament") == ["a"])
    lamps.apply("a", bulbs=[], broken="raise")
    wait_for("the error to be logged", lambda: "nobody knows what is wanted" in operator.text())
    wait_for("the error to be counted", lambda: operator.metric("ninefold_reconcile_errors_total", 'kind="Shade"'))
    assert windows.spec("a") == {"drawn": True}
    assert operator.running
    lamps.apply("a", bulbs=[])
    wait_for("it to be let go", lambda: windows.spec("a") == {}, 60)


OPERATOR = "system:serviceaccount:ninefold-system:ninefold"


def test_the_api_server_keeps_the_operator_to_what_it_is_asked_for(
    shade_crd: None, cluster: devcluster.Cluster, lamps: Lamps, windows: Windows
) -> None:
    rights = role("shades-of-the-tests", rules(holding([Shades])))
    policies = holding_guard(Shades)
    try:
        for manifest in (rights, binding(OPERATOR_ROLE), *policies):
            cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(manifest))
        name = "shades-of-the-tests"
        lamps.kubectl("create", "rolebinding", name, f"--clusterrole={name}", f"--user={OPERATOR}")
        # kubectl reads what it patches; the operator need not.
        lamps.kubectl("create", "role", "reads", "--verb=get", f"--resource={SHADE.name}")
        lamps.kubectl("create", "rolebinding", "reads", "--role=reads", f"--user={OPERATOR}")
        windows.apply("asks", {"slats": ["theirs"]}, lamp="a")
        windows.apply("silent")

        def patch(shade: str, body: dict[str, Any]) -> str:
            command = ("patch", SHADE.name, shade, "--type=merge", "--patch", json.dumps(body))
            try:
                return windows.kubectl("--as", OPERATOR, *command)
            except CommandError as error:
                return str(error)

        drawn = {"spec": {"drawn": True}}
        wait_for("the policy to be in force", lambda: "ask for it with the annotation" in patch("silent", drawn), 30)
        assert LAMP in patch("silent", drawn)
        assert "patched" in patch("asks", drawn)
        assert "patched" in patch("asks", {"metadata": {"annotations": {PARTED: "yes"}}, "spec": {"slats": []}})
        for more in ({"cloth": "red"}, {"hem": None, "cloth": "red"}):
            assert "only annotations and spec.drawn, spec.slats" in patch("asks", {"spec": {**more}})
        for part in ({"labels": {"a": "b"}}, {"finalizers": ["example.com/stay"]}):
            assert "only annotations" in patch("asks", {"metadata": part})
    finally:
        for manifest in (*policies, rights):
            cluster.kubectl("delete", manifest["kind"], manifest["metadata"]["name"], "--ignore-not-found")


def test_a_foreign_kind_may_have_the_name_of_ours(lamps: Lamps, start: Start, namesake_crd: None) -> None:
    """Each is looked at by its own rules, and what the foreign object owns is not taken over."""
    start()
    metadata = {"name": "a", "annotations": {LAMP: "a"}}
    foreign = {"apiVersion": NAMESAKE.api_version, "kind": NAMESAKE.kind, "metadata": metadata, "spec": {"cloth": "x"}}
    made = json.loads(lamps.kubectl("create", "-f", "-", "-o", "json", input=json.dumps(foreign)))
    owner = {"apiVersion": NAMESAKE.api_version, "kind": NAMESAKE.kind, "name": "a", "uid": made["metadata"]["uid"]}
    theirs = {"name": "a-red", "ownerReferences": [owner]}
    lamps.kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": theirs}))
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a", "NameTaken")
    lamps.apply("a", bulbs=["blue"])
    lamps.wait_ready("a")

    def drawn() -> bool:
        return direct.get(lamps.cluster, NAMESAKE.name, "a", lamps.namespace)["spec"].get("drawn", False) is True

    wait_for("the foreign object to follow", drawn)
