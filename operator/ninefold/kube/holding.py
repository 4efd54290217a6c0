"""Reconciles one object that follows an object of Ninefold: decides its desired content, and writes what differs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ninefold.kube.api import HOLDER, Key, Manifest
from ninefold.kube.children import contains
from ninefold.kube.client import ApiError, Cluster, Terminating
from ninefold.kube.clock import Clock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import Stalled, Waiting, WriteRefused
from ninefold.kube.events import Recorder
from ninefold.kube.follower import Follower, Hold, LetGo, Replace, Wanted, covers, held
from ninefold.kube.model import Metadata
from ninefold.kube.plan import Note
from ninefold.kube.reconciler import Outcome
from ninefold.kube.refusal import naming

logger = logging.getLogger(__name__)

_AGAIN = timedelta(hours=1)
"""After this time a reconciliation repeats a warning: Events do not live longer."""


class Holding:
    """Reconciles the objects of one follower's kind."""

    def __init__(
        self, follower: Follower, cluster: Cluster, dispatcher: Dispatcher, recorder: Recorder, clock: Clock
    ) -> None:
        self._follower = follower
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._clock = clock
        # The last warning to each owner, and its time: their objects have no field for it.
        self._warned: dict[Key, tuple[Note, datetime]] = {}

    async def reconcile(self, key: Key) -> Outcome:
        """Reconcile one object. Raises only asyncio.CancelledError: an error is part of the outcome."""
        manifest = self._dispatcher.store.get(self._follower.api, key)
        if manifest is None or "deletionTimestamp" in manifest["metadata"]:
            self._warned.pop(key, None)
            self._dispatcher.refusals.clear(QueueItem(self._follower.api, key))
            return Outcome("Gone")
        try:
            return await self._look(manifest)
        except Terminating:
            return Outcome("Gone")
        except ApiError as error:
            return Outcome("Failed", error=error)
        except Exception as error:
            logger.exception("Failed to follow", extra={"kind": self._follower.api.kind, "object": str(key)})
            return Outcome("Failed", error=error)

    async def _look(self, manifest: Manifest) -> Outcome:
        try:
            wanted = self._follower.wanted(manifest, self._dispatcher.store, self._clock.now())
        except Waiting as waiting:
            return Outcome("Waiting", due=waiting.until)
        except Stalled as stalled:
            self._warn(manifest, Note("Warning", stalled.reason, stalled.message))
            return Outcome("Stalled")
        try:
            with naming("write to", self._follower.api, Key.of(manifest)):
                written = await self._write(manifest, wanted)
        except WriteRefused as refused:
            self._warn(manifest, Note("Warning", "Refused", refused.message))
            self._note(manifest, refused)
            return Outcome("Failed", error=refused.error)
        self._dispatcher.refusals.clear(QueueItem(self._follower.api, Key.of(manifest)))
        if written and wanted.note:
            self._record(manifest, wanted.note)
        self._warn(manifest, wanted.warning)
        return Outcome("Stalled" if wanted.warning else "Ready", due=wanted.due)

    async def _write(self, manifest: Manifest, wanted: Wanted) -> bool:
        """Write what is wanted; False if the object has it already."""
        match wanted.do:
            case Hold(fields):
                if contains(manifest, fields) and covers(held(manifest), fields):
                    return False
                await self._apply(manifest, fields)
            case LetGo(parting):
                if held(manifest) is None:
                    return False
                if parting:
                    await self._patch(manifest, parting)
                await self._apply(manifest, {})
            case Replace(patch):
                if not _changes(manifest, patch):
                    return False
                await self._patch(manifest, patch, resourceVersion=manifest["metadata"]["resourceVersion"])
        return True

    async def _apply(self, manifest: Manifest, fields: Mapping[str, Any]) -> None:
        """Hold exactly these fields. The uid prevents the creation of an object that has just been deleted."""
        metadata = {**fields.get("metadata", {}), **_identity(manifest)}
        api = self._follower.api
        whole = {"apiVersion": api.api_version, "kind": api.kind, **fields, "metadata": metadata}
        self._seen(await self._cluster.apply(api, whole, HOLDER))

    async def _patch(self, manifest: Manifest, patch: Mapping[str, Any], **more: str) -> None:
        metadata = {**patch.get("metadata", {}), "uid": manifest["metadata"]["uid"], **more}
        api, key = self._follower.api, Key.of(manifest)
        self._seen(await self._cluster.patch(api, key, {**patch, "metadata": metadata}))

    def _note(self, manifest: Manifest, refused: WriteRefused) -> None:
        """Report the refusal on the leader too. A leader's readers must not see the content of another namespace."""
        key, leader = Key.of(manifest), self._follower.follows(manifest)
        if leader is None:
            return
        foreign = leader.namespace not in ("", key.namespace)
        sentence = f"{refused.brief}: an Event of that object says why." if foreign else refused.message
        self._dispatcher.refusals.note(
            QueueItem(self._follower.api, key), QueueItem(self._follower.leader, leader), sentence
        )

    def _seen(self, result: Manifest) -> None:
        api = self._follower.api
        self._dispatcher.seen(api, result, by=QueueItem(api, Key.of(result)))

    def _warn(self, manifest: Manifest, warning: Note | None) -> None:
        key, now = Key.of(manifest), self._clock.now()
        if warning is None:
            self._warned.pop(key, None)
            return
        before, at = self._warned.get(key, (None, now))
        if before != warning or now - at >= _AGAIN:
            self._warned[key] = (warning, now)
            self._record(manifest, warning)

    def _record(self, manifest: Manifest, note: Note) -> None:
        kind, key = self._follower.api.kind, str(Key.of(manifest))
        level = logging.WARNING if note.type == "Warning" else logging.INFO
        logger.log(level, note.reason, extra={"kind": kind, "object": key, "why": note.message})
        self._recorder.record(self._follower.api, Metadata.model_validate(manifest["metadata"]), note)


def _identity(manifest: Manifest) -> dict[str, str]:
    metadata = manifest["metadata"]
    named = {"name": metadata["name"], "uid": metadata["uid"]}
    return {**named, "namespace": metadata["namespace"]} if metadata.get("namespace") else named


def _changes(live: Manifest, patch: Mapping[str, Any]) -> bool:
    """Whether a merge patch would change the object."""
    return any(
        _changes(live.get(name) or {}, value) if isinstance(value, Mapping) else live.get(name) != value
        for name, value in patch.items()
    )
