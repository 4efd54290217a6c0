"""One decision, whoever is asked: the API server, the tools' HTTP, the command line, Argo CD's Lua and the backtest."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.installing import install
from tests.integrations.argocd.lua import run
from tests.release.releasegate.admission.test_policies import Shop, closure, grant, moment

import devcluster
from devcluster import waiting
from ninefold.cli.gate import actions
from ninefold.cli.shared.liveness import Life
from ninefold.integrations.argocd.customizations import health
from ninefold.kube.api import DEPLOYMENT
from ninefold.kube.store import Store
from ninefold.release.gate.effective import GateVerdict, ImagesAsked, TemplateChange, images_of, judge
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.gate_api.answer import answer
from ninefold.release.gate_api.question import Question
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.admission.policies import policy_manifests
from ninefold.release.releasegate.known_good.revisions import revision
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.workload import pinned

NUMBERS = itertools.count()
IMAGES = ("checkout:v41", "checkout:v42", "cart:v43", "proxy:1", "proxy:2", "proxy:latest")
PARTS = st.dictionaries(st.sampled_from(["app", "server", "proxy"]), st.sampled_from(IMAGES), min_size=1, max_size=3)
GOOD = PARTS.map(revision).filter(bool)
TIMES = st.fixed_dictionaries({}, optional={"from": st.sampled_from([-600, 600]), "until": st.sampled_from([-60, 900])})


@st.composite
def statuses(draw: st.DrawFn) -> dict[str, Any]:
    times = draw(st.lists(TIMES, max_size=2))
    images = st.lists(st.sampled_from(IMAGES), max_size=2, unique=True)
    granted = draw(st.lists(st.tuples(st.sampled_from([-60, 900]), images), max_size=2))
    return {
        "decision": draw(st.sampled_from(["Allow", "Hold", "Deny", "Unknown"])),
        "closures": [closure(**{name: moment(at) for name, at in each.items()}) for each in times],
        "overrides": [grant(f"o{n}", seconds, images=images) for n, (seconds, images) in enumerate(granted)],
        "knownGoodRevisions": "\n".join(draw(st.lists(GOOD, max_size=3))),
        "knownGoodImages": draw(st.lists(st.sampled_from(IMAGES[:5]), max_size=1)),
    }


CASES = st.lists(st.tuples(statuses(), PARTS, st.lists(PARTS, min_size=3, max_size=3)), min_size=8, max_size=8)


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> devcluster.Cluster:
    install(cluster, *policy_manifests())
    return cluster


def containers(parts: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "image": image} for name, image in parts.items()]


class Bench:
    """A namespace with a gate for each case, whose operator is dead."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def case(self, status: dict[str, Any], parts: dict[str, str]) -> str:
        name = f"w{next(NUMBERS)}"
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers(parts)}}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
        assert self.shop.request("POST", DEPLOYMENT.path(self.shop.namespace), body)[0] == 201
        self.shop.gate(name, workloads={"names": [f"Deployment/{name}"]})
        known = {f"Deployment/{name}": status["knownGoodRevisions"]}
        path = ReleaseGate.api.path(self.shop.namespace, name)
        found = {**self.shop.request("GET", path)[1], "status": {**status, "knownGoodRevisions": known}}
        code, reply = self.shop.request("PUT", f"{path}/status", found)
        assert code == 200, reply
        return name

    def noticed(self) -> None:
        """Return when the API server goes by all of them."""
        closed = {"decision": "Hold", "closures": [], "overrides": [], "knownGoodImages": []}
        probe = self.case({**closed, "closures": [closure()], "knownGoodRevisions": ""}, {"app": "a:1"})
        waiting.until(lambda: not self.passes(probe, {"app": "a:2"}), "the last gate to be enforced", 10)

    def gate(self, name: str) -> ReleaseGate:
        return ReleaseGate.parse(self.shop.request("GET", ReleaseGate.api.path(self.shop.namespace, name))[1])

    def passes(self, name: str, parts: dict[str, str]) -> bool:
        def change(workload: dict[str, Any]) -> None:
            workload["metadata"].setdefault("annotations", {})["note"] = "a value that tells the API server its time"
            old = {each["name"]: each for each in workload["spec"]["template"]["spec"]["containers"]}
            pod = workload["spec"]["template"]["spec"]
            pod["containers"] = [{**old.get(each["name"], {}), **each} for each in containers(parts)]
            # Else a change to the images that run would be none.
            pod["hostname"] = "changed"

        return self.shop.change(change, name=name) == ""


def over_http(gate: ReleaseGate, change: TemplateChange, now: datetime) -> bool:
    """As a tool asks that releases it: records say what came before."""
    store = Store()
    store.put(
        ReleaseGate.api,
        gate.wire() | {"apiVersion": ReleaseGate.api.api_version, "kind": "ReleaseGate"},
    )
    kind, _, name = change.workload.partition("/")
    for number, parts in enumerate((change.old, change.new), 1):
        spec = {
            "workload": {"kind": kind, "name": name},
            "sequence": number,
            "templateHash": f"hash{number}",
            "images": list(dict.fromkeys(parts.values())),
        }
        metadata = {"name": f"{name}-{number}", "namespace": gate.metadata.namespace, "resourceVersion": "1"}
        store.put(Release.api, {"metadata": metadata, "spec": spec})
    asked = Question(gate.metadata.namespace, "gate", gate.metadata.name, ("hash2", *change.new.values()))
    return answer(store, asked, 0.0, now).decision in ("Allow", "Unknown")


def told_by_images(old: dict[str, str], new: dict[str, str]) -> bool:
    """Whether records, which hold images and no containers, tell all that there is of a change: the same containers,
    each with a repository that no other has before or after."""
    before, after = ({name: image.partition(":")[0] for name, image in parts.items()} for parts in (old, new))
    apart = all(before[name] == after[name] or before[name] not in after.values() for name in before.keys() & after)
    return before.keys() == after.keys() and apart and len(set(before.values())) == len(set(after.values())) == len(old)


def told_by_removal(status: ReleaseGateStatus, change: TemplateChange) -> bool:
    """Whether records tell all of a change that only takes containers away: each had an image of its own, and no
    revision that is known to be good has those that stay in other containers, which the API server refuses."""
    lines = status.known_good_revisions.get(change.workload, "").splitlines()
    still = {image for image in change.new.values() if pinned(image)}
    names = [{part.partition("=")[0] for part in line.split(" ")} for line in lines]
    renamed = any(
        images_of(line) == still and each != change.new.keys() for line, each in zip(lines, names, strict=True)
    )
    distinct = len(set(change.old.values())) == len(change.old)
    return change.new.items() < change.old.items() and distinct and not renamed


@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
@given(CASES)
def test_all_say_the_same(server: devcluster.Cluster, namespace: str, cases: list[Any]) -> None:
    bench = Bench(Shop(server, namespace))
    found = [(bench.case(status, old), old, changes) for status, old, changes in cases]
    bench.noticed()
    for name, old, changes in found:
        gate, now = bench.gate(name), datetime.now(UTC)
        for new in changes:
            change = TemplateChange(f"Deployment/{name}", old, new)
            verdict = judge(gate.status, change, now)
            case = (gate.status, change, verdict)
            assert bench.passes(name, new) is verdict.passes, case
            printed = actions.answer(gate, change, now, Life(0.0))["decision"]
            assert (printed not in ("Hold", "Deny")) is verdict.passes, case
            if told_by_images(old, new) or told_by_removal(gate.status, change):
                assert over_http(gate, change, now) is verdict.passes, case
        waits(gate, judge(gate.status, ImagesAsked(()), now))


def waits(gate: ReleaseGate, verdict: GateVerdict) -> None:
    """A hook of Argo CD holds a sync where change without a name does not pass, or nothing has been decided."""
    obj = gate.wire()
    obj["metadata"]["annotations"] = {"argocd.argoproj.io/hook": "PreSync"}
    obj["metadata"]["generation"] = obj["status"]["observedGeneration"] = 1
    obj["status"]["conditions"] = [{"type": "Ready", "status": "True", "message": ""}]
    healthy = run(health(ReleaseGate), obj)["status"] == "Healthy"
    # Before the first decision only an Override lets the sync go on.
    decided = verdict.decision != "Unknown" or verdict.override is not None
    assert healthy is (verdict.passes and decided), (gate.status, verdict)
