"""What a user writes to gate the change of workloads, and the decision that is told back. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ninefold.kube.fields import Cel, Duration, LabelValue, MatchLabels, ObjectName, Timestamp, TimeZone, matches
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.kube.schema import ANYTHING

Decision = Literal["Allow", "Hold", "Deny", "Unknown"]

MAX_IMAGES = 64
MAX_WORKLOADS = 4096
MAX_LEARNING = 512
MAX_REVISIONS = 64
LONGEST_REVISIONS = 65_536
MAX_CLOSURES = 32
MAX_OVERRIDES = 8
MAX_BLAMED = 8
MAX_TEMPLATES = 64

Image = Annotated[str, Field(min_length=1, max_length=512)]
"""An image as a container names it: "example.com/shop/checkout:v41"."""


SERVICE_LABELS = ("ninefold.dev/service", "app.kubernetes.io/name", "app")
TEAM_LABELS = ("ninefold.dev/team", "app.kubernetes.io/part-of")
"""Labels that say whose a workload is."""

WorkloadName = Annotated[
    str,
    Field(min_length=1, max_length=300),
    matches(
        r"(Deployment|StatefulSet|DaemonSet|CronJob|Rollout)/[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "write kind and name, such as Deployment/checkout",
    ),
]


class Workloads(Model, exactly_one_of=("names", "match_labels", "service", "team", "scope")):
    """Which workloads of the same namespace a gate is about: one, those of a service or of a team, or all."""

    names: list[WorkloadName] | None = Field(
        default=None, min_length=1, max_length=64, description="The workloads of these names: Deployment/checkout."
    )
    match_labels: MatchLabels | None = Field(
        default=None,
        description="The workloads that carry all of these labels, themselves or in their selector. The selector "
        "cannot change, so labels of its kind cannot be taken off to get past the gate.",
    )
    service: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a service: those with this value under one of {', '.join(SERVICE_LABELS)}.",
    )
    team: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a team: those with this value under one of {', '.join(TEAM_LABELS)}.",
    )
    scope: Literal["Namespace"] | None = Field(default=None, description="Namespace: every workload of it.")


class Dates(Model, rules=(Cel("self.from < self.until", "write an until after from", lambda d: d.from_ < d.until),)):
    """Once, from one moment until before another."""

    from_: Timestamp = Field(alias="from", description="When it begins (RFC 3339).")
    until: Timestamp = Field(description="When it ends by itself.")


class Cron(Model):
    """Again and again, by the clocks of a place."""

    schedule: str = Field(
        min_length=9,
        max_length=100,
        description='When it begins: minute, hour, day of the month, month, day of the week, as "0 18 * * FRI".',
    )
    duration: Duration = Field(description="How long it lasts from then, in real time: 1m to 14d.")
    time_zone: TimeZone = Field(default="UTC", description="Whose clocks: an IANA name such as Europe/Paris.")


class Freeze(Model, exactly_one_of=("cron", "dates")):
    """Time in which nothing changes. It ends by itself, also while the operator is down."""

    cron: Cron | None = Field(default=None, description="Recurring: a weekend, the night.")
    dates: Dates | None = Field(default=None, description="Once: a sale, a fair.")
    reason: str = Field(min_length=1, max_length=256, description="Why, for the person who is refused.")
    decision: Literal["Hold", "Deny"] = Field(default="Hold", description="Hold lets change wait, Deny refuses it.")


class Source(Model, exactly_one_of=("error_budget_policy", "freeze", "cluster_release_gate")):
    """Something that has a say."""

    error_budget_policy: ObjectName | None = Field(
        default=None, description="The ErrorBudgetPolicy of this name in the same namespace."
    )
    freeze: Freeze | None = Field(default=None, description="Time in which nothing changes.")
    cluster_release_gate: ObjectName | None = Field(
        default=None, description="The ClusterReleaseGate of this name: it closes this gate, too."
    )


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


class GateSpec(Spec):
    """What is said of every gate, whatever it is about and whoever has a say."""

    stop: Stop | None = Field(default=None, description="Set while somebody has closed the gate by hand.")
    mode: Literal["Enforce", "Warn", "Audit"] = Field(
        default="Enforce",
        description="What a closed gate does to a change: Enforce refuses it, Warn lets it pass and tells whoever "
        "makes it, Audit lets it pass and writes it into the API server's audit log.",
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


class ReleaseGateSpec(GateSpec):
    """Which workloads, who has a say, and what happens when nobody knows."""

    workloads: Workloads = Field(description="Which workloads of this namespace the gate is about.")
    sources: list[Source] = Field(
        default_factory=list,
        max_length=16,
        description="Who has a say; the most severe decision of all wins. Without any, people close it by stop.",
    )


class Learning(Model):
    """A revision that is served, on its way to be known as good."""

    workload: str = Field(max_length=300, description='The workload, such as "Deployment/checkout".')
    revision: str | None = Field(default=None, max_length=64, description="A hash of its images, if it is about these.")
    template: str | None = Field(
        default=None, max_length=64, description="The hash of its pod template, if it is about that."
    )
    since: Timestamp = Field(description="Since when enough pods serve it and data are known.")
    fewest: int | None = Field(default=None, description="The fewest available pods that have been enough since then.")


class Closure(Model):
    """A reason for which change is held or refused, with the time in which it is."""

    decision: Literal["Hold", "Deny"] = Field(description="What it asks for.")
    because: str = Field(max_length=320, description="Who closes, in a few words.")
    message: str = Field(default="", max_length=1024, description="Why, as a sentence.")
    from_: Timestamp | None = Field(default=None, alias="from", description="From when on; left out, now.")
    until: Timestamp | None = Field(
        default=None, description="Until when; left out, until the operator says otherwise."
    )
    calendar: bool | None = Field(
        default=None,
        description="Set of a freeze: it says nothing of how well the workloads are, so what runs meanwhile can become "
        "known to be good.",
    )
    approvals: int | None = Field(
        default=None,
        ge=1,
        le=4,
        description="How many others must approve an Override for this reason, if spec.overrides asks for fewer.",
    )


Anything = Annotated[dict[str, Any], Field(json_schema_extra={ANYTHING: True})]


class GoodTemplate(Model):
    """A pod template a rollback to which passes a closed gate."""

    workload: str = Field(max_length=300, description='The workload, such as "Deployment/checkout".')
    hash: str = Field(max_length=64, description="The templateHash of its Release.")
    labels: Anything = Field(default_factory=dict, description="Its labels.")
    annotations: Anything = Field(default_factory=dict, description="Its annotations, but for that of a restart.")
    spec: Anything = Field(description="Its pod spec.")


class OverrideInForce(Model):
    """An Override that lets change pass a closed gate."""

    name: str = Field(max_length=253, description="The Override.")
    by: str = Field(max_length=256, description="Who asked for it.")
    until: Timestamp = Field(description="When it ends by itself.")
    images: list[Image] = Field(
        default_factory=list, max_length=16, description="The images it is about; without any, all change passes."
    )


class Blame(Model):
    """A release that is suspected for what closes the gate. What it brought passes as a rollback no more."""

    release: str = Field(max_length=253, description="The Release.")
    workload: str = Field(max_length=300, description='What it changed, such as "Deployment/checkout".')
    objective: str = Field(max_length=253, description="The objective that has burnt since.")
    began: Timestamp = Field(description="When its rollout began.")
    images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="The images that came with it; none if it changed configuration alone.",
    )
    hashes: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list,
        max_length=2,
        description="What else its revision is called: the templateHash of the Release, and the hash by which an Argo "
        "Rollout goes.",
    )


class GateStatus(Status):
    """A decision, why, since when and until when."""

    decision: Decision = Field(
        default="Unknown", description="Allow and Unknown let change pass, Hold lets it wait, Deny refuses it."
    )
    because: str = Field(default="", max_length=320, description="Who decided, in a few words.")
    message: str = Field(
        default="", max_length=2048, description="The decision in full, on one line: what a refused person reads."
    )
    closures: list[Closure] = Field(
        default_factory=list,
        max_length=MAX_CLOSURES,
        description="All that closes the gate now, the most severe first, and the freezes to come. The API server "
        "compares their times with its own clock.",
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
        description="When the gate is predicted to open (RFC 3339), if that can be told from what is known.",
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when data are missing; not set while they are there."
    )


class ReleaseGateStatus(GateStatus):
    """The decision. The API server reads it from here for every change of a pod template."""

    overrides: list[OverrideInForce] = Field(
        default_factory=list, max_length=MAX_OVERRIDES, description="The Overrides that let change pass now."
    )
    blamed: list[Blame] = Field(
        default_factory=list,
        max_length=MAX_BLAMED,
        description="The releases that are suspected for what closes the gate, the newest first. Delivery tools abort "
        "these alone.",
    )
    workloads: int = Field(default=0, description="How many workloads the gate is about now.")
    known_good_revisions: dict[str, Annotated[str, Field(max_length=LONGEST_REVISIONS)]] = Field(
        default_factory=dict,
        max_length=MAX_WORKLOADS,
        description='By workload, such as "Deployment/checkout", what it ran while it was well. A rollback to it '
        "passes a closed gate. Each line is a revision, the newest first, with CONTAINER=IMAGE for each container, and "
        "volume/NAME=IMAGE for an image volume. Where the image moves, as latest does, it is left out.",
    )
    known_good_images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="What an operator of the version before has learnt, until it is known for each workload.",
    )
    known_good_templates: list[GoodTemplate] = Field(
        default_factory=list,
        max_length=MAX_TEMPLATES,
        description="The pod templates a rollback to which passes a closed gate, the newest first, if "
        "spec.knownGood.templates asks for them.",
    )
    learning: list[Learning] = Field(
        default_factory=list,
        max_length=MAX_LEARNING,
        description="Revisions that are served, on their way to be known as good.",
    )


class ReleaseGate(
    Resource,
    plural="releasegates",
    short_names=("gate",),
    columns=(
        Column("Decision", ".status.decision"),
        # Empty for Enforce, which need not be written.
        Column("Mode", ".spec.mode"),
        Column("Because", ".status.because"),
        # A string: kubectl shows a date as an age, and one that is to come as <invalid>.
        Column("Until", ".status.until"),
        Column("Workloads", ".status.workloads", "integer"),
        Column("Pace", ".status.pace", wide=True),
        Column("Message", ".status.message", wide=True),
    ),
):
    """One decision on whether the pod templates of some workloads may change now."""

    spec: ReleaseGateSpec
    status: ReleaseGateStatus = Field(default_factory=ReleaseGateStatus)
