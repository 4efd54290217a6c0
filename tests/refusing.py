"""An admission policy of the cluster's owner that refuses certain writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import devcluster
from ninefold.kube.api import Api


@contextmanager
def refusing(
    cluster: devcluster.Cluster, api: Api, namespace: str, unless: str, message: str, subresource: str = ""
) -> Iterator[None]:
    """While it lasts, objects of the resource, or their `subresource`, are created and updated in the namespace only if
    the CEL `unless` holds.

    The API server takes some seconds to hear of a policy, and of its end.
    """
    name = f"no-{api.plural}-in-{namespace}"
    rule = {
        "apiGroups": [api.group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [f"{api.plural}/{subresource}" if subresource else api.plural],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], **where},
            "validations": [{"expression": unless, "message": message}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    for manifest in (policy, binding):
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(manifest))
    try:
        yield
    finally:
        cluster.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)
