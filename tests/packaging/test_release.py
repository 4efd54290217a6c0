"""What a tag publishes, as far as it can be made here: the version, the packages, and the workflows that use them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.binaries import binary

DIGEST = f"sha256:{'a' * 64}"
WORKFLOWS = Path(__file__).parents[2] / ".github/workflows"
FILES = (
    "pyproject.toml",
    "CHANGELOG.md",
    "helm/ninefold/Chart.yaml",
    "manifests/base/kustomization.yaml",
    ".ci/release",
)


def release(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([root / ".ci/release", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def dated(root: Path, tmp_path: Path) -> Path:
    """A copy of the files that name the version, 1.2.3, with a date in the changelog."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, tmp_path / file)
        text = re.sub(r"\b0\.1\.0 - Unreleased", "1.2.3 - 2026-12-01", (root / file).read_text())
        (tmp_path / file).write_text(re.sub(r"\b0\.1\.0\b", "1.2.3", text))
    return tmp_path


def test_one_version_is_named_everywhere(root: Path) -> None:
    done = release(root, "version")
    assert (done.returncode, done.stdout) == (0, "0.1.0\n"), done.stderr


def test_a_tag_must_be_that_version_and_the_changelog_have_its_date(root: Path, dated: Path) -> None:
    assert release(dated, "version", "v1.2.3").stdout == "1.2.3\n"
    other = release(dated, "version", "v1.3.0")
    assert other.returncode == 1
    assert "the version is not one: pyproject.toml has 1.2.3, " in other.stderr
    assert "the tag v1.3.0 has 1.3.0" in other.stderr
    early = release(root, "version", "v0.1.0")
    assert early.returncode == 1
    assert early.stderr == "CHANGELOG.md has no date yet: write `## 0.1.0 - YYYY-MM-DD`\n"


@pytest.mark.parametrize("file", FILES[:-1])
def test_each_file_that_names_the_version_is_compared(dated: Path, file: str) -> None:
    (dated / file).write_text((dated / file).read_text().replace("1.2.3", "1.2.4", 1))
    done = release(dated, "version", "v1.2.3")
    assert done.returncode == 1
    assert "1.2.4" in done.stderr


def test_the_notes_are_the_section_of_this_version(dated: Path) -> None:
    log = dated / "CHANGELOG.md"
    log.write_text(log.read_text() + "\n## 1.1.0 - 2026-10-01\n\nOlder.\n")
    notes = release(dated, "notes").stdout
    assert "### API" in notes
    assert "Older." not in notes
    assert "## 1.2.3" not in notes
    log.write_text("## 1.2.3 - 2026-12-01\n\n## 1.1.0 - 2026-10-01\n\nOlder.\n")
    assert release(dated, "notes").stderr == "CHANGELOG.md says nothing about 1.2.3\n"


def test_the_wheel_holds_the_operator_and_nothing_else(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=root, capture_output=True, check=True)
    (wheel,) = tmp_path.iterdir()
    assert wheel.name == "ninefold-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert {name.split("/")[0] for name in names} == {"ninefold", "ninefold-0.1.0.dist-info"}
    committed = subprocess.run(
        ["git", "ls-files", "operator/ninefold"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {name.removeprefix("operator/") for name in committed} <= set(names)


def test_the_chart_of_a_release_installs_its_image(root: Path, tmp_path: Path) -> None:
    helm = str(binary("helm"))
    repository = "registry.example.com/sre/ninefold"
    done = release(root, "chart", helm, repository, DIGEST, str(tmp_path))
    assert done.returncode == 0, done.stderr
    package = tmp_path / "ninefold-0.1.0.tgz"
    shown = subprocess.run([helm, "template", "ninefold", package], capture_output=True, text=True, check=True).stdout
    (deployment,) = (each for each in yaml.safe_load_all(shown) if each and each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"{repository}@{DIGEST}"


def test_a_chart_without_an_image_says_how_to_name_one(helm: Callable[..., Any]) -> None:
    done = helm("template", "ninefold", "helm/ninefold", check=False)
    assert done.returncode != 0
    assert "image.repository is empty, and a checkout names no image" in done.stderr
    assert "--set image.repository=images.example.com/sre/ninefold" in done.stderr


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yaml")), ids=lambda path: str(path.name))
def test_jobs_have_rights_of_their_own_and_actions_of_one_commit(workflow: Path) -> None:
    """What else a workflow can have wrong is found by actionlint, in `make lint`."""
    found = yaml.safe_load(workflow.read_text())
    assert found["permissions"] == {}
    for name, job in found["jobs"].items():
        assert job["permissions"], name
        assert job["permissions"] != "write-all"
    for line in re.findall(r"uses: (.*)", workflow.read_text()):
        assert re.fullmatch(r"\./\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for step in _steps(found):
        assert "${{" not in step.get("run", ""), "an expression in a script can be code: pass it by `env`"


def _steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


def test_what_the_workflows_call_exists(root: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    called: set[str] = set()
    for workflow in WORKFLOWS.glob("*.yaml"):
        for step in _steps(yaml.safe_load(workflow.read_text())):
            called |= set(re.findall(r"\bmake ([a-z-]+)", step.get("run", "")))
            for path in re.findall(r"(?<![\w/])\.ci/\w+", step.get("run", "")):
                assert (root / path).exists()
    assert called == {"image", "dist"}
    assert called <= targets


def test_image_and_load_call_the_tools_as_they_are(root: Path, tmp_path: Path) -> None:
    """Docker and kind are played: that the image itself is right is in test_image.py."""
    for tool in ("docker", "kind"):
        (tmp_path / tool).write_text(f'#!/bin/sh\necho {tool} "$@" >>"$CALLS"\n')
        (tmp_path / tool).chmod(0o755)
    calls = tmp_path / "calls"
    arguments = ["load", "IMAGE=images.example.com/sre/ninefold:7", "ARGS=--pull", "KIND=hand"]
    environment = {"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "CALLS": str(calls)}
    subprocess.run(["make", *arguments], cwd=root, env=environment, capture_output=True, check=True)
    assert calls.read_text().splitlines() == [
        "docker build --tag images.example.com/sre/ninefold:7 --pull .",
        "kind load docker-image images.example.com/sre/ninefold:7 --name hand",
    ]
