"""Files in the repository that are generated from its code: CRDs, rights and policies, also for the chart, and
customizations of Argo CD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ninefold.integrations.argocd.customizations import config_map
from ninefold.kinds import GUARDS, KINDS, MODELS, RECORDS, controllers
from ninefold.kube.api import Manifest
from ninefold.kube.crd import crd
from ninefold.kube.guard import guard, holding_guard, status_guard
from ninefold.kube.rbac import (
    ALIVE_GRANTS,
    ALIVE_ROLE,
    LEASE_GRANTS,
    LEASE_ROLE,
    OPERATOR_ROLE,
    RbacRule,
    acts,
    binding,
    grants,
    holding,
    people,
    role,
    rules,
)
from ninefold.kube.yamltext import document
from ninefold.release.tools import TOOLS

_CHART = Path("helm/ninefold/files")
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
HEADER = "# Written by `ninefold crds --write` from the code: change the code, not this file.\n"


class _Dumper(yaml.SafeDumper):
    """A dumper without anchors: the same rule in two places is written twice, as people do."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """A YAML stream in the order of the manifests and of their keys."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def rbac_yaml() -> str:
    """Every role as a YAML stream; a comment above each rule gives its reason."""
    operator = rules(grants(controllers()))
    lease, alive = rules(LEASE_GRANTS), rules(ALIVE_GRANTS)
    roles = [
        (role(OPERATOR_ROLE, operator), operator),
        (role(LEASE_ROLE, lease, cluster=False), lease),
        (role(ALIVE_ROLE, alive, cluster=False), alive),
        *people(MODELS, GUARDS, RECORDS),
        *(role for kind in KINDS for role in acts(kind.verbs, kind.api)),
    ]
    return "---\n".join(_with_reasons(manifest, rows) for manifest, rows in roles)


def policies() -> list[Manifest]:
    """Every admission policy of an installation that holds no foreign objects, with its binding."""
    of_kinds = (manifest for kind in KINDS if kind.policies for manifest in kind.policies())
    return [*of_kinds, *status_guard(MODELS), *guard(controllers())]


def holding_yaml(tool: str) -> str:
    """The manifests of an installation that lets the operator hold the objects of a tool."""
    followers, name = TOOLS[tool].followers(), f"ninefold-hold-{tool}"
    rows = rules(holding(followers, TOOLS[tool].delivers))
    policies = [manifest for follower in followers for manifest in holding_guard(follower)]
    return f"{_with_reasons(role(name, rows), rows)}---\n{as_yaml([binding(name), *policies])}"


def _with_reasons(manifest: Manifest, rows: Iterable[RbacRule]) -> str:
    text = as_yaml([{**manifest, "rules": []}]).removesuffix("rules: []\n")
    blocks = []
    for row in rows:
        reasons = "".join(f"# {why}\n" for why in row.why)
        blocks.append(reasons + yaml.safe_dump([row.manifest], sort_keys=False, default_flow_style=None, width=120))
    return text + ("rules:\n" + "".join(blocks) if blocks else "rules: []\n")


def files() -> Mapping[Path, str]:
    """The text of every generated file, by its path from the top of the repository."""
    crds = {f"{model.api.plural}.yaml": as_yaml([crd(model)]) for model in MODELS}
    cluster = {
        "rbac.yaml": rbac_yaml(),
        "policy.yaml": as_yaml(policies()),
    }
    found: dict[Path, str] = {}
    for folder, texts in (
        (Path("crds"), crds),
        (_CHART / "crds", crds),
        (Path("manifests/base"), cluster),
        (_CHART, cluster),
    ):
        found.update({folder / name: HEADER + text for name, text in texts.items()})
    for tool in TOOLS:
        for path in (Path(f"manifests/components/hold-{tool}/rights.yaml"), _CHART / f"hold-{tool}.yaml"):
            found[path] = HEADER + holding_yaml(tool)
    found[Path("manifests/argocd/argocd-cm.yaml")] = HEADER + document(config_map(MODELS))
    # Without the extension .yaml, so that `kubectl apply -f crds/` does not read it as an object.
    found[Path("crds/Kustomization")] = HEADER + as_yaml([{**_KUSTOMIZATION, "resources": sorted(crds)}])
    return found
