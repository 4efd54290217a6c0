"""Kubernetes Events about Ninefold's resources: one object per (resource, reason), with a count of repetitions."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import Any

from ninefold.kube.api import EVENT, OPERATOR, Api, Key
from ninefold.kube.client import ApiError, Cluster, Conflict, NotFound
from ninefold.kube.clock import Clock
from ninefold.kube.fields import rfc3339
from ninefold.kube.model import Metadata
from ninefold.kube.plan import Note

logger = logging.getLogger(__name__)

_REMEMBERED = 4096
_WAITING = 4096
_NOTE_LIMIT = 1024


class Recorder:
    """Records Events one after another, in the background: no reconciliation waits for an Event, and a flood is slowed.

    A lost Event is logged and not retried: the status is authoritative, Events only inform.
    """

    def __init__(self, cluster: Cluster, clock: Clock, instance: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._instance = instance
        self._counts: OrderedDict[Key, int] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[Api, Metadata, Note]] = asyncio.Queue(_WAITING)

    def record(self, api: Api, about: Metadata, note: Note) -> None:
        """Queue an Event to be recorded."""
        try:
            self._waiting.put_nowait((api, about, note))
        except asyncio.QueueFull:
            _lost(about, note, "too many are waiting")

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            api, about, note = await self._waiting.get()
            try:
                await self._write(api, about, note)
            except ApiError as error:
                _lost(about, note, str(error))
            finally:
                self._waiting.task_done()

    async def drained(self) -> None:
        """Return when no Event waits to be recorded."""
        await self._waiting.join()

    async def _write(self, api: Api, about: Metadata, note: Note) -> None:
        digest = hashlib.sha256(f"{about.uid}{note.type}{note.reason}".encode()).hexdigest()[:16]
        key = Key(about.namespace or "default", f"{about.name[:230].rstrip('-.')}.{digest}")
        self._counts[key] = await self._counted(key, self._new(api, about, note, key))
        self._counts.move_to_end(key)
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    async def _counted(self, key: Key, event: dict[str, Any]) -> int:
        """Create the Event or increase its count; returns the count."""
        count = self._counts.get(key)
        if count is None:
            try:
                await self._cluster.create(EVENT, event)
                return 1
            except Conflict:  # an earlier process has recorded it
                count = int((await self._cluster.get(EVENT, key)).get("count") or 1)
        again = {"count": count + 1, "lastTimestamp": event["lastTimestamp"], "message": event["message"]}
        try:
            await self._cluster.patch(EVENT, key, again)
        except NotFound:  # its time to live has ended
            await self._cluster.create(EVENT, event)
            return 1
        return count + 1

    def _new(self, api: Api, about: Metadata, note: Note, key: Key) -> dict[str, Any]:
        now = rfc3339(self._clock.now())
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"namespace": key.namespace, "name": key.name},
            "involvedObject": {
                "apiVersion": api.api_version,
                "kind": api.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": note.type,
            "reason": note.reason,
            "source": {"component": OPERATOR},
            "reportingComponent": OPERATOR,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "message": note.message[:_NOTE_LIMIT],
        }


def _lost(about: Metadata, note: Note, why: str) -> None:
    logger.warning("Lost an event", extra={"object": str(about.key), "reason": note.reason, "why": why})
