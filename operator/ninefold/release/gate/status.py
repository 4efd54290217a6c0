"""The status that gates report: the decision, why, and what passes. Delivery tools and replays read it, too. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ninefold.kube.fields import Timestamp
from ninefold.kube.model import Model, Status
from ninefold.kube.schema import ANYTHING

Decision = Literal["Allow", "Hold", "Deny", "Unknown"]

MAX_IMAGES = 64
MAX_WORKLOADS = 4096
MAX_LEARNING = 512
LONGEST_REVISIONS = 65_536
MAX_CLOSURES = 32
MAX_OVERRIDES = 8
MAX_BLAMED = 8
MAX_TEMPLATES = 64

Image = Annotated[str, Field(min_length=1, max_length=512)]
"""An image as a container names it: "example.com/shop/checkout:v41"."""


class Learning(Model):
    """A revision that is served and on trial before it is known to be good."""

    workload: str = Field(max_length=300, description='The workload, such as "Deployment/checkout".')
    revision: str | None = Field(default=None, max_length=64, description="A hash of the images, if they are on trial.")
    template: str | None = Field(
        default=None, max_length=64, description="The hash of the pod template, if it is on trial."
    )
    since: Timestamp = Field(description="Since when enough pods have served it and data have been known.")
    fewest: int | None = Field(default=None, description="The fewest available pods that have been enough since then.")


class Closure(Model):
    """A reason why the gate is closed, and the time in which it closes the gate."""

    decision: Literal["Hold", "Deny"] = Field(description="The decision that it asks for.")
    because: str = Field(max_length=320, description="Who closes the gate, in a few words.")
    message: str = Field(default="", max_length=1024, description="Why, as a sentence.")
    from_: Timestamp | None = Field(default=None, alias="from", description="When it begins; if left out, now.")
    until: Timestamp | None = Field(
        default=None, description="When it ends; if left out, when the operator removes it."
    )
    calendar: bool | None = Field(
        default=None,
        description="Set for a freeze: a freeze says nothing about the health of the workloads, so a revision that "
        "runs meanwhile can become known to be good.",
    )
    approvals: int | None = Field(
        default=None,
        ge=1,
        le=4,
        description="How many other people must approve an Override for this reason, if spec.overrides asks for fewer.",
    )


Anything = Annotated[dict[str, Any], Field(json_schema_extra={ANYTHING: True})]


class GoodTemplate(Model):
    """A pod template that is known to be good: a rollback to it passes a closed gate."""

    workload: str = Field(max_length=300, description='The workload, such as "Deployment/checkout".')
    hash: str = Field(max_length=64, description="The templateHash of its Release.")
    labels: Anything = Field(default_factory=dict, description="Its labels.")
    annotations: Anything = Field(default_factory=dict, description="Its annotations, except that of a restart.")
    spec: Anything = Field(description="Its pod spec.")


class OverrideInForce(Model):
    """An Override that lets changes pass a closed gate."""

    name: str = Field(max_length=253, description="The Override.")
    by: str = Field(max_length=256, description="Who asked for it.")
    until: Timestamp = Field(description="When it ends by itself.")
    images: list[Image] = Field(
        default_factory=list, max_length=16, description="The images that it covers; without any, every change passes."
    )


class Blame(Model):
    """A release that is suspected to have caused what closes the gate. A return to its images no longer passes as a
    rollback."""

    release: str = Field(max_length=253, description="The Release.")
    workload: str = Field(max_length=300, description='What it changed, such as "Deployment/checkout".')
    objective: str = Field(max_length=253, description="The objective whose budget has burned since.")
    began: Timestamp = Field(description="When its rollout began.")
    images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="The images that came with it; none if it changed only configuration.",
    )
    hashes: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list,
        max_length=2,
        description="Other names of its revision: the templateHash of the Release, and the hash that Argo Rollouts "
        "gives it.",
    )


class GateStatus(Status):
    """The decision, why, since when and until when."""

    decision: Decision = Field(
        default="Unknown", description="Allow and Unknown let changes pass, Hold lets them wait, Deny refuses them."
    )
    because: str = Field(default="", max_length=320, description="Who decided, in a few words.")
    message: str = Field(
        default="",
        max_length=2048,
        description="The decision in full, on one line: people whose change is refused read it.",
    )
    closures: list[Closure] = Field(
        default_factory=list,
        max_length=MAX_CLOSURES,
        description="Everything that closes the gate now, the most severe first, and the freezes to come. The API "
        "server compares their times with its own clock.",
    )
    passes: str = Field(default="", max_length=1024, description="What passes a closed gate, as a sentence.")
    pace: str | None = Field(
        default=None,
        max_length=3,
        description="How large the steps of a delivery may be once the gate is open, in percent of their usual size; "
        "absent at full pace.",
    )
    since: Timestamp | None = Field(default=None, description="When the decision last changed.")
    until: str | None = Field(
        default=None,
        max_length=20,
        description="When the gate is predicted to open (RFC 3339), if a prediction is possible.",
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when data are missing; absent while no data are missing."
    )


class ReleaseGateStatus(GateStatus):
    """The decision. The API server reads it from here for every change of a pod template."""

    overrides: list[OverrideInForce] = Field(
        default_factory=list, max_length=MAX_OVERRIDES, description="The Overrides that let changes pass now."
    )
    blamed: list[Blame] = Field(
        default_factory=list,
        max_length=MAX_BLAMED,
        description="The releases that are suspected to have caused what closes the gate, the newest first. Delivery "
        "tools abort only these.",
    )
    workloads: int = Field(default=0, description="How many workloads the gate covers now.")
    known_good_revisions: dict[str, Annotated[str, Field(max_length=LONGEST_REVISIONS)]] = Field(
        default_factory=dict,
        max_length=MAX_WORKLOADS,
        description='By workload, such as "Deployment/checkout", the revisions that are known to be good: a rollback '
        "to one passes a closed gate. Each line is a revision, the newest first, with CONTAINER=IMAGE for each "
        "container, and volume/NAME=IMAGE for an image volume. A moving image, such as latest, is left out.",
    )
    known_good_images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="Images that an operator of the previous version has learned, until they are known by workload.",
    )
    known_good_templates: list[GoodTemplate] = Field(
        default_factory=list,
        max_length=MAX_TEMPLATES,
        description="The pod templates that are known to be good, the newest first, if spec.knownGood.templates asks "
        "for them: a rollback to one passes a closed gate.",
    )
    learning: list[Learning] = Field(
        default_factory=list,
        max_length=MAX_LEARNING,
        description="Revisions that are served and on trial before they are known to be good.",
    )
