"""Objects of delivery tools that follow a ReleaseGate, because their owner annotated them with its name. Pure.

    metadata:
      annotations:
        ninefold.dev/release-gate: checkout        # of its own namespace; or shop/checkout

What a gate means for them is what it answers to tools that ask (answering/answer.py), with one thing more: nobody waits
for the answer, so Unknown has to become held or not, and the gate's failMode says which.
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
    """What the gate that an object follows means for it now."""

    gate: Key
    closed: bool
    decision: Decision
    changes: datetime | None = None
    """When the clock alone may change that."""


class GateFollower(Follower):
    """A kind of a delivery tool. It says how its objects are held, as a pure function."""

    leader: ClassVar = ReleaseGate.api
    asks: ClassVar = (GATE, HELD_BY)

    def held(self, manifest: Manifest, ruling: Ruling, now: datetime) -> Hold | Replace:
        """How the object is held while its gate is closed; the ruling says by which, and how long it is sure to be."""
        raise NotImplementedError

    def free(self, manifest: Manifest, now: datetime) -> LetGo | Replace:
        """How it is let go; asked of every object, so it must know what is not held."""
        raise NotImplementedError

    def follows(self, manifest: Manifest) -> Key | None:
        return gate_of(manifest)

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        key = gate_of(manifest)
        if key is None:
            return Wanted(self.free(manifest, now), Note("Normal", "LetGo", f"It has no annotation {GATE} any more."))
        ruling = rule(store, key, now)
        if ruling is None:
            told = f"There is no ReleaseGate {key}, so nothing holds this object: correct its annotation {GATE}."
            note = Note("Normal", "LetGo", f"There is no ReleaseGate {key} any more.")
            return Wanted(self.free(manifest, now), note, warning=Note("Warning", "GateMissing", told))
        if ruling.closed:
            # Without the gate's message: who reads an object may not be who may read the gate.
            note = Note("Normal", "Held", f"Held while release gate {key} is closed ({ruling.decision}).")
            return Wanted(self.held(manifest, ruling, now), note, due=ruling.changes)
        note = Note("Normal", "LetGo", f"Release gate {key} holds it no more ({ruling.decision}).")
        return Wanted(self.free(manifest, now), note, due=ruling.changes)


def rule(store: Store, key: Key, now: datetime) -> Ruling | None:
    """What a gate means now; None if there is none.

    Raises Waiting before the first look at a new gate, and Stalled if it cannot be read: nothing is changed then. A
    gate that was edited and not looked at since means what it meant. There is no age here, as there is for tools:
    where the API server is not heard, nothing can be written either.
    """
    manifest = store.get(ReleaseGate.api, key)
    if manifest is None:
        return None
    gate = ReleaseGate.parse(manifest)
    if gate.status.observed_generation < 0:
        raise Waiting("NotDecided", f"The ReleaseGate {key} is new: nobody has looked at it yet.", now + _FIRST_LOOK)
    decision = answer(store, Question(key.namespace, "gate", key.name), 0.0, now).decision
    meant = gate.spec.fail_mode.decision if decision == "Unknown" else decision
    closed = meant in CLOSED and gate.spec.mode == "Enforce"
    return Ruling(key, closed, decision, changes(gate.status, now))
