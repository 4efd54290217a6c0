"""What a user writes to let change pass a closed gate in an emergency, and what is told back. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.api import Key
from ninefold.kube.fields import Cel, ObjectName, Timestamp
from ninefold.kube.index import Index
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.kube.store import Store
from ninefold.release.gate.status import Image

Person = Annotated[str, Field(min_length=1, max_length=256)]
"""A user as the API server knows him."""

OverrideState = Literal["Pending", "InForce", "Over", "Refused"]


class Approval(Model):
    """Somebody else agrees."""

    by: Person = Field(description="Who: the API server takes only the name of whoever adds it.")


_FIXED = ("gate", "scope", "images", "reason", "by", "suspend")


class OverrideSpec(
    Spec,
    exactly_one_of=("gate", "scope"),
    rules=(
        Cel(
            " && ".join(
                f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
                for name in _FIXED
            ),
            "an override stays what was asked for: only approvals can be added, and until can be made earlier",
        ),
        Cel("self.until <= oldSelf.until", "until can only be made earlier: ask for another override instead"),
    ),
):
    """Which gate, why, until when, and who stands for it."""

    gate: ObjectName | None = Field(default=None, description="The ReleaseGate of this name in the same namespace.")
    scope: Literal["Namespace"] | None = Field(default=None, description="Namespace: every gate of it.")
    images: list[Image] = Field(
        default_factory=list,
        max_length=16,
        description="The images that may be rolled out, as they stand in the template. Left out, all change passes.",
    )
    reason: str = Field(min_length=1, max_length=512, description="Why, for the record.")
    until: Timestamp = Field(description="When it ends by itself, also while the operator is down (RFC 3339).")
    by: Person = Field(description="Who asks: the API server takes only the name of whoever creates it.")
    approvals: list[Approval] = Field(
        default_factory=list, max_length=8, description="Who agrees. Nobody approves his own."
    )


class OverrideStatus(Status):
    """Whether it counts."""

    state: OverrideState = Field(
        default="Pending",
        description="Pending: approvals are missing. InForce: change passes. Over: its time has ended. Refused: it is "
        "for longer than a gate takes, or its gate does not exist.",
    )
    gates: list[Annotated[str, Field(max_length=253)]] = Field(
        default_factory=list, max_length=64, description="The gates that it opens."
    )
    since: Timestamp | None = Field(default=None, description="When it was first in force; stays for the record.")
    ended: Timestamp | None = Field(default=None, description="When it was no longer, however it ended.")
    uses: int = Field(default=0, description="How many releases passed a closed gate by it; each Release names it.")


class Override(
    Resource,
    plural="overrides",
    short_names=("ovr",),
    columns=(
        Column("Gate", ".spec.gate"),
        Column("State", ".status.state"),
        Column("By", ".spec.by"),
        # A string: kubectl shows a date as an age, and one that is to come as <invalid>.
        Column("Until", ".spec.until"),
        Column("Uses", ".status.uses", "integer"),
        Column("Why", ".spec.reason", wide=True),
    ),
):
    """Break glass: lets change pass a closed ReleaseGate for a while, with a reason and a name."""

    spec: OverrideSpec
    status: OverrideStatus = Field(default_factory=OverrideStatus)


_BY_GATE = Index(Override.api, lambda override: [Key(Key.of(override).namespace, override["spec"].get("gate") or "")])
"""By the gate that they are meant for, "" for all of their namespace."""


def meant_for(gate: Key, store: Store) -> list[Override]:
    """The overrides for a gate that can be read, by name."""
    found = [Key.of(each) for name in (gate, Key(gate.namespace, "")) for each in store.found(_BY_GATE, name)]
    return [override for key in sorted(found) if (override := store.resource(Override, key)) is not None]
