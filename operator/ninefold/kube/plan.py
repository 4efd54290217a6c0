"""What a kind wants done: the result of its pure `plan(resource, observed, now)`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    """An act outside the cluster, done once as long as plans name it.

    `key` is unique to the act among all of the resource for ever: name in it what makes the act another one, such as a
    generation or the beginning of a window. A plan that waits for an effect reads its record in the status.
    An attempt may take `deadline`; after a failure the next one waits for `backoff`, twice as long each time.
    """

    key: str
    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    deadline: timedelta = timedelta(seconds=30)
    attempts: int = 8
    backoff: timedelta = timedelta(seconds=2)


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
