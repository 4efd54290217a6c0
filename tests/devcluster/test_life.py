"""Clusters end with their owner, whatever happens to it, and their parts stop and start."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import devcluster
from devcluster import starting, waiting
from devcluster.waiting import patient

OWNER = """
import json, sys, time, devcluster
cluster = devcluster.start(own=True)
# What a test starts may start something itself.
cluster.spawn("family", ["sh", "-c", "sleep 1234 & sleep 1234"])
print(json.dumps({"directory": str(cluster.directory), "processes": cluster.processes()}), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def own() -> Iterator[devcluster.Cluster]:
    """A cluster to take apart."""
    with devcluster.start(own=True) as cluster:
        yield cluster


def descendants(pid: int) -> set[int]:
    children = {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return children.union(*(descendants(child) for child in children))


def exists(pid: int) -> bool:
    # A process that ended counts as gone even while nobody has collected it.
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("victim", ["owner", "launcher", "supervisor"])
def test_a_kill_leaves_no_process_behind(victim: str) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    state = json.loads(owner.stdout.readline())
    (launcher,) = [
        pid for pid in descendants(owner.pid) if "supervisor.py" in command(pid) and parent(pid) == owner.pid
    ]
    family = descendants(owner.pid)
    assert {each["pid"] for each in state["processes"].values()} < family
    supervisor = next(iter(Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()))
    os.kill({"owner": owner.pid, "launcher": launcher, "supervisor": int(supervisor)}[victim], signal.SIGKILL)
    waiting.until(lambda: not any(exists(pid) for pid in family), "everything is gone", 10)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    waiting.until(lambda: Path(state["directory"]).name not in devcluster.starting.running(), "it is not listed", 5)


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_api_server_stops_and_starts_with_its_state(own: devcluster.Cluster) -> None:
    namespace = own.namespace()
    server = own.component("kube-apiserver")
    server.stop(timeout=1)
    with pytest.raises(OSError, match="readyz"):
        own.api.ok("/readyz")
    server.start()
    assert namespace in own.kubectl("get", "namespaces")


@pytest.mark.parametrize("part", ["etcd", "kube-controller-manager", "kube-scheduler", "kwok"])
def test_a_crashed_part_comes_back(own: devcluster.Cluster, part: str) -> None:
    assert own.component(part).kill() == -signal.SIGKILL
    own.component(part).start()
    namespace = own.namespace()
    own.kubectl("create", "deployment", "after", "--image=nothing", "-n", namespace)
    own.kubectl("rollout", "status", "deployment/after", "-n", namespace, f"--timeout={patient(100):.0f}s")


def test_a_process_tells_how_it_ended(own: devcluster.Cluster) -> None:
    failed = own.spawn("failed", ["sh", "-c", "echo said; exit 3"])
    assert failed.wait() == 3
    assert failed.tail() == "said\n"
    asleep = own.spawn("asleep", ["sleep", "1234"])
    assert asleep.poll() is None
    assert command(asleep.pid).startswith("sleep")
    assert asleep.stop() == -signal.SIGTERM
    with pytest.raises(devcluster.DevclusterError, match="asleep has ended"):
        _ = asleep.pid


def test_a_stubborn_process_is_killed(own: devcluster.Cluster) -> None:
    stubborn = own.spawn("stubborn", ["sh", "-c", "trap '' TERM; echo armed; while :; do sleep 0.1; done"])
    waiting.until(lambda: "armed" in stubborn.tail(), "it ignores SIGTERM", 5)
    assert stubborn.stop(timeout=0.3) == -signal.SIGKILL


def refuse(what: Callable[[], object], why: str) -> None:
    with pytest.raises(devcluster.DevclusterError, match=why):
        what()


def test_wrong_wishes_are_refused_with_the_next_step(own: devcluster.Cluster) -> None:
    refuse(lambda: own.component("kubelet"), "there is no process 'kubelet', only: etcd")
    refuse(lambda: own.prometheus, r"start\(prometheus=True\)")
    refuse(lambda: own.spawn("etcd", ["true"]), "already exists")
    refuse(lambda: own.spawn("nothing", ["/no/such/program"]), "No such file")
    refuse(lambda: devcluster.attach("no-such-cluster"), "devcluster list")
    refuse(lambda: devcluster.start("1.12"), "choose one of 1.37")
    refuse(lambda: devcluster.start(own=True, directory=own.directory), "take it down first")


def test_another_process_attaches(own: devcluster.Cluster) -> None:
    script = (
        "import devcluster, sys; c = devcluster.attach(sys.argv[1]); print(c.kubectl('get', 'nodes', '-o', 'name'))"
    )
    argv = [sys.executable, "-c", script, own.directory.name]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "node/node-0" in done.stdout


def test_a_named_directory_stays(tmp_path: Path) -> None:
    # Longer than a Unix socket's path may be.
    home = tmp_path / ("long-" * 25)
    with devcluster.start(own=True, directory=home):
        pass
    assert (home / "audit.log").exists()
    refuse(lambda: devcluster.start(own=True, directory=home), "name an empty directory")


def test_several_at_once_clear_away_what_ended_long_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As parallel test runs do: what one has listed, another may have removed."""
    monkeypatch.setenv("NINEFOLD_CACHE", str(tmp_path))
    for number in range(400):
        old = tmp_path / "clusters" / f"run-{number:08}"
        old.mkdir(parents=True)
        os.utime(old, (0, 0))
    with ThreadPoolExecutor(4) as pool:
        made = {future.result() for future in [pool.submit(starting.new_directory) for _ in range(8)]}
    assert len(made) == 8
    assert list((tmp_path / "clusters").iterdir()) == []
