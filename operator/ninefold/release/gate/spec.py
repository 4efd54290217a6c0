"""What users say of every gate, whatever it is about and whoever has a say. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.schedules.cron import Cron
from ninefold.kube.fields import Cel, Duration, Timestamp, matches
from ninefold.kube.model import Model, Spec

MAX_REVISIONS = 64


class Dates(Model, rules=(Cel("self.from < self.until", "write an until after from", lambda d: d.from_ < d.until),)):
    """Once, from one moment until before another."""

    from_: Timestamp = Field(alias="from", description="When it begins (RFC 3339).")
    until: Timestamp = Field(description="When it ends by itself.")


class Freeze(Model, exactly_one_of=("cron", "dates")):
    """Time in which nothing changes. It ends by itself, also while the operator is down."""

    cron: Cron | None = Field(default=None, description="Recurring: a weekend, the night.")
    dates: Dates | None = Field(default=None, description="Once: a sale, a fair.")
    reason: str = Field(min_length=1, max_length=256, description="Why, for the person who is refused.")
    decision: Literal["Hold", "Deny"] = Field(default="Hold", description="Hold lets change wait, Deny refuses it.")


class Stop(Model):
    """Somebody has closed the gate by hand."""

    by: str = Field(
        min_length=1, max_length=256, description="Who: the API server takes only the name of whoever writes it."
    )
    reason: str = Field(min_length=1, max_length=256, description="Why, for the person who is refused.")
    until: Timestamp | None = Field(
        default=None, description="When it ends by itself; left out, when somebody opens the gate."
    )
    decision: Literal["Hold", "Deny"] = Field(default="Hold", description="Hold lets change wait, Deny refuses it.")


class FailMode(Model):
    """The answer to not knowing."""

    stale_after: Duration = Field(
        default="10m", description="How long the last known decision holds on after data were last known."
    )
    decision: Literal["Hold", "Allow"] = Field(
        default="Hold",
        description="What is decided after that: Hold, because nobody could see what a change does, or Allow.",
    )
    never_measured: Literal["Pass", "Decide"] = Field(
        default="Pass",
        description="What follows from an objective that has never had any data. Pass: nothing, since a selector that "
        "matches no series is likelier than an outage. Decide: the same as where data are missing.",
    )


class KnownGood(Model):
    """When a revision of a workload counts as good, so that a rollback to it passes a closed gate."""

    after: Duration = Field(
        default="10m",
        description="How long it must have been served, with data known and no budget that closes the gate. Enough "
        "pods have to be available, and none of another template: all but as many as a rolling update may take away, "
        "or one, and half of them at least. Of a CronJob a run must have succeeded.",
    )
    keep: int = Field(
        default=10,
        ge=1,
        le=MAX_REVISIONS,
        description="How many revisions of each workload are remembered, the newest first. Where a gate is about very "
        "many workloads there is room for fewer: the newest of each come first.",
    )
    templates: int = Field(
        default=0,
        ge=0,
        le=5,
        description="How many earlier pod templates of each workload are remembered, so that a rollback of its "
        "configuration alone passes, too. They stand in the status: whoever may read the gate reads them, so none "
        "unless you say so.",
    )


class OverrideRules(Model):
    """What it takes to open a gate in an emergency, by an Override."""

    approvals: int = Field(
        default=0, ge=0, le=4, description="How many others must approve an Override before it counts."
    )
    longest: Duration = Field(default="8h", description="How long an Override may hold; a longer one does not count.")


RESTART_ANNOTATIONS = (
    "kubectl.kubernetes.io/restartedAt",
    "cattle.io/timestamp",
    "openshift.openshift.io/restartedAt",
    "reloader.stakater.com/*",
    "wave.pusher.com/*",
    "vso.secrets.hashicorp.com/restartedAt",
    "operator.1password.io/last-restarted",
    "secrets.doppler.com/*",
)
RESTART_ENVIRONMENT = ("STAKATER_*",)
"""What the usual tools write to restart pods: kubectl, Argo CD and Lens; Rancher; OpenShift; the reloaders of Stakater
and Pusher; the operators of Vault, 1Password and Doppler."""

ToolName = Annotated[
    str,
    Field(min_length=4, max_length=128),
    matches(
        r"[A-Za-z_][-A-Za-z0-9_./]{2,126}\*?",
        "write the name that a tool uses, or how its names begin with an asterisk at the end: STAKATER_*",
    ),
]


class RestartedBy(Model):
    """What tools write into a pod template to restart its pods, and nothing else."""

    annotations: list[ToolName] = Field(
        default_factory=lambda: list(RESTART_ANNOTATIONS),
        max_length=32,
        description="Annotations of the template by their names; an asterisk at the end stands for any ending.",
    )
    environment: list[ToolName] = Field(
        default_factory=lambda: list(RESTART_ENVIRONMENT),
        max_length=16,
        description="Environment variables of containers by their names. Only plain values count.",
    )


class Records(Model):
    """How far the record of releases reaches back."""

    keep: int = Field(
        default=20, ge=1, le=1000, description="How many releases of each workload are kept, the newest first."
    )
    max_age: Duration = Field(
        default="90d", description="How long they are kept at most; the last one is, as long as its workload is there."
    )


Contact = Annotated[
    str,
    Field(min_length=1, max_length=256),
    # The API server shows no message that has a line break in it.
    matches(r"[^\r\n]+", "write it on one line"),
]


class GateSpec(Spec):
    """What is said of every gate, whatever it is about and whoever has a say."""

    stop: Stop | None = Field(default=None, description="Set while somebody has closed the gate by hand.")
    mode: Literal["Enforce", "Warn", "Audit"] = Field(
        default="Enforce",
        description="What a closed gate does to a change: Enforce refuses it, Warn lets it pass and tells whoever "
        "makes it, Audit lets it pass and writes it into the API server's audit log.",
    )
    contact: Contact | None = Field(
        default=None,
        description="Whom to ask when the gate is closed: a channel, a person, the address of a page. The refusal ends "
        "with it.",
    )
    restarts: Literal["Allow", "Hold"] = Field(
        default="Allow", description="Whether the pods of an unchanged template may be restarted while it is closed."
    )
    restarted_by: RestartedBy = Field(
        default_factory=lambda: RestartedBy.model_validate({}),
        description="How tools restart pods: what differs in nothing but this is a restart.",
    )
    overrides: OverrideRules = Field(
        default_factory=OverrideRules, description="What it takes to open the gate in an emergency."
    )
    fail_mode: FailMode = Field(
        default_factory=FailMode, description="What happens when the data that the decision rests on are missing."
    )
    known_good: KnownGood = Field(
        default_factory=KnownGood, description="When a revision counts as good, so that a rollback to it passes."
    )
    records: Records = Field(
        default_factory=Records, description="How many releases of its workloads are recorded, and for how long."
    )
