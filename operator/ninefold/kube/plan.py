"""What a kind wants done: the result of its pure `plan(resource, observed, now)`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from ninefold.kube.api import Manifest
from ninefold.kube.model import Status

StatusT = TypeVar("StatusT", bound=Status)

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The value of a condition. Ready is one; a kind may add its own under other types."""

    status: Truth
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Effect:
    """An act outside the cluster. `key` is unique to the act and is recorded in status before it is done."""

    key: str
    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event to record about the resource; repeats are counted, not multiplied."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan(Generic[StatusT]):
    """Children to apply, effects to run, the status to write, events to record, and when to look again.

    `children` are whole manifests in the resource's namespace; the machinery adds the owner and the labels,
    applies what differs and prunes what is no longer listed. `status` needs only the kind's own fields.
    `due` is None when only an event can change anything. `discard` deletes the resource itself, for kinds that the
    operator makes; nothing else of the plan is done then.
    """

    status: StatusT
    ready: Verdict
    conditions: Mapping[str, Verdict] = field(default_factory=dict)
    children: tuple[Manifest, ...] = ()
    effects: tuple[Effect, ...] = ()
    events: tuple[Note, ...] = ()
    due: datetime | None = None
    discard: bool = False
