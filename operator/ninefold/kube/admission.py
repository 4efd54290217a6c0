"""ValidatingAdmissionPolicies as manifests: rules that the API server enforces by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ninefold.kube.api import Manifest

_API_VERSION = "admissionregistration.k8s.io/v1"


def policy(name: str, *, fails: bool, **spec: Any) -> Manifest:
    """A policy with this name. `fails`: refuse the request if the policy itself cannot be evaluated."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"failurePolicy": "Fail" if fails else "Ignore", **spec},
    }


def binding(name: str, action: str = "Deny", parameters: Mapping[str, Any] | None = None) -> Manifest:
    """The binding that puts the policy of this name in force; `action` is Deny, Warn or Audit."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            **({"paramRef": dict(parameters)} if parameters else {}),
            "validationActions": [action],
        },
    }


def resources(group: str, version: str, operations: Iterable[str], plurals: Iterable[str]) -> dict[str, Any]:
    """A rule that selects the requests that a policy applies to."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(plurals),
    }


def variables(expressions: Mapping[str, str]) -> list[dict[str, str]]:
    """CEL by name, for the other expressions of a policy."""
    return [{"name": name, "expression": expression} for name, expression in expressions.items()]
