"""Reconciles one object, the same way for every kind: observe, plan, apply, run effects, write the status once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ninefold.kube import conditions, effects
from ninefold.kube.api import GROUP, Api, Key, Manifest
from ninefold.kube.apply import Applier
from ninefold.kube.children import contains
from ninefold.kube.client import ApiError, Cluster, Conflict, Terminating
from ninefold.kube.clock import Clock
from ninefold.kube.conditions import READY
from ninefold.kube.controller import AnyController
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import UNREADABLE, Stalled, Waiting, WriteRefused
from ninefold.kube.events import Recorder
from ninefold.kube.model import Metadata, Resource, Status
from ninefold.kube.performer import Performer
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.kube.refusal import naming
from ninefold.kube.report import Reporter, readable

logger = logging.getLogger(__name__)

FINALIZER = f"{GROUP}/finalizer"
LOOK_LIMIT = 60.0
"""The longest reconciliation in seconds: a longer one is stopped and repeated, so that its worker serves others."""
UNWORKABLE = "Unworkable"
_UNWORKABLE = (
    "The operator cannot work out what this means ({}), and its log says where: change what was written last. "
    "It is reconciled again when something changes."
)


class Outcome:
    """How a reconciliation ended: a word for the metrics, and when to repeat it (None: only when something changes)."""

    __slots__ = ("due", "error", "word")

    def __init__(self, word: str, due: datetime | None = None, error: Exception | None = None) -> None:
        self.word = word
        self.due = due
        self.error = error


class Reconciler:
    """Reconciles the objects of one controller's kind."""

    def __init__(
        self,
        controller: AnyController,
        cluster: Cluster,
        dispatcher: Dispatcher,
        recorder: Recorder,
        clock: Clock,
        performer: Performer,
    ) -> None:
        self.controller = controller
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._clock = clock
        self._performer = performer
        self._applier = Applier(cluster, dispatcher, controller.children)
        self._reporter = Reporter(self.api, cluster, dispatcher, recorder, performer)

    @property
    def api(self) -> Api:
        return self.controller.resource.api

    def _item(self, key: Key) -> QueueItem:
        return QueueItem(self.api, key)

    async def reconcile(self, key: Key) -> Outcome:
        """Reconcile one object. Raises only asyncio.CancelledError: an error is part of the outcome."""
        try:
            manifest = self._dispatcher.store.get(self.api, key)
            if manifest is not None:
                return await self._keep(key, manifest)
            self._performer.forget(self._item(key))
            manifest = await self._make(key)
            return await self._look(manifest) if manifest is not None else Outcome("Gone")
        except WriteRefused as refused:
            # Already reported: by the owner of the object that cannot be made, or in conditions without the status.
            return Outcome("Failed", error=refused.error)
        except Terminating:
            # The objects of the namespace are deleted one by one, and each deletion is an event.
            return Outcome("Gone")
        except Conflict as error:
            await self._read_again(key)
            return Outcome("Failed", error=error)
        except ApiError as error:
            # Also NotFound: if the object itself was deleted, the next reconciliation sees it.
            return Outcome("Failed", error=error)
        except Exception as error:
            # `_look` reports its own errors; this error is from `missing` or `corrected`.
            logger.exception("Failed to determine the wanted object", extra={"kind": self.api.kind, "object": str(key)})
            return Outcome("Failed", error=error)

    async def _read_again(self, key: Key) -> None:
        """The store is out of date, and the watch that would update it may be broken."""
        with contextlib.suppress(ApiError):
            self._dispatcher.seen(self.api, await self._cluster.get(self.api, key), by=self._item(key))

    async def _make(self, key: Key) -> Manifest | None:
        """Create the object that the controller wants under the key; None if it wants no object."""
        wanted = self.controller.missing(key, self._dispatcher.store)
        if wanted is None:
            self._dispatcher.refusals.clear(self._item(key))
            return None
        try:
            with naming("create", self.api, key):
                created = await self._cluster.create(self.api, wanted)
        except WriteRefused as refused:
            self._note(key, wanted, refused)
            raise
        self._dispatcher.refusals.clear(self._item(key))
        self._dispatcher.seen(self.api, created, by=self._item(key))
        return created

    async def _keep(self, key: Key, manifest: Manifest) -> Outcome:
        """Correct the object if the controller keeps it correct, and reconcile it, even if the correction failed."""
        wanted = self._corrected(manifest)
        if wanted is None:
            self._dispatcher.refusals.clear(self._item(key))
            return await self._look(manifest)
        try:
            with naming("correct", self.api, key):
                manifest = await self._cluster.apply(self.api, wanted)
        except WriteRefused as refused:
            self._note(key, wanted, refused)
            outcome = await self._look(manifest)
            outcome.error = outcome.error or refused.error
            return outcome
        self._dispatcher.refusals.clear(self._item(key))
        self._dispatcher.seen(self.api, manifest, by=self._item(key))
        return await self._look(manifest)

    def _corrected(self, manifest: Manifest) -> Manifest | None:
        """What to apply to correct the object; None if it is correct."""
        if "deletionTimestamp" in manifest["metadata"]:
            return None
        wanted = self.controller.corrected(manifest, self._dispatcher.store)
        return None if wanted is None or contains(manifest, wanted) else wanted

    def _note(self, key: Key, wanted: Manifest, refused: WriteRefused) -> None:
        """Report on the owner that the object cannot be written."""
        if owner := self.controller.wanted_by(wanted):
            self._dispatcher.refusals.note(self._item(key), QueueItem(*owner), refused.message)

    async def _look(self, manifest: Manifest) -> Outcome:
        now = self._clock.now()
        try:
            resource = self.controller.resource.parse(manifest)
        except Stalled as stalled:
            metadata = Metadata.model_validate(manifest["metadata"])
            status = self._settled(metadata, readable(manifest.get("status") or {}))
            await self._reporter.report(metadata, status, conditions.of_error(stalled), now)
            return Outcome("Stalled")
        # Effects that ended since the last reconciliation are in the records before the plan is made.
        resource = resource.model_copy(update={"status": self._settled(resource.metadata, resource.status)})
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                return await self._act(resource, now)
        except Stalled as stalled:
            await self._reporter.report(resource.metadata, resource.status, conditions.of_error(stalled), now)
            return Outcome("Stalled")
        except Waiting as waiting:
            await self._reporter.report(resource.metadata, resource.status, conditions.of_error(waiting), now)
            return Outcome("Waiting", due=waiting.until)
        except WriteRefused as refused:
            await self._reporter.report(resource.metadata, resource.status, conditions.of_error(refused), now)
            return Outcome("Failed", error=refused.error)
        except ApiError:
            raise
        except Exception as error:
            logger.exception("Failed to reconcile", extra={"kind": self.api.kind, "object": str(resource.key)})
            await self._reporter.report(resource.metadata, resource.status, conditions.of_error(error), now)
            return Outcome("Failed", error=error)

    async def _act(self, resource: Resource, now: datetime) -> Outcome:
        if resource.metadata.deletion_timestamp is not None:
            return await self._finalize(resource)
        if resource.spec.suspend:
            verdict = Verdict("Unknown", "Suspended", "spec.suspend is true: everything stays unchanged.")
            await self._reporter.report(resource.metadata, resource.status, {READY: verdict}, now)
            return Outcome("NotReady")
        if self.controller.finalizer and FINALIZER not in resource.metadata.finalizers:
            await self._set_finalizers(resource, [*resource.metadata.finalizers, FINALIZER])
        plan = await self._plan(resource, now)
        if plan.discard:
            with naming("delete", self.api, resource.key):
                await self._cluster.delete(self.api, resource.key, resource.metadata.uid)
            return Outcome("Gone")
        return await self._carry_out(resource, plan, now)

    async def _carry_out(self, resource: Resource, plan: Plan[Any], now: datetime) -> Outcome:
        """Apply the children, store the status, and only then start the effects that it records."""
        item, uid = self._item(resource.key), resource.metadata.uid
        step = effects.advance(resource.status.effects, plan.effects, self._performer.running(item, uid), now)
        inventory = await self._applier.apply(resource, plan.children, item)
        status: Status = plan.status.model_copy(update={"inventory": inventory, "effects": step.records})
        verdicts = conditions.of_plan(plan.ready, plan.conditions)
        notes = (*plan.events, *_failed_effects(resource, self._dispatcher.store.get(self.api, resource.key)))
        await self._reporter.report(
            resource.metadata, status, verdicts, now, before=resource.status, notes=notes, always=bool(step.begin)
        )
        for effect, record in step.begin:
            perform = functools.partial(self.controller.perform, resource, effect)
            self._performer.begin(item, uid, effect, record, perform)
        due = min((moment for moment in (plan.due, step.due) if moment is not None), default=None)
        return Outcome("Ready" if plan.ready.status == "True" else "NotReady", due=due)

    async def _plan(self, resource: Resource, now: datetime) -> Plan[Any]:
        try:
            observed = await self.controller.observe(resource, self._dispatcher.store, now)
            plan: Plan[Any] = self.controller.plan(resource, observed, now)
        except UNREADABLE as error:
            ready = conditions.reported(resource.status.conditions)
            # One traceback when this begins, not one per reconciliation.
            is_new = ready is None or ready.reason != UNWORKABLE
            about = {"kind": self.api.kind, "object": str(resource.key)}
            level = logging.ERROR if is_new else logging.DEBUG
            logger.log(level, "Cannot work out a plan", extra=about, exc_info=error)
            raise Stalled(UNWORKABLE, _UNWORKABLE.format(type(error).__name__)) from error
        return plan

    def _settled(self, metadata: Metadata, status: Status) -> Status:
        outcomes = self._performer.outcomes(self._item(metadata.key), metadata.uid)
        records = effects.settle(status.effects, outcomes)
        return status.model_copy(update={"effects": records}) if outcomes else status

    async def _finalize(self, resource: Resource) -> Outcome:
        if FINALIZER in resource.metadata.finalizers:
            await self.controller.finalize(resource)
            await self._set_finalizers(resource, [f for f in resource.metadata.finalizers if f != FINALIZER])
        return Outcome("Gone")

    async def _set_finalizers(self, resource: Resource, finalizers: Sequence[str]) -> None:
        metadata = {
            "uid": resource.metadata.uid,
            # Another finalizer may have been added meanwhile; a list is replaced as a whole.
            "resourceVersion": resource.metadata.resource_version,
            "finalizers": list(finalizers),
        }
        with naming("set the finalizers of", self.api, resource.key):
            result = await self._cluster.patch(self.api, resource.key, {"metadata": metadata})
        self._dispatcher.seen(self.api, result, by=self._item(resource.key))


def _failed_effects(resource: Resource, stored: Manifest | None) -> list[Note]:
    """A warning for each effect that has failed for good since the status was stored."""
    before = {record["key"]: record["state"] for record in ((stored or {}).get("status") or {}).get("effects", ())}
    return [
        Note("Warning", "EffectFailed", f"{record.action} ({record.key}): {record.message}")
        for record in resource.status.effects
        if record.state == "Failed" and before.get(record.key) != "Failed"
    ]
