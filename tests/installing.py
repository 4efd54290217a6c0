"""Our kinds in a cluster, without an operator."""

from __future__ import annotations

from functools import partial
from typing import Any

import devcluster
from devcluster import waiting
from ninefold.kinds import MODELS
from ninefold.kube.api import Api, Manifest
from ninefold.kube.crd import crd
from tests import direct


def install(cluster: devcluster.Cluster, *further: Manifest) -> None:
    """Apply every CRD, and whatever comes with them; return when the kinds are served."""
    direct.apply(cluster, *map(crd, MODELS), *further, force=True)
    # Not by `kubectl wait`, which fails where a CRD has no conditions yet.
    for kind in MODELS:
        waiting.until(partial(_served, cluster, kind.api), f"{kind.api.plural} to be served", 30)


def _served(cluster: devcluster.Cluster, api: Api) -> bool:
    return cluster.api.request("GET", api.path())[0] == 200


def collect_garbage_of_new_kinds(cluster: devcluster.Cluster) -> None:
    """The garbage collector learns of new kinds within half a minute, and at once when it starts."""
    manager = cluster.component("kube-controller-manager")
    manager.kill()
    manager.start()


def stand_in(api: Api, schema: Manifest) -> dict[str, Any]:
    """The CRD of somebody else's namespaced kind with the fields that matter; the real ones are in tests/peers."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": api.name},
        "spec": {
            "group": api.group,
            "scope": "Namespaced",
            "names": {"kind": api.kind, "plural": api.plural, "singular": api.kind.lower()},
            "versions": [{"name": api.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
