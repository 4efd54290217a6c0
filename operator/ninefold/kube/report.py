"""Stores the result of a reconciliation: one write of the status, and Events about what changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ninefold.kube import conditions
from ninefold.kube.api import Api, Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.conditions import READY, STALLED, WRITE_REFUSED
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import WriteRefused
from ninefold.kube.events import Recorder
from ninefold.kube.model import RECONCILE, Metadata, Status
from ninefold.kube.performer import Performer
from ninefold.kube.plan import Note, Verdict
from ninefold.kube.refusal import naming

logger = logging.getLogger(__name__)

_OLD_CRD = "Apply the CRDs of this version of the operator, and let the operator write the status."


class Reporter:
    """Stores the statuses of one kind."""

    def __init__(
        self, api: Api, cluster: Cluster, dispatcher: Dispatcher, recorder: Recorder, performer: Performer
    ) -> None:
        self._api = api
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._performer = performer

    async def report(
        self,
        metadata: Metadata,
        status: Status,
        verdicts: Mapping[str, Verdict],
        now: datetime,
        before: Status | None = None,
        notes: Sequence[Note] = (),
        *,
        always: bool = False,
    ) -> None:
        """Write the status if it differs from the stored one, then record events about what changed.

        `always`: write it even if it is equal, since only a write proves that the version that was read is the newest.
        """
        before, item = before or status, QueueItem(self._api, metadata.key)
        if elsewhere := self._dispatcher.refusals.verdict(item):
            verdicts = {**verdicts, WRITE_REFUSED: elsewhere}
        wanted = status.model_copy(
            update={
                "observed_generation": metadata.generation,
                "conditions": conditions.merge(before.conditions, verdicts, metadata.generation, now),
                "last_handled_reconcile_at": metadata.annotations.get(RECONCILE),
            }
        )
        # The stored JSON, not the model read from it: a field that this version no longer knows is cleared too.
        patch = merge_patch(self._stored(metadata), _written(wanted))
        if patch or always:
            await self._write_or_say(metadata, patch, now)
        self._performer.stored(item, wanted.effects)
        if patch:
            self._announce(metadata, before, wanted, notes)

    def _stored(self, metadata: Metadata) -> Mapping[str, Any]:
        stored: Manifest = self._dispatcher.store.get(self._api, metadata.key) or {}
        return stored.get("status") or {}

    def _announce(self, metadata: Metadata, before: Status, after: Status, notes: Sequence[Note] = ()) -> None:
        changed = _ready_change(before, after)
        for note in changed:
            level = logging.WARNING if note.type == "Warning" else logging.INFO
            about = {"kind": self._api.kind, "object": str(metadata.key), "reason": note.reason}
            logger.log(level, "%s", note.message, extra=about)
        for note in (*changed, *notes):
            self._recorder.record(self._api, metadata, note)

    async def _write_or_say(self, metadata: Metadata, patch: Mapping[str, Any], now: datetime) -> None:
        try:
            await self._write(metadata, patch)
        except WriteRefused as refused:
            await self._say(metadata, refused, now)
            raise

    async def _say(self, metadata: Metadata, refused: WriteRefused, now: datetime) -> None:
        """The refused field is most often one that the CRD does not know: the conditions alone may pass."""
        stored = self._stored(metadata)
        before = readable(stored)
        verdicts = conditions.of_error(refused)
        after = before.model_copy(
            update={
                "observed_generation": metadata.generation,
                "conditions": conditions.merge(before.conditions, verdicts, metadata.generation, now),
            }
        )
        kept = _written(after)
        patch = merge_patch(stored, {**stored, **{name: kept[name] for name in ("observedGeneration", "conditions")}})
        try:
            if patch:
                await self._write(metadata, patch)
                self._announce(metadata, before, after)
        except WriteRefused:
            self._recorder.record(self._api, metadata, Note("Warning", "Refused", refused.message))

    async def _write(self, metadata: Metadata, patch: Mapping[str, Any]) -> None:
        """Write exactly the version that the store knows: the write never overwrites another leader's newer status.

        The uid prevents a write to a new object of the same name.
        """
        stored = self._dispatcher.store.get(self._api, metadata.key)
        version = stored["metadata"]["resourceVersion"] if stored else metadata.resource_version
        body = {"metadata": {"uid": metadata.uid, "resourceVersion": version}, "status": patch}
        with naming("store the status of", self._api, metadata.key, _OLD_CRD):
            result = await self._cluster.patch(self._api, metadata.key, body, subresource="status")
        self._dispatcher.seen(self._api, result, by=QueueItem(self._api, metadata.key))


def readable(status: Mapping[str, Any]) -> Status:
    """The part of a stored status that every kind shares, as far as it can be read."""
    try:
        return Status.model_validate(status)
    except ValueError:
        return Status()


def _written(status: Status) -> dict[str, Any]:
    """The status to store. Empty values are left out, as in Kubernetes' own kinds."""
    return {name: value for name, value in status.wire().items() if value not in ("", [], {})}


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch from one object to another: changed members, null for removed members, whole lists."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old:
            patch[name] = value
        elif isinstance(value, Mapping) and isinstance(old[name], Mapping):
            if inner := merge_patch(old[name], value):
                patch[name] = inner
        elif old[name] != value:
            patch[name] = value
    return patch


def _ready_change(before: Status, after: Status) -> list[Note]:
    """An event when Ready took another value or reason; a warning if Ready was lost, or if the user must act.

    A new object that is not ready yet is not reported.
    """
    old, new = conditions.find(before.conditions, READY), conditions.find(after.conditions, READY)
    if new is None or (old is not None and (old.status, old.reason) == (new.status, new.reason)):
        return []
    lost = new.status == "False" and old is not None and old.status == "True"
    stalled = any(c.type == STALLED and c.status == "True" for c in after.conditions)
    if old is None and new.status != "True" and not stalled:
        return []
    return [Note("Warning" if lost or stalled else "Normal", new.reason, new.message)]
