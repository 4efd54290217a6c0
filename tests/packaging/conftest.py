"""Fixtures: the repository, a control plane of its own, and the tools that people install with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import devcluster

Manifest = dict[str, Any]
Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bare() -> Iterator[devcluster.Cluster]:
    """A control plane that no other test file installs into."""
    with devcluster.start(own=True) as started:
        yield started


@pytest.fixture(scope="module")
def helm(bare: devcluster.Cluster, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run `helm ARGS` against the cluster, from the top of the repository."""
    home = tmp_path_factory.mktemp("helm")
    environment = {**os.environ, **bare.environment} | {
        f"HELM_{name}_HOME": str(home / name) for name in ("CACHE", "CONFIG", "DATA")
    }
    binary = bare.binary("helm")

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [binary, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            pytest.fail(f"helm {' '.join(arguments)}: {done.stderr}")
        return done

    return run


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> Callable[..., list[Manifest]]:
    """The objects of `helm template` with these arguments."""

    def render(*arguments: str) -> list[Manifest]:
        text = helm("template", "ninefold", "helm/ninefold", "--namespace", "ninefold-system", *arguments).stdout
        return [document for document in yaml.safe_load_all(text) if document]

    return render


@pytest.fixture(scope="module")
def kustomized(bare: devcluster.Cluster, root: Path) -> Callable[[str], list[Manifest]]:
    """The objects of `kubectl kustomize FOLDER`."""

    def build(folder: str) -> list[Manifest]:
        return [document for document in yaml.safe_load_all(bare.kubectl("kustomize", str(root / folder))) if document]

    return build
