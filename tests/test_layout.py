"""The house keeps its shape: what may import what, and that each of these rules can tell."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from ninefold import kinds
from ninefold.cli.crds.pages import page_of
from ninefold.domain.kind import Kind

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "operator"
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = TOOLS["importlinter"]["contracts"]
SAMPLES = ROOT / "manifests" / "samples"
KINDS = sorted(path.parent for path in SOURCE.glob("ninefold/*/*/resource.py"))


def test_operator_is_a_source_root_and_no_package() -> None:
    assert not (SOURCE / "__init__.py").exists()
    program = "import operator; print(operator.__file__, operator.add(1, 2))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    file, total = done.stdout.split()
    assert (Path(file).name, total) == ("operator.py", "3")
    assert not Path(file).is_relative_to(ROOT / "operator"), "the standard library's operator must win"


def test_the_types_of_all_code_are_checked() -> None:
    """Also those of the tests: one that imports what was renamed, or misuses it, is found without running it."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rooms = {
        Path(name).relative_to("operator" if name.startswith("operator/") else ".").parts[0] for name in listed.split()
    }
    assert set(TOOLS["mypy"]["packages"]) == rooms


def test_every_stage_is_in_the_contracts() -> None:
    stages = {f"ninefold.{kind.parent.name}" for kind in KINDS}
    assert set(_contract("stages")["modules"]) == stages
    assert set(" : ".join(_contract("layers")["layers"]).split(" : ")) >= stages
    for contract in ("kubernetes", "http"):
        assert set(_contract(contract)["source_modules"]) >= stages


def test_every_kind_is_registered_once() -> None:
    registered = [sys.modules[kind.model.__module__].__file__ for kind in kinds.KINDS]
    assert sorted(map(str, registered)) == sorted(str(kind / "resource.py") for kind in KINDS)


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: str(kind.api.kind))
def test_a_kind_has_a_sample_or_says_why_not(kind: Kind) -> None:
    samples = yaml.safe_load_all("---\n".join(path.read_text() for path in SAMPLES.glob("*.yaml")))
    is_shown = any(sample["kind"] == kind.api.kind for sample in samples)
    assert is_shown == (not kind.no_sample)


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: str(kind.api.kind))
def test_a_kind_has_its_page_and_its_tests(kind: Kind) -> None:
    assert (ROOT / "docs" / page_of(kind)).exists()
    tests = ROOT / "tests" / Path(page_of(kind)).with_suffix("")
    assert list(tests.glob("test_*.py"))
    assert (ROOT / "tests" / "builders" / f"{kind.model.__name__.lower()}.py").exists()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_kind_has_its_files_and_its_plan_has_no_clock(kind: Path) -> None:
    assert {"__init__.py", "kind.py", "resource.py", "plan.py", "controller.py"} <= {
        file.name for file in kind.iterdir()
    }
    for name in ("resource.py", "plan.py"):
        tree = ast.walk(ast.parse((kind / name).read_text()))
        attributes = {node.attr for node in tree if isinstance(node, ast.Attribute)}
        assert not attributes & {"now", "utcnow", "today"}, f"{name}: time is an argument"


def test_the_name_of_a_class_means_one_thing() -> None:
    """Apart from what the plan of each kind observes."""
    names = [
        node.name
        for file in (SOURCE / "ninefold").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and node.name != "Observed"
    ]
    assert sorted(names) == sorted(set(names))


def test_files_are_short() -> None:
    lines = sorted(len(file.read_text().splitlines()) for file in (SOURCE / "ninefold").rglob("*.py"))
    assert statistics.median(lines) < 150
    assert lines[-1] < 400


def test_the_imports_are_as_agreed() -> None:
    done = _lint_imports(SOURCE)
    assert done.returncode == 0, done.stdout


SLO = "ninefold/reliability/servicelevelobjective"


@pytest.mark.parametrize(
    ("contract", "file", "line"),
    [
        ("layers", "ninefold/kube/queue.py", "import ninefold.integrations.prometheus"),
        ("layers", "ninefold/integrations/prometheus.py", "import ninefold.reliability"),
        ("layers", f"{SLO}/plan.py", "import ninefold.cli.kinds"),
        (
            "stages",
            "ninefold/release/releasegate/controller.py",
            "import ninefold.reliability.errorbudgetpolicy.hysteresis",
        ),
        (
            "stages",
            "ninefold/observability/dashboard/board.py",
            "import ninefold.reliability.servicelevelobjective.alerting.tiers",
        ),
        ("layers", "ninefold/domain/kind.py", "import ninefold.release.tools"),
        ("layers", "ninefold/release/kinds.py", "import ninefold.kinds"),
        ("kubernetes", f"{SLO}/controller.py", "import kubernetes.client"),
        ("kubernetes", "ninefold/cli/status/command.py", "import kopf"),
        ("http", "ninefold/kube/sweep.py", "import httpx"),
        ("protected", "ninefold/cli/run/command.py", "import ninefold.release.releasegate.controller"),
        ("protected", "ninefold/cli/run/collectors.py", "import ninefold.reliability.correction.metrics"),
        ("acyclic", "ninefold/release/gate/decide.py", "import ninefold.release.releasegate.plan"),
        ("acyclic", "ninefold/kube/store.py", "import ninefold.kube.runtime"),
        ("compiler", f"{SLO}/recording/series.py", f"import {SLO.replace('/', '.')}.alerting.tiers"),
        ("translators", "ninefold/integrations/openslo/alerts.py", "import ninefold.reliability"),
        ("translators", "ninefold/integrations/translation/ours.py", "import time"),
        ("devcluster", "devcluster/web.py", "import ninefold.kube.api"),
        ("devcluster", "ninefold/cli/run/command.py", "import devcluster"),
    ],
)
def test_each_contract_tells_when_it_is_broken(tmp_path: Path, contract: str, file: str, line: str) -> None:
    copy = tmp_path / "operator"
    assert (SOURCE / file).exists()
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "gomod"))
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = _lint_imports(copy, "--contract", contract)
    assert done.returncode == 1, done.stdout
    assert "1 broken" in done.stdout


def test_a_room_of_domain_is_shared_by_stages() -> None:
    """It holds no kind, and several stages import it: a room with one user belongs to its user."""
    sources = {file: file.read_text() for file in (SOURCE / "ninefold").rglob("*.py")}
    stages = sorted({kind.parent.name for kind in KINDS})
    for room in (SOURCE / "ninefold" / "domain").iterdir():
        if (room / "__init__.py").exists():
            assert not list(room.rglob("resource.py"))
            users = [
                stage
                for stage in stages
                if any(
                    f"ninefold.domain.{room.name}" in text
                    for file, text in sources.items()
                    if file.is_relative_to(SOURCE / "ninefold" / stage)
                )
            ]
            assert len(users) > 1, f"domain/{room.name} is used by {users} alone"


IO = {
    *("kopf", "kubernetes", "aiohttp", "httpx", "prometheus_client", "uvloop"),
    *("asyncio", "time", "socket", "ssl", "subprocess", "threading", "os", "random", "tempfile", "shutil"),
}
"""What a pure module does not reach: the world outside, and a clock."""
MAY_ACT = {"controller", "metrics", "endpoints", "poller", "origins", "sources", "inbox"}
MAY_ACT |= {"asking", "matching", "measured"}
MAY_ACT |= {"rule_health", "acceptance", "buckets", "detection", "metric_types", "series_search"}
WIRING = {"controller", "kind", "kinds", "tools", "__init__"}


def test_stages_and_domain_are_pure_unless_their_name_says_otherwise() -> None:
    """No I/O and no clock, not even through another module; and whoever is pure says so."""
    for module, reaches, says in _purity(SOURCE):
        name = module.rpartition(".")[2]
        if name not in WIRING:
            assert not reaches or name in MAY_ACT, f"{module} is to be pure, and reaches {reaches}"
            assert says != bool(reaches), f"{module} {'says' if says else 'does not say'} Pure., reaches {reaches}"


def test_a_clock_in_a_pure_module_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "operator"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "gomod"))
    with (copy / SLO / "recording" / "series.py").open("a") as source:
        source.write("\nimport time\n")
    found = {module for module, reaches, says in _purity(copy) if reaches and says}
    assert {f"{SLO.replace('/', '.')}.{name}" for name in ("recording.series", "compiler", "plan")} <= found


def _purity(source: Path) -> list[tuple[str, list[str], bool]]:
    """Of each module of stages and domain what I/O it reaches, and whether it says to be pure."""
    program = (
        "import grimp, json\n"
        "graph = grimp.build_graph('ninefold', include_external_packages=True, exclude_type_checking_imports=True,"
        " cache_dir=None)\n"
        "rooms = ('ninefold.domain', 'ninefold.reliability', 'ninefold.release', 'ninefold.observability')\n"
        "print(json.dumps({m: sorted(graph.find_upstream_modules(m)) for m in graph.modules if m.startswith(rooms)}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    found = []
    for module, reached in sorted(json.loads(done.stdout).items()):
        file = source / f"{module.replace('.', '/')}.py"
        if file.exists():
            told = ast.get_docstring(ast.parse(file.read_text())) or ""
            found.append((module, sorted(IO.intersection(reached)), bool(re.search(r"\bPure[.:;]", told))))
    return found


def _lint_imports(source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [f"{Path(sys.executable).parent}/lint-imports", "--no-cache", "--config", f"{ROOT}/pyproject.toml"]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.run(
        [*command, *arguments], cwd=source, env=environment, capture_output=True, text=True, check=False
    )


def _contract(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = next(contract for contract in CONTRACTS if contract["id"] == name)
    return found
