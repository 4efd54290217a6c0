"""Kubernetes Events about our resources: one object per (resource, reason), counted up when it repeats."""

from __future__ import annotations

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
_NOTE_LIMIT = 1024


class Recorder:
    """Records Events. A lost Event is logged and not retried: status is what counts, Events are for reading along."""

    def __init__(self, cluster: Cluster, clock: Clock, instance: str) -> None:
        self._cluster = cluster
        self._clock = clock
        self._instance = instance
        self._counts: OrderedDict[Key, int] = OrderedDict()

    async def record(self, api: Api, about: Metadata, note: Note) -> None:
        digest = hashlib.sha256(f"{about.uid}{note.type}{note.reason}".encode()).hexdigest()[:16]
        key = Key(about.namespace or "default", f"{about.name[:230]}.{digest}")
        try:
            count = self._counts.get(key) or await self._recorded(key)
            await self._write(api, about, note, key, count + 1)
        except ApiError as error:
            logger.warning("Lost an event", extra={"object": str(about.key), "reason": note.reason, "why": str(error)})

    async def _recorded(self, key: Key) -> int:
        """How often the event was counted by a process before this one."""
        try:
            return int((await self._cluster.get(EVENT, key)).get("count") or 1)
        except NotFound:
            return 0

    async def _write(self, api: Api, about: Metadata, note: Note, key: Key, count: int) -> None:
        seen = {"count": count, "lastTimestamp": rfc3339(self._clock.now()), "message": note.message[:_NOTE_LIMIT]}
        if count > 1:
            try:
                await self._cluster.patch(EVENT, key, seen)
            except NotFound:  # its time to live is over
                count = 1
        if count == 1:
            try:
                await self._cluster.create(EVENT, self._new(api, about, note, key) | seen | {"count": 1})
            except Conflict:
                await self._cluster.patch(EVENT, key, seen)
        self._counts[key] = count
        self._counts.move_to_end(key)
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)

    def _new(self, api: Api, about: Metadata, note: Note, key: Key) -> dict[str, Any]:
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
            "firstTimestamp": rfc3339(self._clock.now()),
        }
