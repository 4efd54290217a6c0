"""Without root a cluster is the same; without namespaces it runs, and says what is lost."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster.binaries import binary
from devcluster.waiting import patient

NOBODY = 65534
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl")

SCRIPT = """
import devcluster, json, os
from devcluster.waiting import patient
with devcluster.start(own=True) as cluster:
    namespace = cluster.namespace()
    cluster.kubectl("create", "deployment", "web", "--image=nothing", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, f"--timeout={patient(60):.0f}s")
    uplink = cluster.spawn("uplink", ["sh", "-c", "cat /proc/net/route | wc -l"])
    uplink.wait()
    print(json.dumps({"user": os.getuid(), "mode": cluster._control.mode, "routes": int(uplink.tail())}))
"""

# Root's home is closed to others, and may hold the checkout, the interpreter and the cache.  In a mount namespace of
# this one process an open directory takes its place, with just these things in it, where they always were.
AS_NOBODY = """
set -eu
holder=$1; shift
count=0
for wanted in $WANTED; do
  count=$((count + 1))
  mkdir -p "$holder/$count"
  mount --bind "$wanted" "$holder/$count"
done
for closed in $CLOSED; do mount -t tmpfs -o mode=755 none "$closed"; done
count=0
for wanted in $WANTED; do
  count=$((count + 1))
  mkdir -p "$wanted"
  mount --bind "$holder/$count" "$wanted"
done
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


def closed_ancestor(path: Path) -> Path | None:
    """The first directory on the way to `path` that others may not enter."""
    return next((each for each in reversed(path.parents) if not each.stat().st_mode & 0o001), None)


def as_nobody(holder: Path, needed: set[Path]) -> tuple[list[str], dict[str, str]]:
    """(command prefix, environment) that run a command as nobody, who can reach all of `needed`."""
    closed = {path: closed_ancestor(path) for path in needed}
    wanted = {str(path) for path, ancestor in closed.items() if ancestor}
    environment = {"WANTED": " ".join(wanted), "CLOSED": " ".join({str(each) for each in closed.values() if each})}
    return ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", str(holder)], environment


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may use."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_an_ordinary_user_has_the_same_cluster(place: Path) -> None:
    assets, cache = place / "assets", place / "cache"
    for directory in (assets, cache):
        directory.mkdir()
        directory.chmod(0o777)
    for name in PROGRAMS:
        (assets / name).symlink_to(binary(name))
    source = Path(devcluster.__file__).parents[1]
    environment = {
        **os.environ,
        "NINEFOLD_CACHE": str(cache),
        "KUBEBUILDER_ASSETS": str(assets),
        "PYTHONPATH": str(source),
    }
    prefix: list[str] = []
    if os.getuid() == 0:
        needed = {Path(sys.base_prefix), Path(sys.prefix), source, *(binary(name).parent for name in PROGRAMS)}
        prefix, more = as_nobody(place / "holder", needed)
        environment |= more
    argv = [*prefix, sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        argv, env=environment, cwd=place, capture_output=True, text=True, timeout=patient(120), check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {"user": os.getuid() or NOBODY, "mode": "user", "routes": 1}, "only the table's heading"


def test_without_namespaces_it_says_what_is_lost() -> None:
    # In a user namespace of its own the limit on namespaces is ours to set: the kernel then really refuses them.
    limit = 'for kind in net user; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done; exec "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c", SCRIPT]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=patient(120), check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mode"] == "none"
    assert "its processes can reach the network" in done.stderr
