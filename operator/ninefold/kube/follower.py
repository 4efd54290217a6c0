"""Objects of others in which we hold a few fields, because their owner asked for it: they follow a resource of ours.

Whether an object follows, and what, stands in the object itself, where only its owner can write it. A resource of ours
never names an object of somebody else: else whoever may write ours would gain a right over theirs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from ninefold.kube.api import HOLDER, Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.plan import Note
from ninefold.kube.store import Store


@dataclass(frozen=True, slots=True)
class Hold:
    """Have these fields, by server-side apply. What somebody else has set to the same value, too, stays theirs."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Have no field. `parting` is a merge patch that is sent just before, and only if there was something to let go."""

    parting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replace:
    """Have what this merge patch says, written to the very version that was looked at; null takes away.

    For lists that server-side apply takes as one value: the patch holds the whole list, what others wrote and ours.
    """

    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of an object now. Where it is there already, nothing is written."""

    do: Hold | LetGo | Replace
    note: Note | None = None
    """Recorded on the object when something was written."""
    warning: Note | None = None
    """What the owner has to mend; recorded when it is new."""
    due: datetime | None = None
    """When it may be something else by the clock alone; None where only an event can change it."""


class Follower:
    """One foreign kind. Nothing is kept between looks."""

    api: ClassVar[Api]
    """The foreign kind; the cluster may do without it."""
    leader: ClassVar[Api]
    """The kind of ours that its objects follow."""
    asks: ClassVar[tuple[str, ...]]
    """The annotations of which an object must have one, else the API server refuses that we write to it."""
    writes: ClassVar[tuple[str, ...]]
    """The fields of spec that we may write; the API server refuses any other."""
    rules: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What else our writes must keep to: CEL over the specs variables.old and variables.new, and a sentence."""
    reads_status: ClassVar[bool] = False
    """Whether the status is read. Else it is not kept: of others' objects it may be large."""

    def __init__(self) -> None:
        self._followed = Index(self.api, lambda manifest: [self.follows(manifest)])

    def follows(self, manifest: Manifest) -> Key | None:
        """Which object of ours it follows; None if it does not ask to."""
        raise NotImplementedError

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        """From the store alone. Raises Waiting or Stalled to leave the object as it is."""
        raise NotImplementedError

    def holds(self, manifest: Manifest) -> bool:
        """Whether we hold something in it now."""
        return held(manifest) is not None

    def of_leader(self, leader: Manifest, store: Store) -> Iterable[Key]:
        """The objects that follow this one of ours."""
        return [Key.of(manifest) for manifest in store.found(self._followed, Key.of(leader))]


def held(manifest: Manifest) -> Mapping[str, Any] | None:
    """The fields that we hold by server-side apply, as the API server has them on record; None for none."""
    entries = manifest["metadata"].get("managedFields", ())
    return next((entry["fieldsV1"] for entry in entries if entry.get("manager") == HOLDER), None)


def covers(record: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> bool:
    """Whether a record of managedFields is about exactly these fields; a list counts as one.

    >>> covers({"f:spec": {"f:suspend": {}}}, {"spec": {"suspend": True}})
    True
    """
    names = {f"f:{name}" for name in fields}
    return (
        record is not None
        and record.keys() - {"."} == names
        and all(covers(record[f"f:{name}"], value) for name, value in fields.items() if isinstance(value, Mapping))
    )
