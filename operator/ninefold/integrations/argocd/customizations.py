"""Argo CD's customizations for Ninefold's kinds, as a patch of its ConfigMap: health checks and resource actions."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ninefold.kube.api import Manifest
from ninefold.kube.model import Resource
from ninefold.kube.yamltext import document

_SCRIPTS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Action:
    """An action that Argo CD's users may run on an object, as Argo CD's account. `only`: the only kind that has it."""

    name: str
    label: str
    icon: str
    parameters: tuple[str, ...] = ()
    only: str = ""

    @property
    def script(self) -> str:
        return (_SCRIPTS / "actions" / f"{self.name}.lua").read_text(encoding="utf-8")


ACTIONS = (
    Action("reconcile", "Reconcile now", "fa fa-fw fa-sync"),
    Action("close", "Close the gate", "fa fa-fw fa-hand-paper", parameters=("reason",), only="ReleaseGate"),
)


def config_map(kinds: Iterable[type[Resource]]) -> Manifest:
    """The patch: it adds keys, and leaves existing keys unchanged."""
    data: dict[str, str] = {}
    for kind in kinds:
        name = f"{kind.api.group}_{kind.api.kind}"
        data[f"resource.customizations.health.{name}"] = health(kind)
        data[f"resource.customizations.actions.{name}"] = document(_actions(kind.api.kind))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm"},
        "data": data,
    }


def health(kind: type[Resource]) -> str:
    """The script that assesses a kind: the common part, then health.lua from the kind's folder."""
    module = sys.modules[kind.__module__].__file__ or ""
    own = Path(module).with_name("health.lua")
    end = own.read_text(encoding="utf-8") if own.exists() else "\nreturn health()\n"
    return (_SCRIPTS / "health.lua").read_text(encoding="utf-8") + end


def _actions(kind: str) -> Manifest:
    actions = [action for action in ACTIONS if action.only in ("", kind)]
    return {
        "discovery.lua": "return {\n" + "".join(map(_offer, actions)) + "}\n",
        "definitions": [{"name": action.name, "action.lua": action.script} for action in actions],
    }


def _offer(action: Action) -> str:
    parameters = "".join(f'{{name = "{parameter}"}}, ' for parameter in action.parameters)
    asks = f", params = {{{parameters.rstrip(', ')}}}" if parameters else ""
    return f'  {action.name} = {{displayName = "{action.label}", iconClass = "{action.icon}"{asks}}},\n'
