"""A release gate that a test decides by hand, and a replica of the operator that tells delivery tools about it.

The replica stands by: another one holds the Lease. So what the test writes into the gate's status stays there, and it
is seen that a replica that does not act answers all the same.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import yaml

import devcluster
from devcluster.errors import CommandError
from devcluster.web import Web
from ninefold.kube.api import LEASE, Api, Key
from ninefold.kube.lease import LONGEST
from ninefold.kube.rbac import LEASE_NAME, NAMESPACE_OF_OPERATOR
from ninefold.release.gate_api.access import signature
from tests.peers.conftest import ACCOUNT, GROUPS
from tests.peers.objects import GATE, Manifest, Objects
from tests.processes import ROOT, wait_for
from tests.release.releasegate.blaming import blames

TOKEN, KEY = "token-of-the-tests", "key-of-the-tests"
SHIPPED = "http://ninefold.ninefold-system.svc:8080"
"""Where the shipped manifests expect the operator."""


class Gates:
    """The operator with its endpoint, inside the cluster's network."""

    def __init__(self, cluster: devcluster.Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.objects = Objects(cluster)
        self.port = cluster.free_port()
        self._web = Web(f"http://{cluster.forward(self.port)}")
        self._folder = folder
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def install(self) -> None:
        cluster = self.cluster
        cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests" / "base"))
        cluster.kubectl("-n", NAMESPACE_OF_OPERATOR, "delete", "deployment", "ninefold")
        self.objects.apply(yaml.safe_load((ROOT / "crds" / "releasegates.yaml").read_text()))
        wait_for("gates to be served", lambda: self.objects.served(GATE))
        self._hold_lease()
        threading.Thread(target=self._renew_lease, name="leader", daemon=True).start()
        tokens, keys = self._folder / "tokens", self._folder / "hmac-keys"
        tokens.write_text(TOKEN)
        keys.write_text(KEY)
        argv = [sys.executable, "-m", "ninefold", "run", "--leader-elect", "--bind", f"127.0.0.1:{self.port}"]
        argv += ["--prometheus-url", cluster.prometheus.inside_url, "--log-format=text"]
        argv += ["--gate-token-file", str(tokens), "--gate-hmac-key-file", str(keys)]
        kubeconfig = cluster.kubeconfig_for(ACCOUNT, GROUPS, inside=True)
        environment = {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        self.operator = cluster.spawn("ninefold", argv, env=environment, cwd=ROOT)
        self.wait_ready()

    def _hold_lease(self) -> None:
        self.objects.apply(
            {
                "apiVersion": LEASE.api_version,
                "kind": LEASE.kind,
                "metadata": {"name": LEASE_NAME, "namespace": NAMESPACE_OF_OPERATOR},
                "spec": {
                    "holderIdentity": "another",
                    "leaseDurationSeconds": int(LONGEST),
                    "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                },
            }
        )

    def _renew_lease(self) -> None:
        """As a leader does: whatever length stands in a Lease, a replica takes it when nobody renews it for so long."""
        while not self._ended.wait(LONGEST / 4):
            with contextlib.suppress(CommandError):  # as a leader, that tries again before the time is over
                self._hold_lease()

    def wait_ready(self) -> None:
        def ready() -> bool:
            self.operator.check_running()
            return self._page("/readyz").startswith("caches: ok")

        wait_for("the operator to be ready", ready, 60)

    def wait_until_asked(self, path: str, code: int, times: int = 2) -> None:
        """Return when the operator has given this answer so many times more."""
        before = self._answers(path, code)
        wait_for(f"{times} times {code} on {path}", lambda: self._answers(path, code) >= before + times, 120)

    def _answers(self, path: str, code: int) -> float:
        sample = re.escape(f'ninefold_http_requests_total{{code="{code}",path="{path}"}} ')
        return sum(map(float, re.findall(rf"^{sample}(\S+)$", self._page("/metrics"), re.MULTILINE)))

    def _page(self, path: str) -> str:
        try:
            return str(self._web.request("GET", path)[1])
        except OSError:
            return ""

    def shipped(self, file: str, namespace: str = "") -> list[Manifest]:
        """The objects of a file of manifests/delivery/, pointed at this operator, in a namespace of a test."""
        text = (ROOT / "manifests" / "delivery" / file).read_text().replace(SHIPPED, f"http://127.0.0.1:{self.port}")
        if namespace:
            text = text.replace("namespace: shop", f"namespace: {namespace}").replace(
                "value: shop", f"value: {namespace}"
            )
        text = text.replace("0" * 64, self.signature(namespace))
        return list(yaml.safe_load_all(text))

    def signature(self, namespace: str) -> str:
        """That of the canary `checkout`."""
        return signature(KEY.encode(), Key(namespace, "checkout"))

    def create(self, namespace: str, workloads: Manifest | None = None) -> None:
        """The gate `checkout`. Unless said otherwise no workload has its label, so that the API server holds nothing
        back by itself."""
        wanted = workloads or {"matchLabels": {"gated": "by-its-tool"}}
        spec = {"workloads": wanted, "sources": [{"errorBudgetPolicy": "checkout"}]}
        metadata = {"name": "checkout", "namespace": namespace}
        self.objects.apply(
            {"apiVersion": GATE.api_version, "kind": GATE.kind, "metadata": metadata, "spec": spec},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "ninefold-gate", "namespace": namespace},
                "stringData": {"token": TOKEN},
            },
        )

    def decide(
        self, namespace: str, decision: str, *, blamed: list[str] | None = None, known: dict[str, str] | None = None
    ) -> None:
        """Let the gate say this from now on, and know these revisions to be good, by workload."""
        path = GATE.path(namespace, "checkout", "status")
        code, stored = self.cluster.api.request("GET", path)
        assert code == 200, stored
        status: dict[str, Any] = {"decision": decision, "message": f"It is {decision}.", "conditions": []}
        status["observedGeneration"] = stored["metadata"]["generation"]
        status["knownGoodRevisions"] = known or {}
        if blamed is not None:
            status["blamed"] = blames(*blamed)
        code, written = self.cluster.api.request("PUT", path, {**stored, "status": status})
        assert code == 200, written
        assert written["status"].get("blamed") == status.get("blamed"), "the field must be in the CRD"

    def refused(self, api: Api, namespace: str, image: str) -> str:
        """What the API server says to another image of the workload `checkout`; "" if it would pass."""
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]
        try:
            self.cluster.kubectl(
                *("-n", namespace, "patch", f"{api.plural}.{api.group}", "checkout", "--dry-run=server"),
                *("--type=json", "-p", json.dumps(patch)),
            )
        except CommandError as error:
            return str(error)
        return ""
