"""The Override, with which a user lets changes pass a closed gate in an emergency. Pure."""

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
"""The name of a user, as the API server knows it."""

OverrideState = Literal["Pending", "InForce", "Over", "Refused"]


class Approval(Model):
    """The approval of another person."""

    by: Person = Field(description="Who: the API server accepts only the name of the user who adds it.")


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
    """Which gate the Override opens, why, until when, and who answers for it."""

    gate: ObjectName | None = Field(default=None, description="The ReleaseGate of this name in the same namespace.")
    scope: Literal["Namespace"] | None = Field(default=None, description="Namespace: every gate of the namespace.")
    images: list[Image] = Field(
        default_factory=list,
        max_length=16,
        description="The images that may be rolled out, as written in the pod template. If left out, every change "
        "passes.",
    )
    reason: str = Field(min_length=1, max_length=512, description="Why, for the record.")
    until: Timestamp = Field(description="When it ends by itself, also while the operator is down (RFC 3339).")
    by: Person = Field(description="Who asks: the API server accepts only the name of the user who creates it.")
    approvals: list[Approval] = Field(
        default_factory=list, max_length=8, description="Who agrees. A user cannot approve their own Override."
    )


class OverrideStatus(Status):
    """Whether the Override counts."""

    state: OverrideState = Field(
        default="Pending",
        description="Pending: approvals are missing. InForce: changes pass. Over: its time has ended. Refused: it asks "
        "for a longer time than the gate accepts, or the gate does not exist.",
    )
    gates: list[Annotated[str, Field(max_length=253)]] = Field(
        default_factory=list, max_length=64, description="The gates that it opens."
    )
    since: Timestamp | None = Field(default=None, description="When it first came into force; stays for the record.")
    ended: Timestamp | None = Field(default=None, description="When it was no longer in force, for whatever reason.")
    uses: int = Field(default=0, description="How many releases passed a closed gate with it; each Release names it.")


class Override(
    Resource,
    plural="overrides",
    short_names=("ovr",),
    columns=(
        Column("Gate", ".spec.gate"),
        Column("State", ".status.state"),
        Column("By", ".spec.by"),
        # A string: kubectl shows a date as an age, and a date in the future as <invalid>.
        Column("Until", ".spec.until"),
        Column("Uses", ".status.uses", "integer"),
        Column("Why", ".spec.reason", wide=True),
    ),
):
    """Break glass: lets changes pass a closed ReleaseGate for a while, with a reason and a name."""

    spec: OverrideSpec
    status: OverrideStatus = Field(default_factory=OverrideStatus)


_BY_GATE = Index(Override.api, lambda override: [Key(Key.of(override).namespace, override["spec"].get("gate") or "")])
"""Overrides by the gate that they name; "" for those of a whole namespace."""


def meant_for(gate: Key, store: Store) -> list[Override]:
    """Returns the valid Overrides for a gate, by name."""
    wanted = (gate, Key(gate.namespace, ""))
    keys = [Key.of(manifest) for name in wanted for manifest in store.found(_BY_GATE, name)]
    return [override for key in sorted(keys) if (override := store.resource(Override, key)) is not None]
