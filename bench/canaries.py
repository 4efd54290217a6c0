"""Delivery tools at work: their real controllers, with what is shipped for them, and a canary for each service.

A canary goes on in small steps, for minutes, as long as its gate is open.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any

import yaml

from bench.figure import Failed
from bench.site import ROOT, Site
from devcluster.build import unpacked
from devcluster.recipes import RECIPES
from ninefold.kube.api import EVENT, Api, Key, Manifest
from ninefold.release.gate_api.access import signature

TOKEN, KEY = "token-of-the-bench", "key-of-the-bench"
_SHIPPED = "http://ninefold.ninefold-system.svc:8080"
"""Where the shipped manifests expect the operator."""
_ROLLOUT = Api("argoproj.io", "v1alpha1", "Rollout", "rollouts")
_RUN = Api("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns")
_CANARY = Api("flagger.app", "v1beta1", "Canary", "canaries")
_STEPS = 50
"""More than a canary takes while its budget is spent."""


class Tool(ABC):
    """A delivery tool, installed; it asks the operator on this port."""

    name: str
    interval: int
    """Seconds between two questions."""

    def __init__(self, site: Site, port: int) -> None:
        self._site = site
        self._port = port
        self._install()

    @abstractmethod
    def _install(self) -> None: ...

    @abstractmethod
    def release(self, service: str, version: int) -> None:
        """Let this version of a service be the one to bring out; the first one is there at once."""

    @abstractmethod
    def stable(self, service: str) -> bool:
        """Whether the first version is out."""

    @abstractmethod
    def position(self, service: str) -> int:
        """How far the second version has come; 0 before its first step, and when it is no longer on its way."""

    @abstractmethod
    def refusals(self, service: str) -> int:
        """How often the tool has noted that the gate is closed."""

    def _shipped(self, file: str) -> list[Manifest]:
        text = (ROOT / "manifests" / "delivery" / file).read_text()
        return list(yaml.safe_load_all(text.replace(_SHIPPED, f"http://127.0.0.1:{self._port}")))

    def _apply(self, *manifests: Manifest) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self._site.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def _get(self, path: str) -> dict[str, Any]:
        code, reply = self._site.cluster.api.request("GET", path)
        if code != 200:
            raise Failed(f"GET {path} is answered {code}: {reply}")
        return dict(reply)


class ArgoRollouts(Tool):
    """An analysis before each step, with the shipped template at a shorter interval."""

    name = "Argo Rollouts"
    interval = 5

    def _install(self) -> None:
        cluster, recipe = self._site.cluster, RECIPES["argo-rollouts"]
        crds = unpacked(recipe.name, recipe.module) / "manifests" / "crds"
        for file in sorted(crds.glob("*-crd.yaml")):
            cluster.kubectl("apply", "--server-side", "-f", str(file))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        templates = self._shipped("argo-rollouts.yaml")
        for template in templates:
            for metric in template["spec"]["metrics"]:
                metric["interval"] = f"{self.interval}s"
        self._apply(*templates)
        ports = [f"--{name}Port={cluster.free_port()}" for name in ("metrics", "healthz")]
        cluster.spawn("argo-rollouts", [cluster.binary("rollouts-controller"), "--leader-elect=false", *ports])

    def release(self, service: str, version: int) -> None:
        (rollout,) = self._shipped("argo-rollouts-example.yaml")
        rollout["metadata"]["namespace"] = service
        rollout["spec"]["template"]["spec"]["containers"][0]["image"] = f"checkout:v{version}"
        canary = rollout["spec"]["strategy"]["canary"]
        begin = canary["steps"][0]["analysis"]
        for analysis in (canary["analysis"], begin):
            for argument in analysis["args"]:
                if argument["name"] in ("namespace", "gate"):
                    argument["value"] = service
        canary["steps"] = [step for each in range(_STEPS) for step in ({"analysis": begin}, {"setWeight": each + 1})]
        secret = {"name": "ninefold-gate", "namespace": service}
        self._apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"token": TOKEN}}, rollout)

    def stable(self, service: str) -> bool:
        status = self._status(service)
        return status.get("phase") == "Healthy" and status["stableRS"] == status["currentPodHash"]

    def position(self, service: str) -> int:
        status = self._status(service)
        moving = status.get("phase") == "Progressing" and not status.get("abort")
        return int(status.get("currentStepIndex", 0)) if moving else 0

    def refusals(self, service: str) -> int:
        """Measurements that were answered Hold."""
        results = (
            result
            for run in self._get(_RUN.path(service))["items"]
            for result in run.get("status", {}).get("metricResults", ())
        )
        return sum(
            "Hold" in measurement.get("value", "")
            for result in results
            if result["name"] == "gate-open"
            for measurement in result.get("measurements", ())
            if measurement["phase"] == "Failed"
        )

    def _status(self, service: str) -> dict[str, Any]:
        """Of the present generation; {} before the controller has seen it."""
        found = self._get(_ROLLOUT.path(service, "checkout"))
        status: dict[str, Any] = found.get("status", {})
        return status if status.get("observedGeneration") == str(found["metadata"]["generation"]) else {}


class Flagger(Tool):
    """The shipped canary at the shortest interval that Flagger keeps, with steps of one per cent."""

    name = "Flagger"
    interval = 10

    def _install(self) -> None:
        cluster, recipe = self._site.cluster, RECIPES["flagger"]
        crds = unpacked(recipe.name, recipe.module) / "artifacts" / "flagger" / "crd.yaml"
        cluster.kubectl("apply", "--server-side", "-f", str(crds))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        options = [
            f"-kubeconfig={cluster.inside_kubeconfig}",
            "-mesh-provider=nginx",
            f"-metrics-server={cluster.prometheus.inside_url}",
            f"-port={cluster.free_port()}",
        ]
        cluster.spawn("flagger", [cluster.binary("flagger"), *options])

    def release(self, service: str, version: int) -> None:
        (canary,) = self._shipped("flagger-example.yaml")
        canary["metadata"]["namespace"] = service
        canary["spec"]["ingressRef"]["name"] = canary["spec"]["targetRef"]["name"] = "web"
        canary["spec"]["analysis"] |= {"interval": f"{self.interval}s", "stepWeight": 1, "maxWeight": _STEPS}
        signed = {"gate": service, "signature": signature(KEY.encode(), Key(service, "checkout"))}
        for hook in canary["spec"]["analysis"]["webhooks"]:
            hook["metadata"] = {**hook["metadata"], **signed}
        self._apply(_ingress(service), _deployment(service, version), canary)

    def stable(self, service: str) -> bool:
        return self._status(service).get("phase") == "Initialized"

    def position(self, service: str) -> int:
        status = self._status(service)
        return int(status.get("canaryWeight", 0)) if status.get("phase") == "Progressing" else 0

    def refusals(self, service: str) -> int:
        """How often it tells in its events that it waits."""
        return sum(
            event.get("count") or 1
            for event in self._get(EVENT.path(service))["items"]
            if "waiting for traffic increase approval" in event["message"]
        )

    def _status(self, service: str) -> dict[str, Any]:
        status: dict[str, Any] = self._get(_CANARY.path(service, "checkout")).get("status", {})
        return status


def _deployment(service: str, version: int) -> Manifest:
    labels = {"app": "web"}
    container = {"name": "app", "image": f"web:v{version}", "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": service, "labels": labels},
        # Without replicas: Flagger scales it, and an apply must not take that back.
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _ingress(service: str) -> Manifest:
    backend = {"service": {"name": "web", "port": {"number": 8080}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": service},
        "spec": {"rules": [{"host": "web.example.com", "http": {"paths": [path]}}]},
    }
