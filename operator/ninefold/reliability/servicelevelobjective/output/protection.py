"""Only the operator may write the rules that measurements come from; the API server refuses all other users. Pure.

A gate depends on recordings, so the author of such a recording decides about the gate. An account with all rights in
the cluster is no exception: it usually belongs to a tool. Other rules pass unchanged, such as those of Sloth and Pyrra.

CEL cannot read the text in a ConfigMap: YAML writes the same name in many ways. Therefore only the operator may write a
ConfigMap that has Ninefold's label.
"""

from __future__ import annotations

from typing import Any

from ninefold.domain.measurements.series import RECORDED
from ninefold.kube import accounts, admission
from ninefold.kube.api import CONFIG_MAP, PROMETHEUS_RULE, Api, Manifest
from ninefold.reliability.servicelevelobjective.output.manifests import RULES_LABEL

RULES, RULE_FILES = "ninefold-rules", "ninefold-rule-files"
MOST_GROUPS, MOST_RULES = 500, 3_000
"""The largest PrometheusRule that the API server can check; prometheus-operator accepts no file above 512 KiB
either."""

_LABELS = "object.metadata.?labels.orValue({})"
_SAME_LABELS = f"{_LABELS} == oldObject.metadata.?labels.orValue({{}})"
# An annotation names the directory of a file for sidecars of Prometheus, possibly one that Prometheus does not load.
_FIELDS = ("data", "binaryData", "immutable", "metadata.?annotations")
_SAME_FILES = " && ".join(
    ("oldObject != null", _SAME_LABELS, *(f"object.?{field} == oldObject.?{field}" for field in _FIELDS))
)


def _held(of: str, field: str, kind: str, empty: str) -> str:
    """CEL: a field of a value of any type, or `empty` if there is no such field of this type."""
    return f"type({of}) == map && has({of}.{field}) && type({of}.{field}) == {kind} ? {of}.{field} : {empty}"


def _identified(of: str) -> str:
    """CEL: whether the labels of a group or a rule set slo_id."""
    return f"has({of}.labels) && type({of}.labels) == map && 'slo_id' in {of}.labels"


_RECORDS = f"has(r.record) && type(r.record) == string && r.record.startsWith('slo:') && r.record.matches('{RECORDED}')"
_VARIABLES = {
    # An update that changes neither rules nor labels passes, such as one that removes an owner.
    "spec": f"oldObject != null && object.?spec == oldObject.?spec && {_SAME_LABELS} ? {{}} : "
    f"({_held('object', 'spec', 'map', '{}')})",
    "groups": _held("variables.spec", "groups", "list", "[]"),
    "countless": f"variables.groups.size() > {MOST_GROUPS} || "
    f"variables.groups.map(g, ({_held('g', 'rules', 'list', '[]')}).size()).sum() > {MOST_RULES}",
    "claims": "variables.groups.exists(g, type(g) == map && "
    f"({_identified('g')} || ({_held('g', 'rules', 'list', '[]')}).exists(r, type(r) == map && "
    f"({_identified('r')} || {_RECORDS}))))",
}

_RULES_SAY = (
    "record no series of Ninefold's contract (slo:burn_rate:1h and so on) and set no label slo_id: gates go by these, "
    "so the operator alone writes them, from a ServiceLevelObjective"
)
_FILES_SAY = (
    f"the label {RULES_LABEL} is for the rule files that the operator writes from ServiceLevelObjectives: use another "
    "label for other rules"
)


def protection() -> list[Manifest]:
    """The ValidatingAdmissionPolicies and their bindings, installed once in a cluster."""
    return [
        *_policy(
            RULES,
            PROMETHEUS_RULE,
            variables=admission.variables(_VARIABLES),
            validations=[
                _refusal(
                    "!variables.countless",
                    f"there are more than {MOST_GROUPS} groups or {MOST_RULES} rules: write several PrometheusRules",
                ),
                _refusal("variables.countless || !variables.claims", _RULES_SAY),
            ],
        ),
        *_policy(
            RULE_FILES,
            CONFIG_MAP,
            selector={"matchExpressions": [{"key": RULES_LABEL, "operator": "Exists"}]},
            validations=[_refusal(f"!('{RULES_LABEL}' in {_LABELS}) || ({_SAME_FILES})", _FILES_SAY)],
        ),
    ]


def _refusal(expression: str, message: str) -> dict[str, str]:
    return {"expression": expression, "message": message, "reason": "Forbidden"}


def _policy(name: str, api: Api, selector: Manifest | None = None, **spec: Any) -> list[Manifest]:
    policy = admission.policy(
        name,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={
            "resourceRules": [admission.resources(api.group, api.version, ("CREATE", "UPDATE"), (api.plural,))],
            **({"objectSelector": dict(selector)} if selector else {}),
        },
        matchConditions=[
            {"name": "everybody-else", "expression": f"!({accounts.IS_NAMED} || {accounts.IS_SUPERUSER})"}
        ],
        **spec,
    )
    # Without that binding there is no operator, and other rules must not depend on it.
    operator = accounts.of_binding(accounts.OPERATOR_BINDING, missing="Allow")
    return [policy, admission.binding(name, parameters=operator)]
