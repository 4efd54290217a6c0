"""`ninefold render --tests`: the proof of each objective as two files, its rules and a suite for promtool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ninefold.kube import yamltext
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.proofs.suite import proof
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def write(slos: Sequence[ServiceLevelObjective], folder: Path) -> list[str]:
    """Write the files; returns the lines to print. `promtool test rules FOLDER/*.test.yaml` runs the suites."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for slo in slos:
        name = f"{slo.metadata.namespace}.{slo.metadata.name}"
        made = proof(Group(slo), f"{name}.rules.yaml")
        (folder / f"{name}.rules.yaml").write_text(yamltext.document(made.rules), encoding="utf-8")
        (folder / f"{name}.test.yaml").write_text(yamltext.document(made.tests), encoding="utf-8")
        note = "; counters replace its own PromQL" if made.stands_in else ""
        lines.append(f"{folder / name}.test.yaml: {len(made.tests['tests'])} cases{note}")
    return lines
