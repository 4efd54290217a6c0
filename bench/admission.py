"""What a release gate costs those who change a workload: the check itself, and the whole request.

Two Deployments, one under a closed gate and one in a namespace without a gate, are set to another image in turns. Both
images are known as good, so that the change passes and is stored on both sides, after the policy has been evaluated to
its end. Then changes that the gate refuses.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from statistics import median
from typing import Any

from kubernetes.aio.dynamic.exceptions import DynamicApiError

from bench.audit import Tape
from bench.bare import Send, connected
from bench.figure import Failed, Figure, at_most, compared, significant
from bench.site import Site
from ninefold.kube.api import DEPLOYMENT
from ninefold.release.releasegate.admission.policies import NAME as POLICY
from ninefold.release.releasegate.resource import ReleaseGate

GATED, FREE = "gated", "free"
MANY = 300
GOOD = ("checkout:v41", "checkout:v42")
_METRIC = "apiserver_validating_admission_policy_check_duration_seconds"


def admission(site: Site, patches: int) -> Iterator[Figure]:
    """Milliseconds, as the API server measures them."""
    for namespace in (GATED, FREE):
        site.cluster.kubectl("create", "namespace", namespace)
        _send(site, "POST", DEPLOYMENT.path(namespace), _deployment(), 201)
    _close_gate(site)
    site.say(f"{patches} changes with and without a gate, in turns, then {patches} refused ones")
    tape = site.tape("admin")
    check = asyncio.run(_changes(site, patches))
    _know(site, MANY)
    many = asyncio.run(_refusals(site, patches))
    gated, free = (_latency(tape, namespace) for namespace in (GATED, FREE))
    goal, holds = at_most("value", check, 1)
    yield Figure("check of a change that a gate refuses", significant(check), "ms", None, None, goal, holds)
    name = f"the same, with three revisions known to be good of {MANY} workloads"
    yield Figure(name, significant(many), "ms", None, None, *at_most("value", many, 2))
    yield compared("PATCH of a Deployment to a good image, gate closed", gated, "ms", "without a gate", free)


async def _changes(site: Site, patches: int) -> float:
    """Make them all; mean milliseconds of the checks of those that are refused, the only ones that are counted."""
    async with connected(site.cluster.kubeconfig) as send:
        await _gate_holds(send)
        for number in range(patches):
            for namespace in (GATED, FREE):
                if not await _image(send, namespace, GOOD[(number + 1) % 2]):
                    raise Failed(f"a change to a known-good image was refused in namespace {namespace}")
        return await _refused(site, send, patches)


async def _refusals(site: Site, patches: int) -> float:
    """As many again, once the API server has noticed the gate as it is now."""
    async with connected(site.cluster.kubeconfig) as send:
        await asyncio.sleep(1)
        return await _refused(site, send, patches)


async def _refused(site: Site, send: Send, patches: int) -> float:
    before = _checks(site)
    for number in range(patches):
        if await _image(send, GATED, f"checkout:v{100 + number}"):
            raise Failed("a change passed a closed gate")
    return _mean(before, _checks(site))


async def _gate_holds(send: Send) -> None:
    """Return when the API server has noticed the policy and the gate."""
    for _ in range(300):
        if not await _image(send, GATED, "checkout:v43"):
            return
        await asyncio.sleep(0.1)
    raise Failed("the gate was not noticed in half a minute")


async def _image(send: Send, namespace: str, image: str) -> bool:
    """Set the image; whether the gate let it pass."""
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}
    path = DEPLOYMENT.path(namespace, "checkout")
    try:
        await send("patch", path, body=patch, content_type="application/strategic-merge-patch+json")
    except DynamicApiError as error:
        if "release gate" in str(error.body):
            return False
        raise
    return True


def _latency(tape: Tape, namespace: str) -> float:
    """Median milliseconds of the patches in a namespace."""
    took = [
        (request.answered - request.received) * 1000
        for request in tape.requests()
        if (request.verb, request.resource, request.namespace) == ("patch", DEPLOYMENT.plural, namespace)
        and request.code == 200
    ]
    return median(took)


def _checks(site: Site) -> tuple[int, float]:
    """How many checks of the policy there were, and the seconds that they took."""
    text = site.cluster.api.request("GET", "/metrics")[1]
    found = [
        sum(
            float(value)
            for value in re.findall(rf'^{_METRIC}_{part}{{.*policy="{POLICY}".*}} (\S+)$', text, re.MULTILINE)
        )
        for part in ("count", "sum")
    ]
    return int(found[0]), found[1]


def _mean(before: tuple[int, float], after: tuple[int, float]) -> float:
    """Milliseconds a check."""
    checks = after[0] - before[0]
    if not checks:
        raise Failed("the API server counts no checks of the gate's policy")
    return (after[1] - before[1]) / checks * 1000


def _close_gate(site: Site) -> None:
    gate = {
        "apiVersion": ReleaseGate.api.api_version,
        "kind": ReleaseGate.api.kind,
        "metadata": {"name": "checkout"},
        "spec": {"workloads": {"matchLabels": {"app": "checkout"}}, "sources": [{"errorBudgetPolicy": "checkout"}]},
    }
    _send(site, "POST", ReleaseGate.api.path(GATED), gate, 201)
    _know(site, 1)


def _know(site: Site, workloads: int) -> None:
    """The status of a closed gate over so many workloads."""
    path = ReleaseGate.api.path(GATED, "checkout", "status")
    stored = site.cluster.api.request("GET", path)[1]
    known = {f"Deployment/service-{number}": _lines(f"service-{number}") for number in range(1, workloads)}
    known["Deployment/checkout"] = "\n".join(f"app={image}" for image in GOOD)
    stored["status"] = {"decision": "Hold", "message": "The budget is spent.", "knownGoodRevisions": known}
    _send(site, "PUT", path, stored, 200)


def _lines(service: str) -> str:
    images = (f"app=images.example.com/shop/{service}:v{tag} proxy=images.example.com/proxy:1" for tag in range(3))
    return "\n".join(images)


def _deployment() -> dict[str, Any]:
    labels = {"app": "checkout"}
    pod = {"containers": [{"name": "app", "image": GOOD[0]}]}
    # Paused and without pods, so that no controller writes beside us.
    spec = {"replicas": 0, "paused": True, "selector": {"matchLabels": labels}}
    spec["template"] = {"metadata": {"labels": labels}, "spec": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout"}, "spec": spec}


def _send(site: Site, method: str, path: str, body: object, wanted: int) -> None:
    code, reply = site.cluster.api.request(method, path, body)
    if code != wanted:
        raise Failed(f"{method} {path} is answered {code}: {reply}")
