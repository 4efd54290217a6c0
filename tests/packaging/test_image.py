"""What can be proved of the image without a container engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml


def test_the_base_is_pinned_by_digest_and_the_user_is_a_number(root: Path) -> None:
    text = (root / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON=python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]
    user = re.search(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
    assert user is not None
    deployment = next(iter(yaml.safe_load_all((root / "manifests/base/deployment.yaml").read_text())))
    assert str(deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"]) == user[1]


def test_every_dependency_is_locked_with_hashes(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    locked = re.findall(
        r"^([a-z0-9.-]+)==\S+.*\\\n\s+--hash=sha256:", (root / "requirements/run.txt").read_text(), re.MULTILINE
    )
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=!\[; ]", requirement)[0].lower()
        assert name in locked, f"{name} is missing in requirements/run.txt: run `make lock`"


def test_nothing_but_the_sources_and_the_lock_goes_in(root: Path) -> None:
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["*", "!operator/ninefold", "!requirements/run.txt", "**/__pycache__"]
    copied = re.findall(r"^COPY (\S+) ", (root / "Dockerfile").read_text(), re.MULTILINE)
    assert [source for source in copied if not source.startswith("--")] == ["requirements/run.txt", "operator/ninefold"]


def test_the_sources_run_from_a_folder_without_being_installed(root: Path, tmp_path: Path) -> None:
    """As in the image: copied, compiled, run by `python -m ninefold`, on a root file system that cannot be written."""
    app = tmp_path / "app"
    shutil.copytree(root / "operator/ninefold", app / "ninefold", ignore=shutil.ignore_patterns("__pycache__"))
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(app)]
    subprocess.run([sys.executable, *compile_all], check=True)
    before = sorted(app.rglob("*"))
    environment = {**os.environ, "PYTHONPATH": str(app), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "ninefold", "run", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    for flag in ("--prometheus-url", "--leader-elect", "--rules", "--bind", "--workers", "--poll-interval"):
        assert flag in done.stdout, f"the manifests pass {flag}"
    assert sorted(app.rglob("*")) == before
