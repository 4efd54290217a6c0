"""Where a binary comes from: KUBEBUILDER_ASSETS, then PATH at the right version, then a wheel (kubectl) or a build."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache as memoize
from pathlib import Path

from devcluster import build, wheels
from devcluster.errors import DevclusterError
from devcluster.recipes import DEFAULT_VERSION, KUBERNETES, RECIPES, Recipe, recipe_of
from devcluster.waiting import patient

#: the kubectl wheel for a Kubernetes minor: kubectl supports one minor of difference
KUBECTL_WHEELS = {"1.37": "kubectl-1.37", "1.36": "kubectl-1.36", "1.35": "kubectl-1.36"}


@memoize
def binary(name: str, version: str = DEFAULT_VERSION) -> Path:
    """The program `name` for the Kubernetes minor `version` ("1.37"); may build it, which takes minutes once."""
    found = _found(name, version)
    return found if isinstance(found, Path) else build.built(found) / name


def prepare(names: Iterable[str], version: str = DEFAULT_VERSION) -> None:
    """Build those of these programs that are neither found nor built yet, and report the progress of all."""
    sources = [_found(name, version) for name in names]
    build.build_all(source for source in sources if isinstance(source, Recipe))


def _found(name: str, version: str) -> Path | Recipe:
    """The program, or the recipe that builds it."""
    if version not in KUBERNETES:
        raise DevclusterError(f"no Kubernetes {version} here: choose one of {', '.join(KUBERNETES)}")
    if (asset := _asset(name)) is not None:
        return asset
    found = shutil.which(name)
    if found and _fits(Path(found), name, version):
        return Path(found)
    if name == "kubectl" and version in KUBECTL_WHEELS:
        return wheels.installed(KUBECTL_WHEELS[version]) / "bin" / "kubectl"
    recipe = recipe_of(name, version)
    if recipe is None:
        known = sorted({program for recipe in RECIPES.values() for program in recipe.binaries})
        raise DevclusterError(f"`{name}` is not on PATH, and only these are built here: {', '.join(known)}")
    return recipe


def _asset(name: str) -> Path | None:
    """From KUBEBUILDER_ASSETS: the user chose it, so its version is not checked; it may hold only some binaries."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    path = Path(assets, name).resolve() if assets else None
    return path if path and os.access(path, os.X_OK) else None


def _fits(path: Path, name: str, version: str) -> bool:
    """Whether the program found on PATH can replace the pinned one."""
    if name == "kubectl":
        minor = _minor(path, ["version", "--client"])
        return minor is not None and abs(minor - int(version.split(".")[1])) <= 1
    if name in KUBERNETES[version].binaries:
        return _minor(path, ["--version"]) == int(version.split(".")[1])
    recipe = recipe_of(name, version)
    if recipe is None:
        return True
    found, wanted = _release(path), _series(recipe)
    return found is not None and found[0] == wanted[0] and found >= wanted


def _minor(path: Path, arguments: list[str]) -> int | None:
    match = re.search(r"v1\.(\d+)\.", _output(path, arguments))
    return int(match[1]) if match else None


def _release(path: Path) -> tuple[int, int] | None:
    """(major, minor) of the version that a program reports."""
    for arguments in (["--version"], ["version"]):
        if match := re.search(r"\bv?(\d+)\.(\d+)\.\d+", _output(path, arguments)):
            return int(match[1]), int(match[2])
    return None


def _series(recipe: Recipe) -> tuple[int, int]:
    """(major, minor) of a recipe."""
    major, minor, _ = (int(part) for part in recipe.released.split("."))
    return major, minor


def _output(path: Path, arguments: list[str]) -> str:
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=patient(20), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr
