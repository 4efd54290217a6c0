"""The spec fields that all gates share, whatever they select and whatever their sources are. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.schedules.cron import Cron
from ninefold.kube.fields import Cel, Duration, Timestamp, matches
from ninefold.kube.model import Model, Spec

MAX_REVISIONS = 64


class Dates(Model, rules=(Cel("self.from < self.until", "write an until after from", lambda d: d.from_ < d.until),)):
    """A single freeze, from one moment until before another."""

    from_: Timestamp = Field(alias="from", description="When it begins (RFC 3339).")
    until: Timestamp = Field(description="When it ends by itself.")


class Freeze(Model, exactly_one_of=("cron", "dates")):
    """A change freeze: a time in which the gate is closed. It ends by itself, also while the operator is down."""

    cron: Cron | None = Field(default=None, description="Recurring: a weekend, the night.")
    dates: Dates | None = Field(default=None, description="Once: a sale, a fair.")
    reason: str = Field(min_length=1, max_length=256, description="Why: people whose change is refused read it.")
    decision: Literal["Hold", "Deny"] = Field(default="Hold", description="Hold lets changes wait, Deny refuses them.")


class Stop(Model):
    """A stop by hand: a user has closed the gate."""

    by: str = Field(
        min_length=1, max_length=256, description="Who: the API server accepts only the name of the user who writes it."
    )
    reason: str = Field(min_length=1, max_length=256, description="Why: people whose change is refused read it.")
    until: Timestamp | None = Field(
        default=None, description="When it ends by itself; if left out, it ends when someone opens the gate."
    )
    decision: Literal["Hold", "Deny"] = Field(default="Hold", description="Hold lets changes wait, Deny refuses them.")


class FailMode(Model):
    """What the gate decides while data are missing."""

    stale_after: Duration = Field(
        default="10m", description="How long the last known decision stays in force after data go missing."
    )
    decision: Literal["Hold", "Allow"] = Field(
        default="Hold",
        description="The decision after that: Hold, because the effect of a change cannot be seen, or Allow.",
    )
    never_measured: Literal["Pass", "Decide"] = Field(
        default="Pass",
        description="What an objective that has never had any data does to the gate. Pass: nothing, since a selector "
        "that matches no series is likelier than an outage. Decide: the same as an objective whose data are missing.",
    )


class KnownGood(Model):
    """When a revision of a workload counts as good, so that a rollback to it passes a closed gate."""

    after: Duration = Field(
        default="10m",
        description="How long a revision must be served, with data known and no budget that closes the gate. Enough "
        "pods must be available, and no pod of another template may run. Enough are all pods except those that a "
        "rolling update may take away, or all except one, and always at least half of them. A run of a CronJob must "
        "have succeeded.",
    )
    keep: int = Field(
        default=10,
        ge=1,
        le=MAX_REVISIONS,
        description="How many revisions of each workload are remembered, the newest first. A gate that covers very "
        "many workloads has room for fewer: the newest of each workload take precedence.",
    )
    templates: int = Field(
        default=0,
        ge=0,
        le=5,
        description="How many earlier pod templates of each workload are remembered, so that a rollback of its "
        "configuration alone passes, too. The status holds these templates: every user who may read the gate can read "
        "them, so the default is none.",
    )


class OverrideRules(Model):
    """What an Override needs to open a gate in an emergency."""

    approvals: int = Field(
        default=0, ge=0, le=4, description="How many other people must approve an Override before it counts."
    )
    longest: Duration = Field(
        default="8h", description="How long an Override may last; a longer Override does not count."
    )


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
"""Names that common tools write to restart pods: kubectl, Argo CD and Lens; Rancher; OpenShift; the reloaders of
Stakater and Pusher; the operators of Vault, 1Password and Doppler."""

ToolName = Annotated[
    str,
    Field(min_length=4, max_length=128),
    matches(
        r"[A-Za-z_][-A-Za-z0-9_./]{2,126}\*?",
        "write the name that a tool uses, or the beginning of its names and an asterisk: STAKATER_*",
    ),
]


class RestartedBy(Model):
    """The names that tools write into a pod template only to restart its pods."""

    annotations: list[ToolName] = Field(
        default_factory=lambda: list(RESTART_ANNOTATIONS),
        max_length=32,
        description="Names of annotations of the template; an asterisk at the end matches any ending.",
    )
    environment: list[ToolName] = Field(
        default_factory=lambda: list(RESTART_ENVIRONMENT),
        max_length=16,
        description="Names of environment variables of containers. Only plain values count.",
    )


class Records(Model):
    """How many releases are recorded, and for how long."""

    keep: int = Field(
        default=20, ge=1, le=1000, description="How many releases of each workload are kept, the newest first."
    )
    max_age: Duration = Field(
        default="90d",
        description="How long a release is kept at most; the last release is kept while its workload exists.",
    )


Contact = Annotated[
    str,
    Field(min_length=1, max_length=256),
    # The API server shows no message that has a line break in it.
    matches(r"[^\r\n]+", "write it on one line"),
]


class GateSpec(Spec):
    """The fields of every gate, whatever it selects and whatever its sources are."""

    stop: Stop | None = Field(default=None, description="Set while a user has closed the gate by hand.")
    mode: Literal["Enforce", "Warn", "Audit"] = Field(
        default="Enforce",
        description="What a closed gate does to a change: Enforce refuses it, Warn lets it pass and warns the user who "
        "makes it, Audit lets it pass and writes it to the API server's audit log.",
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
        description="How tools restart pods: a change of nothing but these names is a restart.",
    )
    overrides: OverrideRules = Field(
        default_factory=OverrideRules, description="What an Override needs to open the gate in an emergency."
    )
    fail_mode: FailMode = Field(
        default_factory=FailMode, description="What the gate decides when the data for the decision are missing."
    )
    known_good: KnownGood = Field(
        default_factory=KnownGood, description="When a revision counts as good, so that a rollback to it passes."
    )
    records: Records = Field(
        default_factory=Records, description="How many releases of its workloads are recorded, and for how long."
    )
