"""The static ValidatingAdmissionPolicies that enforce every ReleaseGate, the gate being their parameter. Pure.

The API server decides alone: while the operator is down, a closed gate stays closed, a freeze begins and ends, an
override ends, and a rollback passes. There is one policy for each mode, since what follows from a refusal is written in
the binding.

The expressions cannot fail: every optional field is read with `.?` and `orValue`. What is left that could make a
policy fail is an installation without the CRD. There is no gate then, and `failurePolicy: Fail` would refuse each
update of each workload in the cluster; so it is Ignore.
"""

from __future__ import annotations

from ninefold.kube import admission
from ninefold.kube.api import Manifest
from ninefold.release.releasegate.resource import SERVICE_LABELS, TEAM_LABELS, ReleaseGate
from ninefold.release.releasegate.workload import RESTARTED_AT

NAME = "ninefold-release-gate"
_ACTIONS = {"Enforce": "Deny", "Warn": "Warn", "Audit": "Audit"}
"""By mode, what the API server does with a change that a closed gate refuses."""


def _any_of(labels: str, keys: tuple[str, ...], value: str) -> str:
    """CEL: whether one of these keys has the value."""
    return f"{list(keys)}.exists(k, {labels}[?k].orValue('') == {value})"


def _scoped(labels: str) -> str:
    """CEL: whether a gate is about a workload that carries these labels.

    What the gate selects is read from the old object: a request cannot take itself out of the scope.
    """
    wanted = "variables.wanted"
    by_labels = f"{wanted}.matchLabels.all(k, {labels}[?k].orValue('') == {wanted}.matchLabels[k])"
    return " || ".join(
        (
            f"has({wanted}.matchLabels) && {by_labels}",
            f"has({wanted}.service) && {_any_of(labels, SERVICE_LABELS, f'{wanted}.service')}",
            f"has({wanted}.team) && {_any_of(labels, TEAM_LABELS, f'{wanted}.team')}",
        )
    )


def _containers(spec: str) -> str:
    """A CEL list of the containers of a pod spec that run an image of the release."""
    return f"{spec}.?containers.orValue([]) + {spec}.?initContainers.orValue([])"


def _images(spec: str) -> str:
    """A CEL list of every image that a pod spec names, image volumes too."""
    return (
        f"({_containers(spec)}).map(c, c.?image.orValue('')) + "
        f"{spec}.?ephemeralContainers.orValue([]).map(c, c.?image.orValue('')) + "
        f"{spec}.?volumes.orValue([]).map(v, v.?image.?reference.orValue('')).filter(i, i != '')"
    )


def _template(workload: str) -> str:
    """The pod template: of a CronJob in its job template, of a Rollout that refers to a Deployment nowhere."""
    return f"{workload}.spec.?jobTemplate.?spec.?template.or({workload}.spec.?template).orValue({{}})"


_FIELDS = "metadata.?managedFields.orValue([])"

_VARIABLES = {
    "old": _template("oldObject"),
    "new": _template("object"),
    "changed": "variables.new != variables.old",
    # CEL has no clock, but the API server stamps each request. A forged stamp stands beside the true one, so that the
    # least of them is never later than now, and the greatest never earlier. Whole entries are compared, since
    # somebody else may have written in the same second.
    "stamps": f"object.{_FIELDS}.filter(f, has(f.time) && !oldObject.{_FIELDS}.exists(o, o == f))"
    ".map(f, timestamp(f.time))",
    "stamped": "variables.stamps.size() > 0",
    "decision": "params.?status.?decision.orValue('Unknown')",
    # Without a stamp (two writes in one second) what may hold does hold.
    "closures": "params.?status.?closures.orValue([]).filter(c, "
    "(!has(c.from) || !variables.stamped || timestamp(c.from) <= variables.stamps.max()) && "
    "(!has(c.until) || !variables.stamped || variables.stamps.min() < timestamp(c.until)))",
    # The status of an operator that did not write closures yet.
    "closed": "has(params.status) && has(params.status.closures) ? variables.closures.size() > 0 "
    ": variables.decision in ['Hold', 'Deny']",
    "wanted": "params.spec.workloads",
    "oldLabels": "oldObject.metadata.?labels.orValue({})",
    "newLabels": "object.metadata.?labels.orValue({})",
    "selectorLabels": "oldObject.spec.?selector.?matchLabels.orValue({})",
    "called": "request.kind.kind + '/' + object.metadata.name",
    "selected": "has(variables.wanted.scope) || variables.wanted.?names.orValue([]).exists(n, n == variables.called) "
    f"|| {_scoped('variables.selectorLabels')}",
    "scoped": f"variables.selected || {_scoped('variables.oldLabels')}",
    # Taking off the labels that the gate goes by would be the first half of a way around it.
    "leaves": f"!variables.selected && !({_scoped('variables.newLabels')})",
    "oldNotes": "variables.old.?metadata.?annotations.orValue({})",
    "newNotes": "variables.new.?metadata.?annotations.orValue({})",
    "restart": (
        "params.spec.?restarts.orValue('Allow') == 'Allow' && "
        "variables.new.?spec.orValue({}) == variables.old.?spec.orValue({}) && "
        "variables.new.?metadata.?labels.orValue({}) == variables.old.?metadata.?labels.orValue({}) && "
        f"variables.newNotes.all(k, k == '{RESTARTED_AT}' || "
        "(k in variables.oldNotes && variables.oldNotes[k] == variables.newNotes[k])) && "
        f"variables.oldNotes.all(k, k == '{RESTARTED_AT}' || k in variables.newNotes)"
    ),
    "good": "params.?status.?knownGoodImages.orValue([])",
    "oldSpec": "variables.old.?spec.orValue({})",
    "newSpec": "variables.new.?spec.orValue({})",
    "oldImages": _images("variables.oldSpec"),
    "newImages": _images("variables.newSpec"),
    "oldContainers": _containers("variables.oldSpec"),
    "newContainers": _containers("variables.newSpec"),
    # A container that was there before must go to another image. Were it enough that the images differ, any change
    # would pass beside a new container, or containers in another order.
    "moved": (
        "variables.newContainers.exists(c, !(c.?image.orValue('') in variables.oldImages) && "
        "variables.oldContainers.exists(o, o.name == c.name))"
    ),
    # What runs there already is not a change: a sidecar of an unknown image does not stand in a rollback's way.
    "rollback": "variables.moved && variables.newImages.all(i, i in variables.good || i in variables.oldImages)",
    # A rollback of configuration alone: the template is one that is known to be good, as a whole.
    "restored": (
        "params.?status.?knownGoodTemplates.orValue([]).exists(t, t.workload == variables.called && "
        "t.?spec.orValue({}) == variables.newSpec && "
        "t.?labels.orValue({}) == variables.new.?metadata.?labels.orValue({}) && "
        f"variables.newNotes.all(k, k == '{RESTARTED_AT}' || "
        "(k in t.?annotations.orValue({}) && t.annotations[k] == variables.newNotes[k])) && "
        "t.?annotations.orValue({}).all(k, k in variables.newNotes))"
    ),
    # An override without a stamp to compare with does not count.
    "overrides": "params.?status.?overrides.orValue([]).filter(o, variables.stamped && "
    "variables.stamps.max() < timestamp(o.until) && (o.?images.orValue([]).size() == 0 || "
    "variables.newImages.all(i, i in o.images || i in variables.oldImages)))",
    "overridden": "variables.overrides.size() > 0",
}

_GATE = "'release gate ' + params.metadata.namespace + '/' + params.metadata.name"
_SAID = "params.?status.?message.orValue('')"
_PASSES = "params.?status.?passes.orValue('')"
_FIRST = "variables.closures[0]"
_OTHERS = (
    "(variables.closures.size() > 1 ? ' Closed by ' + "
    "variables.closures.slice(1, variables.closures.size()).map(c, c.because).join(' and ') + ' too.' : '')"
)
_WHY = (
    f"variables.closures.size() == 0 ? ({_SAID} == '' ? '' : ': ' + {_SAID}) : "
    f"({_FIRST}.?message.orValue('') == '' ? '' : ': ' + {_FIRST}.message) + {_OTHERS} + "
    f"({_PASSES} == '' ? '' : ' ' + {_PASSES})"
)
_DECIDED = f"(variables.closures.size() == 0 ? variables.decision : {_FIRST}.decision)"
_RULES = (
    admission.resources("apps", "v1", ("UPDATE",), ("deployments", "statefulsets", "daemonsets")),
    admission.resources("batch", "v1", ("UPDATE",), ("cronjobs",)),
    admission.resources("argoproj.io", "v1alpha1", ("UPDATE",), ("rollouts",)),
)
# Without a namespace here, the parameters are the gates of the request's namespace; each of them is asked.
_GATES = {"selector": {}, "parameterNotFoundAction": "Allow"}


def _policy(mode: str) -> Manifest:
    return admission.policy(
        _name(mode),
        fails=False,
        paramKind={"apiVersion": ReleaseGate.api.api_version, "kind": ReleaseGate.api.kind},
        matchConstraints={"resourceRules": list(_RULES)},
        matchConditions=[
            {
                "name": "template-or-labels",
                "expression": "object.spec.?template.orValue({}) != oldObject.spec.?template.orValue({}) || "
                "object.spec.?jobTemplate.orValue({}) != oldObject.spec.?jobTemplate.orValue({}) || "
                "object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({})",
            },
            {"name": "mode", "expression": f"params.spec.?mode.orValue('Enforce') == '{mode}'"},
        ],
        variables=admission.variables(_VARIABLES),
        validations=[
            {
                "expression": "!variables.closed || !variables.scoped || !variables.changed || "
                "variables.restart || variables.rollback || variables.restored || variables.overridden",
                "message": "the release gate is closed",
                "messageExpression": f"{_GATE} + ' is closed (' + {_DECIDED} + ')' + ({_WHY})",
                "reason": "Forbidden",
            },
            {
                "expression": "!variables.closed || !variables.scoped || !variables.leaves",
                "message": "the release gate is closed, and without these labels the workload would not be under it",
                "messageExpression": f"{_GATE} + ' is closed (' + {_DECIDED} + "
                "'): keep the labels that it selects by until it opens'",
                "reason": "Forbidden",
            },
        ],
        auditAnnotations=[
            {
                "key": "override",
                "valueExpression": "variables.closed && variables.scoped && variables.changed && "
                "variables.overridden ? variables.overrides[0].name + ' by ' + variables.overrides[0].by : ''",
            }
        ],
    )


def _name(mode: str) -> str:
    return NAME if mode == "Enforce" else f"{NAME}-{mode.lower()}"


def policy_manifests() -> list[Manifest]:
    """The policies and their bindings, to be installed once in a cluster."""
    return [
        manifest
        for mode, action in _ACTIONS.items()
        for manifest in (_policy(mode), admission.binding(_name(mode), action, _GATES))
    ]
