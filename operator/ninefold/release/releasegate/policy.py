"""The one static ValidatingAdmissionPolicy that enforces every ReleaseGate, the gate being its parameter. Pure.

The API server decides alone: while the operator is down, a closed gate stays closed and a rollback passes.

The expressions cannot fail: every optional field is read with `.?` and `orValue`. What is left that could make the
policy fail is an installation without the CRD. There is no gate then, and `failurePolicy: Fail` would refuse each
update of each workload in the cluster; so it is Ignore.
"""

from __future__ import annotations

from ninefold.kube.api import Manifest
from ninefold.release.releasegate.resource import ReleaseGate

NAME = "ninefold-release-gate"

_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

_SCOPED = (
    # What the gate selects is read from the old object: a request cannot take itself out of the scope.
    "variables.wanted.all(k, k in variables.{labels} && variables.{labels}[k] == variables.wanted[k])"
)


def _containers(spec: str) -> str:
    """A CEL list of the containers of a pod spec that run an image of the release."""
    return f"{spec}.containers + {spec}.?initContainers.orValue([])"


def _images(spec: str) -> str:
    """A CEL list of every image that a pod spec names, image volumes too."""
    return (
        f"({_containers(spec)}).map(c, c.?image.orValue('')) + "
        f"{spec}.?ephemeralContainers.orValue([]).map(c, c.?image.orValue('')) + "
        f"{spec}.?volumes.orValue([]).map(v, v.?image.?reference.orValue('')).filter(i, i != '')"
    )


_VARIABLES = {
    "decision": "params.?status.?decision.orValue('Unknown')",
    "closed": "variables.decision in ['Hold', 'Deny']",
    "wanted": "params.spec.workloads.matchLabels",
    "oldLabels": "oldObject.metadata.?labels.orValue({})",
    "newLabels": "object.metadata.?labels.orValue({})",
    "selectorLabels": "oldObject.spec.?selector.?matchLabels.orValue({})",
    "selected": _SCOPED.format(labels="selectorLabels"),
    "scoped": f"variables.selected || {_SCOPED.format(labels='oldLabels')}",
    # Taking off the labels that the gate goes by would be the first half of a way around it.
    "leaves": f"!variables.selected && !{_SCOPED.format(labels='newLabels')}",
    "old": "oldObject.spec.template",
    "new": "object.spec.template",
    "changed": "variables.new != variables.old",
    "oldNotes": "variables.old.?metadata.?annotations.orValue({})",
    "newNotes": "variables.new.?metadata.?annotations.orValue({})",
    "restart": (
        "variables.new.spec == variables.old.spec && "
        "variables.new.?metadata.?labels.orValue({}) == variables.old.?metadata.?labels.orValue({}) && "
        f"variables.newNotes.all(k, k == '{_RESTARTED_AT}' || "
        "(k in variables.oldNotes && variables.oldNotes[k] == variables.newNotes[k])) && "
        f"variables.oldNotes.all(k, k == '{_RESTARTED_AT}' || k in variables.newNotes)"
    ),
    "good": "params.?status.?knownGoodImages.orValue([])",
    "oldImages": _images("variables.old.spec"),
    "newImages": _images("variables.new.spec"),
    "oldContainers": _containers("variables.old.spec"),
    "newContainers": _containers("variables.new.spec"),
    # A container that was there before must go to another image. Were it enough that the images differ, any change
    # would pass beside a new container, or containers in another order.
    "moved": (
        "variables.newContainers.exists(c, !(c.?image.orValue('') in variables.oldImages) && "
        "variables.oldContainers.exists(o, o.name == c.name))"
    ),
    # What runs there already is not a change: a sidecar of an unknown image does not stand in a rollback's way.
    "rollback": "variables.moved && variables.newImages.all(i, i in variables.good || i in variables.oldImages)",
}

_TEXT = "params.?status.?message.orValue('')"

POLICY: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": NAME},
    "spec": {
        "failurePolicy": "Ignore",
        "paramKind": {"apiVersion": ReleaseGate.api.api_version, "kind": ReleaseGate.api.kind},
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "operations": ["UPDATE"],
                    "resources": ["deployments", "statefulsets", "daemonsets"],
                }
            ]
        },
        "matchConditions": [
            {
                "name": "template-or-labels",
                "expression": "object.spec.template != oldObject.spec.template || "
                "object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({})",
            }
        ],
        "variables": [{"name": name, "expression": expression} for name, expression in _VARIABLES.items()],
        "validations": [
            {
                "expression": "!variables.closed || !variables.scoped || !variables.changed || "
                "variables.restart || variables.rollback",
                "message": "the release gate is closed",
                "messageExpression": "'release gate ' + params.metadata.namespace + '/' + params.metadata.name + "
                f"' is closed (' + variables.decision + ')' + ({_TEXT} == '' ? '' : ': ' + {_TEXT})",
                "reason": "Forbidden",
            },
            {
                "expression": "!variables.closed || !variables.scoped || !variables.leaves",
                "message": "the release gate is closed, and without these labels the workload would not be under it",
                "messageExpression": "'release gate ' + params.metadata.namespace + '/' + params.metadata.name + "
                "' is closed (' + variables.decision + '): keep the labels that it selects by until it opens'",
                "reason": "Forbidden",
            },
        ],
    },
}

BINDING: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": NAME},
    "spec": {
        "policyName": NAME,
        # Without a namespace here, the parameters are the gates of the request's namespace; each of them is asked.
        "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"},
        "validationActions": ["Deny"],
    },
}


def policy_manifests() -> list[Manifest]:
    """The policy and its binding, to be installed once in a cluster."""
    return [POLICY, BINDING]
