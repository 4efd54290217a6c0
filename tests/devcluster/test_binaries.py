"""Where binaries come from, and that each is made once."""

import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import devcluster
from devcluster import binaries, build, cache, waiting, wheels
from devcluster.recipes import RECIPES, Recipe
from devcluster.waiting import patient
from devcluster.work import Work


@pytest.fixture(autouse=True)
def _found_anew() -> None:
    binaries.binary.cache_clear()


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, and nothing but the system's own programs; its directory for programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("NINEFOLD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return programs


def program(path: Path, says: str) -> Path:
    """A program that prints its version."""
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def quick_go(directory: Path) -> None:
    """A Go command that is new enough, and whose builds take no time."""
    program(directory / "go", "")
    (directory / "go").write_text(
        """#!/bin/sh
        [ "$1" = env ] && { echo go99.0; exit; }
        # Two packages beside the program; etcd has a third one.
        if [ "$1" = list ]; then
          printf 'std fmt\\nexample.com/a\\nmain example.com/cmd\\n'
          case "$*" in *etcd*) echo example.com/b; esac
          exit
        fi
        while [ "$1" != -o ]; do shift; done
        directory=$2; shift 2
        printf 'fmt\\nexample.com/a\\ngo: a remark\\n' >&2
        for package; do
          case $package in */v[0-9]) package=${package%/*};; esac
          echo built > "$directory/${package##*/}"
        done
        """
    )


def test_a_chosen_directory_comes_first(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    program(bare / "kube-apiserver", "Kubernetes v1.37.2")
    chosen = program(assets / "kube-apiserver", "Kubernetes v1.20.0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert binaries.binary("kube-apiserver") == chosen


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("kube-scheduler", "Kubernetes v1.37.9"),
        ("kubectl", "Client Version: v1.36.4"),
        ("etcd", "etcd Version: 3.8.1"),
        ("helm", "v4.9.0"),
        ("prometheus", "prometheus, version 3.20.0 (branch: HEAD)"),
    ],
)
def test_a_program_on_path_of_a_fitting_version_is_used(bare: Path, name: str, says: str) -> None:
    there = program(bare / name, says)
    assert binaries.binary(name) == there


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("kube-scheduler", "Kubernetes v1.36.3"),
        ("etcd", "etcd Version: 3.5.1"),
        ("prometheus", "prometheus, version 2.53.0"),
        ("kwok", "no version at all"),
    ],
)
def test_another_version_on_path_is_not(bare: Path, name: str, says: str) -> None:
    program(bare / name, says)
    quick_go(bare)
    found = binaries.binary(name)
    assert found.is_relative_to(cache.root() / "bin")
    assert found.read_text() == "built\n"


def played_docker(directory: Path, version: str) -> Path:
    """Docker in whose every image each program says that it is of this version; the file with what it was asked for."""
    program(directory / "docker", "")
    (directory / "docker").write_text(f"""#!/bin/sh
        echo "$@" >> {directory}/asked
        case $1 in
        create) echo c1;;
        cp) printf '#!/bin/sh\necho x, version v{version}\n' > "$3"; chmod +x "$3";;
        esac
        """)
    return directory / "asked"


def test_where_docker_runs_programs_come_out_of_images(bare: Path) -> None:
    quick_go(bare)
    asked = played_docker(bare, "3.16.0")
    binaries.prepare(["prometheus", "promtool"])
    assert "version v3.16.0" in binaries.binary("promtool").read_text()
    calls = [re.sub(r" /\S+$", "", line) for line in asked.read_text().splitlines() if line != "info"]
    expected = []
    for name in ("prometheus", "promtool"):
        expected += ["create --quiet quay.io/prometheus/prometheus:v3.16.0", f"cp c1:/bin/{name}", "rm c1"]
    assert calls == expected


@pytest.mark.parametrize(("version", "choice"), [("3.15.0", ""), ("3.16.0", "never")])
def test_an_image_of_another_version_or_none_wanted_leaves_the_build(
    bare: Path, monkeypatch: pytest.MonkeyPatch, version: str, choice: str
) -> None:
    quick_go(bare)
    played_docker(bare, version)
    monkeypatch.setenv("NINEFOLD_IMAGES", choice)
    assert binaries.binary("prometheus").read_text() == "built\n"


def test_quick_builds_come_first_and_each_line_tells_how_far_all_of_it_is(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick_go(bare)
    monkeypatch.setattr("devcluster.work.EARLY", math.inf)
    binaries.prepare(["etcd", "kwok", "etcd"])
    lines = capsys.readouterr().err.splitlines()
    said = list(dict.fromkeys(re.sub(r"  \d+ s", "", line.removeprefix("devcluster: ")) for line in lines))
    # Packages and links (40 each); `fmt` is compiled once for both.
    assert said == [
        "list what 2 builds compile",
        "list what 2 builds compile  fetching sources",
        "list what 2 builds compile  done",
        "build 1 of 2: kwok v0.8.0",
        "build 1 of 2: kwok v0.8.0  fetching sources",
        "build 1 of 2: kwok v0.8.0  0 of 86 packages",
        "build 1 of 2: kwok v0.8.0  done",
        "build 2 of 2: etcd v3.7.3",
        "build 2 of 2: etcd v3.7.3  fetching sources",
        "build 2 of 2: etcd v3.7.3  43 of 86 packages",
        "build 2 of 2: etcd v3.7.3  done",
    ]
    binaries.prepare(["etcd", "kwok"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (Work(0), "compiling"),
        (Work(100, 2, 4.0), "2 of 100 packages"),
        (Work(100, 25, 60.0), "25 of 100 packages, some 3 min left"),
        (Work(100, 90, 60.0), "90 of 100 packages, some 10 s left"),
        (Work(100, 120, 60.0), "100 of 100 packages, some 10 s left"),
    ],
)
def test_the_time_left_follows_from_the_pace(work: Work, told: str) -> None:
    assert work.progress() == told


def test_an_unknown_program_is_refused_with_what_there_is(bare: Path) -> None:
    with pytest.raises(devcluster.DevclusterError, match="`kubelet` is not on PATH, and only these are built here: "):
        binaries.binary("kubelet")


def test_a_broken_build_says_what_the_compiler_said(bare: Path, tmp_path: Path) -> None:
    program(bare / "go", "")
    (bare / "go").write_text('#!/bin/sh\n[ "$1" = env ] && echo go99.0 || { echo "x.go:1: sorrow" >&2; exit 2; }\n')
    with pytest.raises(devcluster.CommandError, match=r"x\.go:1: sorrow"):
        build.built(RECIPES["etcd"])
    left = [each for each in (tmp_path / "cache" / "bin").iterdir() if not each.name.endswith(".lock")]
    assert left == [], "nothing half made stays"


def test_go_itself_comes_from_a_wheel_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    go = build.go_for(RECIPES["prometheus"])
    assert go.is_relative_to(cache.root())
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True, env={"GOTOOLCHAIN": "local"})
    assert "go1.27" in said.stdout


def test_kubectl_comes_from_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = wheels.installed("kubectl-1.37") / "bin" / "kubectl"
    said = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True, check=True)
    assert "v1.37" in said.stdout


def test_what_many_need_at_once_is_made_once(tmp_path: Path) -> None:
    script = """
import os, pathlib, sys, time
from devcluster import cache
def make(directory, progress):
    with open(sys.argv[1], "a") as file: print(os.getpid(), file=file)
    time.sleep(0.5)
    (directory / "content").write_text("whole")
print((cache.once("things/one", "make a thing", make) / "content").read_text())
"""
    environment = {**os.environ, "NINEFOLD_CACHE": str(tmp_path / "cache")}
    argv = [sys.executable, "-c", script, str(tmp_path / "made-by")]
    makers = [subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    assert [maker.communicate()[0] for maker in makers] == [b"whole\n"] * 4
    assert len((tmp_path / "made-by").read_text().splitlines()) == 1


def test_what_was_killed_half_way_is_made_anew(tmp_path: Path) -> None:
    script = """
import sys, time
from devcluster import cache
def make(directory, progress):
    (directory / "content").write_text("half")
    print("half", flush=True)
    if len(sys.argv) > 1: time.sleep(600)
    (directory / "content").write_text("whole")
print((cache.once("things/one", "make a thing", make) / "content").read_text())
"""
    environment = {**os.environ, "NINEFOLD_CACHE": str(tmp_path)}
    argv = [sys.executable, "-c", script]
    with subprocess.Popen([*argv, "slow"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as maker:
        assert maker.stdout
        maker.stdout.readline()
        maker.kill()
    again = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=patient(20))
    assert again.stdout.endswith("whole\n")


def test_a_long_step_shows_that_it_lives(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("devcluster.progress.HEARTBEAT", 0.05)
    lines: list[str] = []

    def four_lines() -> bool:
        lines.extend(capsys.readouterr().err.splitlines())
        return len(lines) > 3

    with devcluster.progress.Progress("think"):
        waiting.until(four_lines, "four lines", 5)
    assert re.fullmatch(r"devcluster: think  \d+ s  done", capsys.readouterr().err.splitlines()[-1])


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_each_recipe_is_pinned_and_names_no_host(recipe: Recipe) -> None:
    module, sums = ((recipe.directory / file).read_text() for file in ("go.mod", "go.sum"))
    assert f"{recipe.module} {recipe.version}" in module
    assert f"{recipe.module} {recipe.version} h1:" in sums
    for package in recipe.packages:
        assert re.search(rf"^(tool )?\s*{re.escape(package)}$", module, re.MULTILINE), f"pin {recipe.name} anew"
    assert not re.search("https?://", module + sums)


def test_the_name_in_the_cache_changes_with_what_decides_the_bytes() -> None:
    recipe = RECIPES["etcd"]
    names = {build.cached_name(each) for each in (recipe, replace(recipe, tags="x"), replace(recipe, stamp=("a.b=c",)))}
    assert len(names) == 3
    assert all(name.startswith(f"bin/etcd-{recipe.version}-") for name in names)
