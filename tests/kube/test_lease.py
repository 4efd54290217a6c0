"""Our Lease beside the client library's leader election, both on a real API server with a clock that jumps.

docs/decisions/0002-own-lease.md rests on what is seen here; when the library changes, these tests tell.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.leaderelection import electionconfig, leaderelection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

import devcluster
from devcluster.waiting import patient
from ninefold.kube.api import CONFIG_MAP, LEASE, NAMESPACE, Key
from ninefold.kube.client import KubernetesCluster, NoLease, connect
from ninefold.kube.fence import WRITE_TIMEOUT, Fence
from ninefold.kube.lease import LONGEST, Lease
from ninefold.kube.metrics import Metrics
from tests import direct

JUMP = 3600.0


class JumpingClock:
    """The wall clock goes ahead by `ahead` seconds; what measures lengths of time goes on as it did."""

    ahead = 0.0
    slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def time(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def run(cluster: devcluster.Cluster) -> Callable[[Callable[[ApiClient], Awaitable[None]]], None]:
    """Run a coroutine with a client of the library for the cluster."""

    def run(work: Callable[[ApiClient], Awaitable[None]]) -> None:
        asyncio.run(_with_client(cluster.kubeconfig, work))

    return run


async def _with_client(kubeconfig: Path, work: Callable[[ApiClient], Awaitable[None]]) -> None:
    configuration = Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=str(kubeconfig), client_configuration=configuration
    )
    async with asyncio.timeout(patient(30)), ApiClient(configuration) as client:
        await work(client)


def test_a_jump_of_the_clock_takes_no_lease_of_ours(
    run: Callable[..., None], cluster: devcluster.Cluster, namespace: str
) -> None:
    async def work(client: ApiClient) -> None:
        api, clock = KubernetesCluster(client, Metrics()), JumpingClock()
        key = Key(namespace, "ours")
        first, second = Lease(api, clock, key, "first"), Lease(api, clock, key, "second")
        assert await first._try()
        assert not await second._try()
        clock.ahead = JUMP
        assert not await second._try(), "the holder renewed a moment ago"
        assert _holder(cluster, key) == "first"
        await first.release()
        assert _holder(cluster, key) == ""
        assert await second._try(), "what was released is free at once"

    run(work)


def test_a_lease_of_a_hundred_years_is_over_after_a_minute(
    run: Callable[..., None], cluster: devcluster.Cluster, namespace: str
) -> None:
    """A thief of the token that writes such a Lease silences no operator for good."""

    async def work(client: ApiClient) -> None:
        api, clock = KubernetesCluster(client, Metrics()), JumpingClock()
        lease = Lease(api, clock, Key(namespace, "ours"), "first")
        spec = {"holderIdentity": "thief", "leaseDurationSeconds": 2**31 - 1}
        await api.create(LEASE, {"metadata": {"namespace": namespace, "name": "ours"}, "spec": spec})
        assert not await lease._try()
        clock.slept = LONGEST - 1
        assert not await lease._try()
        clock.slept = LONGEST + 1
        assert await lease._try()

    run(work)


def test_a_lease_of_which_nothing_is_known_is_free(
    run: Callable[..., None], cluster: devcluster.Cluster, namespace: str
) -> None:
    """Somebody else has made it, as GitOps does with an object that it found in a cluster."""

    async def work(client: ApiClient) -> None:
        api = KubernetesCluster(client, Metrics())
        for name, spec in (("none", {}), ("empty", {"spec": {}}), ("ours", {"spec": {"holderIdentity": "first"}})):
            key = Key(namespace, name)
            await api.create(LEASE, {"metadata": {"namespace": namespace, "name": name}, **spec})
            lease = Lease(api, JumpingClock(), key, "first")
            assert await lease._try()
            assert _holder(cluster, key) == "first"
            await lease.release()
            assert _holder(cluster, key) == ""

    run(work)


def test_writes_pass_only_while_the_lease_outlasts_them(
    run: Callable[..., None], cluster: devcluster.Cluster, namespace: str
) -> None:
    """On the real API server, with a clock that goes on while this process does not."""

    async def work(client: ApiClient) -> None:
        api, clock = KubernetesCluster(client, Metrics()), JumpingClock()
        lease = Lease(api, clock, Key(namespace, "ours"), "first")
        fenced = api.fenced(Fence(lambda: lease.left))

        async def refused(name: str) -> bool:
            try:
                made = await fenced.create(CONFIG_MAP, {"metadata": {"namespace": namespace, "name": name}})
                await fenced.delete(CONFIG_MAP, Key.of(made), made["metadata"]["uid"])
            except NoLease:
                return True
            return False

        assert await refused("before"), "nobody holds the Lease yet"
        assert await lease._try()
        assert not await refused("held")
        clock.slept = Lease.duration - Lease.margin - WRITE_TIMEOUT + 0.1
        assert await refused("late"), "another replica could lead before this write had ended"
        assert await fenced.get(LEASE, Key(namespace, "ours")), "who reads does no harm"
        assert await lease._try()
        assert not await refused("renewed")
        await lease.release()
        assert await refused("released")
        found = direct.items(cluster, "configmaps", namespace)
        assert [item["metadata"]["name"] for item in found if item["metadata"]["name"] != "kube-root-ca.crt"] == []

    run(work)


def test_a_request_that_waited_for_its_connection_is_not_sent_too_late(cluster: devcluster.Cluster) -> None:
    """The first check passes, and the Lease is over when the bytes would go."""
    asked = 0

    def left() -> float:
        nonlocal asked
        asked += 1
        return 60.0 if asked == 1 else 0.0

    async def work() -> None:
        api = await connect(Metrics())
        try:
            with pytest.raises(NoLease):
                await api.fenced(Fence(left)).create(NAMESPACE, {"metadata": {"name": "too-late"}})
        finally:
            await api.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        asyncio.run(work())
    assert asked == 2
    assert "too-late" not in cluster.kubectl("get", "namespaces")


def test_a_jump_of_the_clock_takes_the_librarys_lease(
    run: Callable[..., None], cluster: devcluster.Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = JumpingClock()
    monkeypatch.setattr(leaderelection, "time", SimpleNamespace(time=clock.time))

    async def work(client: ApiClient) -> None:
        key = Key(namespace, "theirs")
        _make(cluster, key)
        first, second = (_election(client, key, name) for name in ("first", "second"))
        assert await first.try_acquire_or_renew()
        assert not await second.try_acquire_or_renew()
        clock.ahead = JUMP
        assert await second.try_acquire_or_renew()
        assert _holder(cluster, key) == "second", "taken from a leader that renewed a moment ago and goes on acting"

    run(work)


def test_the_library_never_releases(run: Callable[..., None], cluster: devcluster.Cluster, namespace: str) -> None:
    async def work(client: ApiClient) -> None:
        key = Key(namespace, "kept")
        leading = asyncio.Event()
        _make(cluster, key)
        election = asyncio.create_task(_election(client, key, "first", leading).run())
        await leading.wait()
        election.cancel()
        await asyncio.wait({election})
        assert _holder(cluster, key) == "first", "a successor waits until it ends, also after a graceful stop"

    run(work)


def _election(client: ApiClient, key: Key, identity: str, leading: asyncio.Event | None = None) -> Any:
    async def lead() -> None:
        if leading:
            leading.set()
        await asyncio.Event().wait()

    async def stop() -> None:
        pass

    lock = LeaseLock(key.name, key.namespace, identity, client)
    settings = electionconfig.Config(
        lock, lease_duration=15, renew_deadline=10, retry_period=2, onstarted_leading=lead, onstopped_leading=stop
    )
    return leaderelection.LeaderElection(settings)


def _make(cluster: devcluster.Cluster, key: Key) -> None:
    """An empty Lease: in 37.0.2 of the library LeaseLock.create() fails on an argument of its own, pretty=True."""
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": key.name}, "spec": {}}
    cluster.kubectl("-n", key.namespace, "create", "-f", "-", input=json.dumps(lease))


def _holder(cluster: devcluster.Cluster, key: Key) -> str:
    lease = direct.get(cluster, "lease", key.name, key.namespace)
    return str(lease["spec"].get("holderIdentity") or "")
