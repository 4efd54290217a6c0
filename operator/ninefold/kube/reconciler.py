"""One look at one object, the same for every kind: observe, plan, apply, run effects, write the status once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ninefold.kube import conditions
from ninefold.kube.api import GROUP, Api, Key, Manifest
from ninefold.kube.apply import Applier, contains
from ninefold.kube.client import ApiError, Cluster, Terminating
from ninefold.kube.clock import Clock
from ninefold.kube.conditions import READY, STALLED
from ninefold.kube.controller import AnyController
from ninefold.kube.dispatch import Dispatcher, Item
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.events import Recorder
from ninefold.kube.model import RECONCILE, EffectRecord, Metadata, Resource, Status
from ninefold.kube.plan import Effect, Note, Plan, Verdict

logger = logging.getLogger(__name__)

FINALIZER = f"{GROUP}/finalizer"
_EFFECTS_KEPT = 64


class Outcome:
    """How a look ended: a word for the metrics, and when to look again (None: only when something changes)."""

    __slots__ = ("due", "error", "word")

    def __init__(self, word: str, due: datetime | None = None, error: Exception | None = None) -> None:
        self.word = word
        self.due = due
        self.error = error


class Reconciler:
    """Reconciles the objects of one controller's kind."""

    def __init__(
        self, controller: AnyController, cluster: Cluster, dispatcher: Dispatcher, recorder: Recorder, clock: Clock
    ) -> None:
        self.controller = controller
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._clock = clock
        self._applier = Applier(cluster, dispatcher, controller.children)

    @property
    def api(self) -> Api:
        return self.controller.resource.api

    async def reconcile(self, key: Key) -> Outcome:
        """Look at one object. Raises nothing but asyncio.CancelledError: an error is part of the outcome."""
        try:
            manifest = self._dispatcher.store.get(self.api, key)
            manifest = await (self._make(key) if manifest is None else self._correct(key, manifest))
            return await self._look(manifest) if manifest is not None else Outcome("Gone")
        except Terminating:
            # What stands in the namespace goes one by one, and each deletion is an event.
            return Outcome("Gone")
        except ApiError as error:
            # Also NotFound: if the object itself went, the next look finds it gone.
            return Outcome("Failed", error=error)
        except Exception as error:
            # A look reports what it meets; this is of `missing` or `corrected`.
            logger.exception("Failed to tell what is wanted", extra={"kind": self.api.kind, "object": str(key)})
            return Outcome("Failed", error=error)

    async def _make(self, key: Key) -> Manifest | None:
        """What the controller wants to exist under the key, created; None if it wants nothing."""
        wanted = self.controller.missing(key, self._dispatcher.store)
        if wanted is None:
            return None
        created = await self._cluster.create(self.api, wanted)
        self._dispatcher.seen(self.api, created, by=Item(self.api.kind, key))
        return created

    async def _correct(self, key: Key, manifest: Manifest) -> Manifest:
        """The object, as the controller keeps it if it keeps it."""
        if "deletionTimestamp" in manifest["metadata"]:
            return manifest
        wanted = self.controller.corrected(manifest, self._dispatcher.store)
        if wanted is None or contains(manifest, wanted):
            return manifest
        applied = await self._cluster.apply(self.api, wanted)
        self._dispatcher.seen(self.api, applied, by=Item(self.api.kind, key))
        return applied

    async def _look(self, manifest: Manifest) -> Outcome:
        now = self._clock.now()
        try:
            resource = self.controller.resource.parse(manifest)
        except Stalled as stalled:
            metadata = Metadata.model_validate(manifest["metadata"])
            await self._report(metadata, _readable_status(manifest), conditions.of_error(stalled), now)
            return Outcome("Stalled")
        try:
            return await self._act(resource, now)
        except Stalled as stalled:
            await self._report(resource.metadata, resource.status, conditions.of_error(stalled), now)
            return Outcome("Stalled")
        except Waiting as waiting:
            await self._report(resource.metadata, resource.status, conditions.of_error(waiting), now)
            return Outcome("Waiting", due=waiting.until)
        except ApiError:
            raise
        except Exception as error:
            logger.exception("Failed to reconcile", extra={"kind": self.api.kind, "object": str(resource.key)})
            await self._report(resource.metadata, resource.status, conditions.of_error(error), now)
            return Outcome("Failed", error=error)

    async def _act(self, resource: Resource, now: datetime) -> Outcome:
        if resource.metadata.deletion_timestamp is not None:
            return await self._finalize(resource)
        if resource.spec.suspend:
            verdict = Verdict("Unknown", "Suspended", "spec.suspend is true: what exists stays as it is.")
            await self._report(resource.metadata, resource.status, {READY: verdict}, now)
            return Outcome("NotReady")
        if self.controller.finalizer and FINALIZER not in resource.metadata.finalizers:
            await self._set_finalizers(resource, [*resource.metadata.finalizers, FINALIZER])
        observed = await self.controller.observe(resource, self._dispatcher.store, now)
        plan = self.controller.plan(resource, observed, now)
        if plan.discard:
            await self._cluster.delete(self.api, resource.key, resource.metadata.uid)
            return Outcome("Gone")
        status = await self._carry_out(resource, plan, now)
        verdicts = conditions.of_plan(plan.ready, plan.conditions)
        await self._report(resource.metadata, status, verdicts, now, before=resource.status, notes=plan.events)
        return Outcome("Ready" if plan.ready.status == "True" else "NotReady", due=plan.due)

    async def _carry_out(self, resource: Resource, plan: Plan[Any], now: datetime) -> Status:
        """Apply the children and run the effects; the plan's status with what came of them."""
        inventory = await self._applier.apply(resource, plan.children, Item(self.api.kind, resource.key))
        records = list(resource.status.effects)
        for effect in plan.effects:
            records = await self._effect(resource, effect, records, now)
        status: Status = plan.status.model_copy(update={"inventory": inventory, "effects": records})
        return status

    async def _effect(
        self, resource: Resource, effect: Effect, records: list[EffectRecord], now: datetime
    ) -> list[EffectRecord]:
        """Record, do, and hand back the records with the effect done. An effect once done is not done again."""
        known = {record.key: record for record in records}
        if effect.key in known and known[effect.key].state == "Done":
            return records
        if effect.key not in known:
            records = [*records, EffectRecord(key=effect.key, state="Started", at=now)][-_EFFECTS_KEPT:]
            patch = {"effects": [dump(record) for record in records]}
            await self._write_status(resource.metadata, patch)
        await self.controller.perform(resource, effect)
        return [
            EffectRecord(key=record.key, state="Done", at=now) if record.key == effect.key else record
            for record in records
        ]

    async def _finalize(self, resource: Resource) -> Outcome:
        if FINALIZER in resource.metadata.finalizers:
            await self.controller.finalize(resource)
            await self._set_finalizers(resource, [f for f in resource.metadata.finalizers if f != FINALIZER])
        return Outcome("Gone")

    async def _set_finalizers(self, resource: Resource, finalizers: Sequence[str]) -> None:
        metadata = {
            "uid": resource.metadata.uid,
            # Another finalizer may have come in between; a list is replaced whole.
            "resourceVersion": resource.metadata.resource_version,
            "finalizers": list(finalizers),
        }
        result = await self._cluster.patch(self.api, resource.key, {"metadata": metadata})
        self._dispatcher.seen(self.api, result, by=Item(self.api.kind, resource.key))

    async def _report(
        self,
        metadata: Metadata,
        status: Status,
        verdicts: Mapping[str, Verdict],
        now: datetime,
        before: Status | None = None,
        notes: Sequence[Note] = (),
    ) -> None:
        """Write the status if it differs from the stored one, then record events about what changed."""
        before = before or status
        wanted = status.model_copy(
            update={
                "observed_generation": metadata.generation,
                "conditions": conditions.merge(before.conditions, verdicts, metadata.generation, now),
                "last_handled_reconcile_at": metadata.annotations.get(RECONCILE),
            }
        )
        # The stored JSON, not the model read from it: a field that this version no longer knows is cleared too.
        stored = self._dispatcher.store.get(self.api, metadata.key) or {}
        patch = merge_patch(stored.get("status") or {}, _written(wanted))
        if not patch:
            return
        await self._write_status(metadata, patch)
        for note in (*_ready_change(before, wanted), *notes):
            self._recorder.record(self.api, metadata, note)

    async def _write_status(self, metadata: Metadata, patch: Mapping[str, Any]) -> None:
        # The uid keeps us from writing onto an object of the same name that was made anew.
        body = {"metadata": {"uid": metadata.uid}, "status": patch}
        result = await self._cluster.patch(self.api, metadata.key, body, subresource="status")
        self._dispatcher.seen(self.api, result, by=Item(self.api.kind, metadata.key))


def _readable_status(manifest: Manifest) -> Status:
    """The status of an object whose spec cannot be read, as far as it can be read itself."""
    try:
        return Status.model_validate(manifest.get("status") or {})
    except ValueError:
        return Status()


def dump(model: Any) -> dict[str, Any]:
    """As it stands in the API server: wire names, nothing for what is not set."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)  # type: ignore[no-any-return]


def _written(status: Status) -> dict[str, Any]:
    """The status to store. What is empty is left out, as in Kubernetes' own kinds."""
    return {name: value for name, value in dump(status).items() if value not in ("", [], {})}


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch from one object to another: changed members, null for those that went, lists whole."""
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
    """An event when Ready took another value or reason; a warning if it was lost, or if the user must act.

    That an object which has just been made is not ready yet is no news.
    """
    old, new = conditions.find(before.conditions, READY), conditions.find(after.conditions, READY)
    if new is None or (old is not None and (old.status, old.reason) == (new.status, new.reason)):
        return []
    lost = new.status == "False" and old is not None and old.status == "True"
    stalled = any(c.type == STALLED and c.status == "True" for c in after.conditions)
    if old is None and new.status != "True" and not stalled:
        return []
    return [Note("Warning" if lost or stalled else "Normal", new.reason, new.message)]
