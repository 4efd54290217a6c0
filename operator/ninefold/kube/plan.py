"""The actions that a kind wants: the result of its pure `plan(resource, observed, now)`. Pure."""

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
    """The value of a condition: of Ready, or of a condition that the kind adds under another type."""

    status: Truth
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Effect:
    """An action outside the cluster, carried out once while plans name it.

    `key` is unique to the effect among all effects of the resource, for ever: include in it what makes the effect a new
    one, such as a generation or the start of a window. A plan that waits for an effect reads its record in the status.
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
    """A Kubernetes Event to record about the resource; repetitions are counted in one Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan(Generic[StatusT]):
    """Children to apply, effects to run, the status to write, events to record, and when to reconcile again.

    `children` are whole manifests in the resource's namespace; the machinery adds the owner and the labels,
    applies what differs and prunes what is no longer listed. `status` needs only the kind's own fields.
    `due` is None when only an event can change something. `discard` deletes the resource itself, for kinds that the
    operator makes; the rest of the plan is then ignored.
    """

    status: StatusT
    ready: Verdict
    conditions: Mapping[str, Verdict] = field(default_factory=dict)
    children: tuple[Manifest, ...] = ()
    effects: tuple[Effect, ...] = ()
    events: tuple[Note, ...] = ()
    due: datetime | None = None
    discard: bool = False
