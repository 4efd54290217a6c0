"""Manifests as text for people and programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ninefold.kube.api import Manifest


def as_json(manifests: Iterable[Manifest]) -> str:
    """One object of the kind List, as kubectl prints and reads it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}, indent=2, ensure_ascii=False)
