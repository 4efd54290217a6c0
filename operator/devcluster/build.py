"""Build a recipe's binaries from pinned Go modules into the shared cache."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from devcluster import cache, wheels
from devcluster.errors import CommandError
from devcluster.progress import Progress
from devcluster.recipes import GOMOD, RECIPES, Recipe

#: Ours to decide, whatever the user's settings are: the bytes depend on them.  One set for all: nothing compiles twice.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}


def built(recipe: Recipe) -> Path:
    """The directory with `recipe`'s binaries, built the first time (minutes; Go's own cache resumes a broken build)."""
    what = f"build {', '.join(recipe.binaries)} {recipe.version}"
    return cache.once(cached_name(recipe), what, lambda directory, progress: _build(recipe, directory, progress))


def cached_name(recipe: Recipe) -> str:
    """The cache's name for `recipe`; it holds a hash over everything that decides the binaries."""
    parts = [recipe.module, recipe.version, str(recipe.binaries), recipe.tags, str(recipe.stamp), str(ENVIRONMENT)]
    parts += [(recipe.directory / file).read_text() for file in ("go.mod", "go.sum")]
    machine = os.uname().machine
    digest = hashlib.sha256("\0".join([machine, *parts]).encode()).hexdigest()[:12]
    return f"bin/{recipe.name}-{recipe.version}-{digest}"


def _build(recipe: Recipe, directory: Path, progress: Progress) -> None:
    stamps = " ".join(f"-X {stamp}" for stamp in recipe.stamp)
    options = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamps}"]
    if recipe.tags:
        options += ["-tags", recipe.tags]
    progress.note("fetching sources and compiling")
    argv = [str(go_for(recipe)), "build", *options, "-o", f"{directory}/", *recipe.packages]
    done = subprocess.run(
        argv, cwd=recipe.directory, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(argv, done.returncode, done.stderr[-4000:])
    for name, package in zip(recipe.binaries, recipe.packages, strict=True):
        made = directory / _default_output(package)
        made.rename(directory / name)


def _default_output(package: str) -> str:
    """The file name `go build` gives a main package: its last path element that is not a major version."""
    elements = package.split("/")
    return elements[-2] if re.fullmatch(r"v\d+", elements[-1]) else elements[-1]


def unpacked(component: str, module: str) -> Path:
    """What `module` ships beside a binary: its directory, as gomod/`component` pins it, checked against its go.sum."""
    go = go_for(RECIPES["kustomize-controller"])  # new enough for every peer
    argv, environment = [str(go), "mod", "download", "-json", module], {**os.environ, **ENVIRONMENT}
    done = subprocess.run(argv, cwd=GOMOD / component, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(argv, done.returncode, done.stdout + done.stderr)
    return Path(json.loads(done.stdout)["Dir"])


def go_for(recipe: Recipe) -> Path:
    """The Go command: from PATH where it is new enough for `recipe`, else from the pinned wheel."""
    line = re.search(r"^go (\S+)$", (recipe.directory / "go.mod").read_text(), re.MULTILINE)
    needed = _number(line[1]) if line else ()
    found = shutil.which("go")
    if found:
        argv, environment = [found, "env", "GOVERSION"], {**os.environ, **ENVIRONMENT}
        said = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        if said.returncode == 0 and _number(said.stdout) >= needed:
            return Path(found)
    return wheels.installed("go") / "go" / "bin" / "go"


def _number(version: str) -> tuple[int, ...]:
    """ "1.26.8" or "1.27rc1" as numbers; a pre-release counts as the release before its patches."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("rc")[0]))
