"""Other owners' objects in which the operator holds a few fields because their owner asked for it: they follow one of
Ninefold's objects.

The object itself states whether it follows, and what, so only its owner can write it. An object of Ninefold never
names another owner's object: otherwise anyone who may write the first would gain a right over the second. Pure.
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
    """Hold these fields, by server-side apply. A field that another manager set to the same value stays theirs too."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Hold no field. `parting` is a merge patch that is sent just before, and only if a field was held."""

    parting: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replace:
    """Apply this merge patch to exactly the version that was read; null removes a member.

    For lists that server-side apply treats as one value: the patch holds the whole list, with all owners' entries.
    """

    patch: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired content of an object. If the object has it already, nothing is written."""

    do: Hold | LetGo | Replace
    note: Note | None = None
    """Recorded on the object when something was written."""
    warning: Note | None = None
    """What the owner has to fix; recorded when it is new."""
    due: datetime | None = None
    """When time alone may change it; None if only an event can."""


class Follower:
    """One foreign kind. Nothing is kept between reconciliations."""

    api: ClassVar[Api]
    """The foreign kind; it may be missing from the cluster."""
    leader: ClassVar[Api]
    """Ninefold's kind that its objects follow."""
    asks: ClassVar[tuple[str, ...]]
    """An object must have one of these annotations; otherwise the API server refuses the operator's writes to it."""
    writes: ClassVar[tuple[str, ...]]
    """The fields of spec that the operator may write; the API server refuses any other."""
    rules: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Further rules for the operator's writes: CEL over the specs variables.old and variables.new, and a sentence."""
    reads_status: ClassVar[bool] = False
    """Whether the status is read. Otherwise it is not stored: other owners' statuses may be large."""

    def __init__(self) -> None:
        self._followed = Index(self.api, lambda manifest: [self.follows(manifest)])

    def follows(self, manifest: Manifest) -> Key | None:
        """The object of Ninefold that it follows; None if it does not ask to follow one."""
        raise NotImplementedError

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        """Decides from the store alone. Raises Waiting or Stalled to leave the object as it is."""
        raise NotImplementedError

    def holds(self, manifest: Manifest) -> bool:
        """Whether the operator holds a field in it now."""
        return held(manifest) is not None

    def of_leader(self, leader: Manifest, store: Store) -> Iterable[Key]:
        """The objects that follow this leader."""
        return [Key.of(manifest) for manifest in store.found(self._followed, Key.of(leader))]


def held(manifest: Manifest) -> Mapping[str, Any] | None:
    """The fields that the operator holds by server-side apply, as the API server records them; None if none."""
    entries = manifest["metadata"].get("managedFields", ())
    return next((entry["fieldsV1"] for entry in entries if entry.get("manager") == HOLDER), None)


def covers(record: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> bool:
    """Whether a record of managedFields is about exactly these fields; a list counts as one field.

    >>> covers({"f:spec": {"f:suspend": {}}}, {"spec": {"suspend": True}})
    True
    """
    names = {f"f:{name}" for name in fields}
    return (
        record is not None
        and record.keys() - {"."} == names
        and all(covers(record[f"f:{name}"], value) for name, value in fields.items() if isinstance(value, Mapping))
    )
