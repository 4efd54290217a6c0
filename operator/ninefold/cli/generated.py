"""What the repository holds beside its code and makes from it: CRDs, rights and policies, also those of the chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ninefold.cli.kinds import KINDS
from ninefold.kube.api import Manifest
from ninefold.kube.crd import crd

HEADER = "# Written by `ninefold crds --write` from the code: change the code, not this file.\n"


class _Dumper(yaml.SafeDumper):
    """Without anchors: the same rule in two places is written twice, as a person would."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """A YAML stream in the order of the manifests and of their keys."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def files() -> Mapping[Path, str]:
    """The text of every generated file, by its path from the top of the repository."""
    found: dict[Path, str] = {}
    for kind in KINDS:
        text = HEADER + as_yaml([crd(kind)])
        found[Path("crds") / f"{kind.api.plural}.yaml"] = text
        found[Path("helm/ninefold/files/crds") / f"{kind.api.plural}.yaml"] = text
    return found
