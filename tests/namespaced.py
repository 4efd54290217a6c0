"""What the tests of one namespace share: the cluster, the namespace, and kubectl in it."""

from __future__ import annotations

import json
from typing import Any

import devcluster


class Namespaced:
    """The base of the objects that a test keeps in its namespace."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def kubectl(self, *arguments: str, body: object = None, **options: Any) -> str:
        """What kubectl prints, with the body as JSON on its standard input. Raises CommandError."""
        if body is not None:
            options["input"] = json.dumps(body)
        return self.cluster.kubectl("-n", self.namespace, *arguments, **options)
