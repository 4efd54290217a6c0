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
from devcluster.binaries import binary

Manifest = dict[str, Any]
#: what the chart does not install without
IMAGE = ("--set", "image.repository=ninefold")
Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bare() -> Iterator[devcluster.Cluster]:
    """A control plane that no other test file installs into."""
    with devcluster.start(own=True) as started:
        yield started


@pytest.fixture(scope="session")
def helm(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Run `helm ARGS` from the top of the repository; against `cluster` if one is given."""
    home = tmp_path_factory.mktemp("helm")
    folders = {f"HELM_{name}_HOME": str(home / name) for name in ("CACHE", "CONFIG", "DATA")}

    def run(
        *arguments: str, check: bool = True, cluster: devcluster.Cluster | None = None
    ) -> subprocess.CompletedProcess[str]:
        reach = cluster.environment if cluster else {"KUBECONFIG": os.devnull}
        done = subprocess.run(
            [binary("helm"), *arguments],
            cwd=root,
            env={**os.environ, **folders, **reach},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"helm {' '.join(arguments)}: {done.stderr}")
        return done

    return run


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Callable[..., list[Manifest]]:
    """The objects of `helm template` with these arguments."""

    def render(*arguments: str) -> list[Manifest]:
        where = ("template", "ninefold", "helm/ninefold", "--namespace", "ninefold-system", *IMAGE)
        text = helm(*where, *arguments).stdout
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    return render


@pytest.fixture(scope="session")
def kustomized(root: Path) -> Callable[[str], list[Manifest]]:
    """The objects of `kubectl kustomize FOLDER`."""

    def build(folder: str) -> list[Manifest]:
        command = [str(binary("kubectl")), "kustomize", str(root / folder)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    return build
