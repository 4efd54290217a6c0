"""Manifests as text, as a person would have written them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml

from ninefold.kube.api import Manifest

_WIDTH = 1 << 20
"""No folding: an expression stays on its line."""


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """A YAML stream; text of several lines stands as such."""
    return yaml.dump_all(
        manifests, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True, explicit_start=True
    )


def as_json(manifests: Iterable[Manifest]) -> str:
    """One object of the kind List, as kubectl prints and takes it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}, indent=2, ensure_ascii=False)
