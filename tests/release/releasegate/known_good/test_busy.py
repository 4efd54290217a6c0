"""What a busy workload runs becomes known to be good on a real API server, and what never comes up does not."""

from __future__ import annotations

import json
import time
from itertools import cycle
from pathlib import Path

from tests.installing import install
from tests.processes import wait_for
from tests.release.releasegate.test_loop import Operator, Shop

import devcluster
from ninefold.release.releasegate.admission.policies import policy_manifests


class Busy(Shop):
    """A shop with an autoscaler that changes its mind every two seconds, and a pod that is lost each time."""

    sizes = cycle((3, 7, 4, 9))
    scaled = 0.0

    def known(self) -> str:
        """The images that are known to be good."""
        if time.monotonic() > self.scaled + 2:
            self.scaled = time.monotonic()
            self.kubectl("scale", "deploy/checkout", f"--replicas={next(self.sizes)}")
            by_age = "--sort-by=.metadata.creationTimestamp"
            pods = self.kubectl("get", "pods", "-l", "app=checkout", "-o", "name", by_age).split()
            self.kubectl("delete", pods[-1], "--ignore-not-found", "--wait=false")
        return str(self.gate().get("knownGoodRevisions"))

    def deploy_other(self) -> None:
        labels = {"app": "other"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "other:v1"}]}}
        self.apply("Deployment", "other", spec={"selector": {"matchLabels": labels}, "template": template})


def test_a_workload_that_is_never_still_is_learnt_and_what_never_comes_up_is_not(
    cluster: devcluster.Cluster, namespace: str, tmp_path: Path
) -> None:
    install(cluster, *policy_manifests())
    shop = Busy(cluster, namespace)
    spec = {"workloads": {"scope": "Namespace"}, "knownGood": {"after": "4s"}}
    shop.apply("ReleaseGate", "checkout", spec=spec)
    shop.deploy("v1")
    with Operator(cluster, tmp_path / "operator.log"):
        wait_for("v1 to be known good", lambda: "checkout:v1" in shop.known(), 30)
        # No pod of v2 finds a node, and the rolling update takes away all others all the same.
        pod = {"nodeSelector": {"none": "such"}, "containers": [{"name": "app", "image": "checkout:v2"}]}
        rolling = {"maxUnavailable": "100%", "maxSurge": 0}
        patch = {"spec": {"strategy": {"rollingUpdate": rolling}, "template": {"spec": pod}}}
        shop.kubectl("patch", "deploy/checkout", "-p", json.dumps(patch))
        shop.deploy_other()
        # What was made after it has stood its time by then.
        wait_for("the other one to be known good", lambda: "other:v1" in shop.known(), 30)
        assert "checkout:v2" not in shop.known()
