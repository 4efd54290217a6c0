"""The rights, as they are installed: narrow, and the same by both ways of installing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ninefold.kinds import GUARDS, MODELS, RECORDS
from ninefold.release.tools import TOOLS

Manifest = dict[str, Any]


@pytest.fixture(scope="module", params=["chart", "kustomize", "chart that holds"])
def rules(
    request: pytest.FixtureRequest,
    rendered: Callable[..., list[Manifest]],
    kustomized: Callable[[str], list[Manifest]],
) -> list[tuple[str, Manifest]]:
    """(name of the role, rule) of every role of an installation."""
    everything = ("--set", f"gates.hold={{{','.join(TOOLS)}}}") if "holds" in request.param else ()
    manifests = kustomized("manifests/base") if request.param == "kustomize" else rendered(*everything)
    return list(_rules(manifests))


def _rules(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for manifest in manifests:
        if manifest["kind"] in ("Role", "ClusterRole"):
            for rule in manifest["rules"]:
                yield manifest["metadata"]["name"], rule


def test_there_are_rules(rules: list[tuple[str, Manifest]]) -> None:
    assert {name for name, _ in rules} >= {"ninefold-operator", "ninefold-lease", "ninefold-view", "ninefold-admin"}


def test_nothing_is_a_wildcard(rules: list[tuple[str, Manifest]]) -> None:
    for name, rule in rules:
        assert "nonResourceURLs" not in rule, name
        for part in ("apiGroups", "resources", "verbs"):
            assert not any("*" in word for word in rule[part]), (name, rule)


def test_no_right_can_grow(rules: list[tuple[str, Manifest]]) -> None:
    for name, rule in rules:
        assert not {"escalate", "impersonate"} & set(rule["verbs"]), (name, rule)
        if "bind" in rule["verbs"]:
            assert rule.get("resourceNames"), (name, rule)
        if set(rule["verbs"]) - {"get", "list", "watch", "bind"}:
            assert "rbac.authorization.k8s.io" not in rule["apiGroups"], (name, rule)
            assert "admissionregistration.k8s.io" not in rule["apiGroups"], (name, rule)
            assert "apiextensions.k8s.io" not in rule["apiGroups"], (name, rule)


def test_secrets_are_out_of_reach(rules: list[tuple[str, Manifest]]) -> None:
    for name, rule in rules:
        assert "secrets" not in rule["resources"], name
        if any(resource.startswith(("pods/", "serviceaccounts")) for resource in rule["resources"]):
            assert rule.get("resourceNames"), (name, rule)


def test_nobody_but_the_operator_writes_a_status(rules: list[tuple[str, Manifest]]) -> None:
    for name, rule in rules:
        if any(resource.endswith("/status") for resource in rule["resources"]):
            assert name == "ninefold-operator", (name, rule)


def test_an_editor_writes_no_guard(rules: list[tuple[str, Manifest]]) -> None:
    guards = {kind.api.plural for kind in GUARDS}
    for name, rule in rules:
        if name in ("ninefold-edit", "ninefold-view") and set(rule["verbs"]) - {"get", "list", "watch"}:
            assert not guards & set(rule["resources"]), (name, rule)


def test_nobody_but_the_operator_writes_a_record(rules: list[tuple[str, Manifest]]) -> None:
    records = {kind.api.plural for kind in RECORDS}
    for name, rule in rules:
        if name != "ninefold-operator" and set(rule["verbs"]) - {"get", "list", "watch"}:
            assert not records & set(rule["resources"]), (name, rule)


def test_every_kind_can_be_seen(rules: list[tuple[str, Manifest]]) -> None:
    (seen,) = [rule["resources"] for name, rule in rules if name == "ninefold-view"]
    assert sorted(seen) == sorted(kind.api.plural for kind in MODELS)
