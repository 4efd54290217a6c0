"""Admission policies about the author of an object, who is a person or a machine. Pure.

Rights that RBAC has no word for are verbs of Ninefold's own. A machine that may do everything, as the controllers of
GitOps may, has each verb by that alone: it must have been given the verb by its name. CEL for the expressions; the
variable `machine` says whether the author is a service account or an account that the list of machines names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ninefold.kube import accounts, admission
from ninefold.kube.accounts import ME
from ninefold.kube.api import GROUP, VERSION, Api, Manifest

GATES = Api(GROUP, VERSION, "ReleaseGate", "releasegates")
"""The objects of the verbs `override` and `approve`; the kind itself belongs to a stage."""
BY_NAME = "a machine must have it by name, not as one of all verbs"


def in_namespace(api: Api) -> str:
    """The authorizer for objects of a kind in the namespace of the request."""
    return f"authorizer.group('{api.group}').resource('{api.plural}').namespace(request.namespace)"


def has_verb(verb: str, authorizer: str) -> str:
    """Whether the author has one of Ninefold's own verbs; for a machine, a right to all verbs does not count."""
    everything = f"{authorizer}.check('any-verb-at-all').allowed()"
    return f"{authorizer}.check('{verb}').allowed() && (!variables.machine || !{everything})"


def own_name(expression: str, field: str) -> dict[str, str]:
    """The rule that a name in the object is the author's own; `field` says where, for the sentence."""
    return {
        "expression": expression,
        "messageExpression": f"'write your own name into {field}: ' + {ME}",
        "message": f"write your own name into {field}",
    }


def policy(
    name: str,
    apis: Sequence[Api],
    rules: Sequence[Mapping[str, str]],
    variables: Mapping[str, str],
    operations: Sequence[str] = ("CREATE", "UPDATE"),
) -> list[Manifest]:
    """The policy over objects of these kinds, and its binding. It needs the list of machines (`accounts.machines`)."""
    found = admission.policy(
        name,
        fails=True,
        paramKind=accounts.PARAMETER,
        matchConstraints={
            "resourceRules": [admission.resources(GROUP, VERSION, tuple(operations), tuple(api.plural for api in apis))]
        },
        variables=admission.variables({"machine": accounts.IS_MACHINE, **variables}),
        validations=[{**rule, "reason": "Forbidden"} for rule in rules],
    )
    return [found, admission.binding(name, parameters=accounts.of_binding(accounts.MACHINES))]
