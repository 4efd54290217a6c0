"""Simulates what kwok leaves out: the container. Runs the version of `checkout` that its Deployment has rolled out.

So only the image in the cluster decides which version the customers reach.
Run as `python -m demo.node PORT` with KUBECONFIG set.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from devcluster import web

DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
#: seconds between checks
STEP = 0.2


def rolled_out(deployment: dict[str, Any]) -> str | None:
    """The tag of the image that all its pods run; None during a rollout."""
    spec, status = deployment["spec"], deployment.get("status", {})
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
    if status.get("observedGeneration") != deployment["metadata"]["generation"] or counts != {spec["replicas"]}:
        return None
    image: str = spec["template"]["spec"]["containers"][0]["image"]
    return image.rpartition(":")[2]


def main(port: str) -> None:
    """Follow the Deployment until the process is stopped."""
    api = web.kubernetes(Path(os.environ["KUBECONFIG"]))
    running, process = "", None
    while True:
        wanted = _wanted(api) or running
        if wanted and (wanted != running or (process and process.poll() is not None)):
            if process:
                process.terminate()
                process.wait()
            print(f"runs checkout:{wanted}", flush=True)
            process = subprocess.Popen([sys.executable, "-m", "demo.checkout", wanted, port])
            running = wanted
        time.sleep(STEP)


def _wanted(api: web.Web) -> str | None:
    try:
        code, deployment = api.request("GET", DEPLOYMENT)
    except OSError:
        return None
    return rolled_out(deployment) if code == 200 else None


if __name__ == "__main__":
    main(sys.argv[1])
