"""The source of a cluster: a given cluster, kind, or devcluster's own control plane."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from devcluster.binaries import binary
from devcluster.errors import DevclusterError
from devcluster.images import docker_runs

__all__ = ["binary", "choose", "lend", "return_"]

GIVEN = "NINEFOLD_KUBECONFIG"


def choose() -> str:
    """ "given", "kind" or "own": see devcluster.start for the order."""
    if os.environ.get(GIVEN):
        return "given"
    if os.environ.get("KUBEBUILDER_ASSETS"):
        return "own"
    # pytest-kind would fetch its own choice of kind, whose Kubernetes is years old: only an installed kind counts.
    if shutil.which("kind") and docker_runs():
        return "kind"
    return "own"


def lend(source: str, home: Path, version: str) -> None:
    """Put the kubeconfig files of a given cluster or a kind cluster into `home`."""
    admin, inside = home / "admin.kubeconfig", home / "inside.kubeconfig"
    if source == "kind":
        _kind(home).create()
    else:
        given = Path(os.environ[GIVEN])
        if not given.is_file():
            raise DevclusterError(f"{GIVEN}={given} is not a file: name a kubeconfig, or unset it")
        argv = [str(binary("kubectl", version)), "config", "view", "--raw", "--flatten", "--minify"]
        done = subprocess.run(argv, env={**os.environ, "KUBECONFIG": str(given)}, capture_output=True, check=False)
        if done.returncode:
            raise DevclusterError(f"{GIVEN}={given} cannot be used: {done.stderr.decode().strip()}")
        admin.touch(mode=0o600)
        admin.write_bytes(done.stdout)
    inside.touch(mode=0o600)
    inside.write_bytes(admin.read_bytes())


def return_(home: Path) -> None:
    """Take down the kind cluster whose kubeconfig is in `home`."""
    _kind(home).delete()


def _kind(home: Path) -> Any:
    from pytest_kind import KindCluster

    kind, kubectl = shutil.which("kind"), shutil.which("kubectl")
    return KindCluster(
        home.name,
        kubeconfig=home / "admin.kubeconfig",
        kind_path=Path(kind) if kind else None,
        kubectl_path=Path(kubectl) if kubectl else None,
    )
