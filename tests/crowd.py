"""People and machines with the rights that real ones have, who try things on a real API server."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import devcluster
from devcluster.errors import CommandError
from ninefold.kinds import GUARDS, MODELS, RECORDS
from ninefold.kube.api import Manifest
from ninefold.kube.rbac import OPERATOR_ROLE, binding, grants, people, role, rules
from tests.installing import install

GITOPS = "system:serviceaccount:flux-system:kustomize-controller"
OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
EVERYWHERE = ("gitops", "gitops-user", "cluster-admin")
"""Who has all rights in the whole cluster: a service account, a tool with a client certificate, and a person."""
HERE = ("edit", "admin", "owner")
"""Who has rights in one namespace: the roles of Kubernetes, and one with all rights there."""


class Crowd:
    """They know one namespace."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str, gitops_user: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._gitops_user = gitops_user
        self._names = {"gitops": GITOPS, "operator": OPERATOR}

    def name(self, who: str) -> str:
        """As the API server calls somebody."""
        return self._names.get(who, who)

    def kubectl(self, *arguments: str, body: object = None) -> str:
        """As the administrator of the tests."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, input=_text(body))

    def refusal(self, who: str, *arguments: str, body: object = None) -> str:
        """What the API server says to somebody; "" if it lets pass."""
        if who == "gitops-user":
            return self._with_certificate(arguments, _text(body))
        try:
            self.kubectl(f"--as={self.name(who)}", *arguments, body=body)
        except CommandError as error:
            return str(error)
        return ""

    def _with_certificate(self, arguments: Sequence[str], text: str | None) -> str:
        argv = [str(self.cluster.binary("kubectl")), f"--kubeconfig={self._gitops_user}", "-n", self.namespace]
        environment = {**os.environ, **self.cluster.environment}
        done = subprocess.run(
            [*argv, *arguments], input=text, capture_output=True, text=True, env=environment, check=False
        )
        return done.stderr if done.returncode else ""

    def patch(self, who: str, kind: str, name: str, patch: Mapping[str, object], *options: str) -> str:
        return self.refusal(who, "patch", kind, name, "--type=merge", "-p", json.dumps(patch), *options)


@contextmanager
def crowd(cluster: devcluster.Cluster, *policies: Manifest) -> Iterator[Crowd]:
    """A namespace, the policies in force, and everybody with their rights."""
    namespace, mark = cluster.namespace("crowd"), secrets.token_hex(4)
    roles = [manifest for manifest, _ in people(MODELS, GUARDS, RECORDS)]
    install(cluster, binding(OPERATOR_ROLE), *roles, *policies)
    everyone = Crowd(cluster, namespace, cluster.kubeconfig_for("gitops-user", ("gitops",)))
    for who in HERE:
        given = "cluster-admin" if who == "owner" else who
        everyone.kubectl("create", "rolebinding", who, f"--clusterrole={given}", f"--user={who}")
    for who in EVERYWHERE:
        everyone.kubectl(
            "create",
            "clusterrolebinding",
            f"{who}-{mark}",
            "--clusterrole=cluster-admin",
            f"--user={everyone.name(who)}",
        )
    try:
        yield everyone
    finally:
        cluster.kubectl("delete", "clusterrolebinding", *(f"{who}-{mark}" for who in EVERYWHERE))
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def rights_of_operator(controllers: Sequence[type]) -> Manifest:
    return role(OPERATOR_ROLE, rules(grants(controllers)))


def _text(body: object) -> str | None:
    return json.dumps(body) if body is not None else None
