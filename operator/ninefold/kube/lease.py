"""The Lease that lets one replica act while the others stand by.

The client library's leader election is no choice: it measures leases with the wall clock, so a clock that jumps forward
takes a living leader's Lease, and it never releases one (docs/decisions/0002-own-lease.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ninefold.kube.api import LEASE, Key, Manifest
from ninefold.kube.client import ApiError, Cluster, Conflict, NotFound
from ninefold.kube.clock import Clock

logger = logging.getLogger(__name__)


LONGEST = 60.0
"""The longest that a Lease without renewal keeps other replicas waiting, whatever duration it states. In seconds."""


class Lease:
    """Holds, renews and releases a coordination.k8s.io Lease. All durations are in seconds.

    A standby waits for `duration` after the last renewal that it saw. The holder counts from before it requested that
    renewal, which is earlier, and keeps `margin` for clocks that run at different rates.
    """

    duration = 10.0
    deadline = 7.0
    period = 2.0
    poll = 1.0
    """How often a standby reads the Lease."""
    margin = 1.0

    def __init__(self, cluster: Cluster, clock: Clock, key: Key, identity: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._key = key
        self._identity = identity
        # When this process first saw the present version of the Lease. It never compares with other machines' clocks.
        self._seen: tuple[str, float] = ("", 0.0)
        self._renewed: float | None = None

    async def acquire(self) -> None:
        """Return when this replica holds the Lease; waits while another replica renews it."""
        while not await self._try():  # noqa: ASYNC110 - a Lease can only be polled
            await asyncio.sleep(self.poll)

    async def hold(self) -> None:
        """Renew repeatedly; returns when the Lease is lost. By then this replica must have stopped acting."""
        while self.age < self.deadline:
            await asyncio.sleep(self.period)
            try:
                async with asyncio.timeout(max(0.1, self.deadline - self.age)):
                    if not await self._try():
                        return
            except TimeoutError:
                return

    async def release(self) -> None:
        """Let another replica take over at once."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            lease = await self._cluster.get(LEASE, self._key)
            if _spec(lease).get("holderIdentity") == self._identity:
                await self._cluster.replace(LEASE, {**lease, "spec": {**_spec(lease), "holderIdentity": ""}})
        except ApiError as error:
            logger.warning("Could not release the Lease; it ends by itself", extra={"why": str(error)})

    @property
    def age(self) -> float:
        """Seconds since this replica last renewed the Lease; infinite when it does not hold the Lease."""
        return float("inf") if self._renewed is None else self._clock.monotonic() - self._renewed

    @property
    def left(self) -> float:
        """Seconds for which no other replica can take the Lease; zero or less when one may have it already."""
        return self.duration - self.margin - self.age

    async def _try(self) -> bool:
        """Take or renew the Lease; True while this replica holds it. An API error loses it only after the deadline."""
        begun = self._clock.monotonic()
        try:
            lease = await self._read()
            if lease is None:
                await self._cluster.create(LEASE, self._written({"metadata": self._metadata()}, transitions=0))
            elif self._may_take(lease):
                taken = _spec(lease).get("holderIdentity") != self._identity
                transitions = int(_spec(lease).get("leaseTransitions") or 0) + taken
                # replace() carries the resourceVersion that was read: of two replicas only one succeeds.
                await self._cluster.replace(LEASE, self._written(lease, transitions))
            else:
                self._renewed = None
                return False
        except Conflict:
            return self._renewed is not None
        except ApiError as error:
            logger.warning("Could not renew the Lease", extra={"why": str(error)})
            return self._renewed is not None
        self._renewed = begun
        return True

    async def _read(self) -> Manifest | None:
        try:
            lease = await self._cluster.get(LEASE, self._key)
        except NotFound:
            return None
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._clock.monotonic())
        return lease

    def _may_take(self, lease: Manifest) -> bool:
        holder = _spec(lease).get("holderIdentity")
        # A holder of another version may take longer than this one. A longer duration would only block every replica.
        length = min(float(_spec(lease).get("leaseDurationSeconds") or self.duration), LONGEST)
        return not holder or holder == self._identity or self._clock.monotonic() - self._seen[1] > length

    def _written(self, lease: Manifest, transitions: int) -> Manifest:
        now = self._clock.now().astimezone(UTC)
        before = _spec(lease)
        same = before.get("holderIdentity") == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self.duration),
            "acquireTime": (same and before.get("acquireTime")) or _micro(now),
            "renewTime": _micro(now),
            "leaseTransitions": transitions,
        }
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": lease["metadata"], "spec": spec}

    def _metadata(self) -> dict[str, str]:
        return {"namespace": self._key.namespace, "name": self._key.name}


def _spec(lease: Manifest) -> Mapping[str, Any]:
    """Every field may be missing: another client may have made the Lease."""
    return lease.get("spec") or {}


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
