"""Objects of delivery tools that follow a ReleaseGate, because their owner annotated them with its name. Pure.

    metadata:
      annotations:
        ninefold.dev/release-gate: checkout        # of its own namespace; or shop/checkout

A gate decides for them as it answers tools that ask (gate_api/answer.py), with one addition: no client waits for the
answer, so Unknown must become held or not held, and the gate's failMode decides which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Waiting
from ninefold.kube.follower import Follower, Hold, LetGo, Replace, Wanted
from ninefold.kube.plan import Note
from ninefold.kube.store import Store
from ninefold.release.gate.effective import changes
from ninefold.release.gate.opinion import CLOSED
from ninefold.release.gate.status import Decision
from ninefold.release.gate_api.answer import answer
from ninefold.release.gate_api.question import Question
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.annotation import GATE, HELD_BY, gate_of

_FIRST_LOOK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision of the gate that an object follows, for that object now."""

    gate: Key
    closed: bool
    decision: Decision
    changes: datetime | None = None
    """When the clock alone may next change the decision."""


class GateFollower(Follower):
    """A kind of a delivery tool. Its pure functions say how objects of this kind are held and released."""

    leader: ClassVar = ReleaseGate.api
    asks: ClassVar = (GATE, HELD_BY)

    def held(self, manifest: Manifest, ruling: Ruling, now: datetime) -> Hold | Replace:
        """Returns how the object is held while its gate is closed; the ruling names the gate, and how long the decision
        certainly lasts."""
        raise NotImplementedError

    def free(self, manifest: Manifest, now: datetime) -> LetGo | Replace:
        """Returns how the object is released. It is called for every object, so it must recognize one that is not
        held."""
        raise NotImplementedError

    def follows(self, manifest: Manifest) -> Key | None:
        return gate_of(manifest)

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        key = gate_of(manifest)
        if key is None:
            return Wanted(self.free(manifest, now), Note("Normal", "LetGo", f"It no longer has the annotation {GATE}."))
        ruling = rule(store, key, now)
        if ruling is None:
            missing = f"There is no ReleaseGate {key}, so nothing holds this object: correct its annotation {GATE}."
            note = Note("Normal", "LetGo", f"The ReleaseGate {key} no longer exists.")
            return Wanted(self.free(manifest, now), note, warning=Note("Warning", "GateMissing", missing))
        if ruling.closed:
            # Without the gate's message: a user who may read the object may not be allowed to read the gate.
            note = Note("Normal", "Held", f"Held while release gate {key} is closed ({ruling.decision}).")
            return Wanted(self.held(manifest, ruling, now), note, due=ruling.changes)
        note = Note("Normal", "LetGo", f"Release gate {key} no longer holds this object ({ruling.decision}).")
        return Wanted(self.free(manifest, now), note, due=ruling.changes)


def rule(store: Store, key: Key, now: datetime) -> Ruling | None:
    """Returns the decision of a gate now; None if the gate does not exist.

    Raises Waiting before the first reconciliation of a new gate, and Stalled if the gate is invalid: then nothing
    changes. A gate that was edited and not reconciled since keeps its earlier decision. The answer has no age here,
    unlike for tools: without a connection to the API server, nothing can be written either.
    """
    manifest = store.get(ReleaseGate.api, key)
    if manifest is None:
        return None
    gate = ReleaseGate.parse(manifest)
    if gate.status.observed_generation < 0:
        raise Waiting("NotDecided", f"The ReleaseGate {key} is new: Ninefold has not decided yet.", now + _FIRST_LOOK)
    decision = answer(store, Question(key.namespace, "gate", key.name), 0.0, now).decision
    meant = gate.spec.fail_mode.decision if decision == "Unknown" else decision
    closed = meant in CLOSED and gate.spec.mode == "Enforce"
    return Ruling(key, closed, decision, changes(gate.status, now))
