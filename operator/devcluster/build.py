"""Build a recipe's binaries from pinned Go modules into the shared cache."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devcluster import cache, images, wheels
from devcluster.errors import CommandError
from devcluster.progress import Progress
from devcluster.recipes import GOMOD, RECIPES, Recipe
from devcluster.work import LINK, Work

#: Independent of the user's settings, since the bytes depend on it.  One set for all, so nothing compiles twice.
ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}


def built(recipe: Recipe, part: str = "", work: Work | None = None) -> Path:
    """The directory with `recipe`'s binaries. The first call makes it: copies them out of images where Docker runs, or
    builds them (minutes; Go's own cache resumes an interrupted build).

    Among several builds, `part` is the number of this one, such as "2 of 5", and `work` counts the work of all.
    """
    what = f"build {f'{part}: ' if part else ''}{', '.join(recipe.binaries)} {recipe.version}"
    return cache.once(cached_name(recipe), what, lambda directory, progress: _build(recipe, directory, progress, work))


def _is_built(recipe: Recipe) -> bool:
    """Whether `built` has nothing to do."""
    return (cache.root() / cached_name(recipe)).is_dir()


def to_compile(recipe: Recipe) -> list[str]:
    """The packages that Go has not compiled yet for `recipe`; fetches the sources of all. Empty on an error: the build
    reports it."""
    listed = '{{if .Stale}}{{if .Standard}}std {{else if eq .Name "main"}}main {{end}}{{.ImportPath}}{{end}}'
    argv = [str(go_for(recipe)), "list", *_options(recipe), "-deps", "-f", listed, *recipe.packages]
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(argv, cwd=recipe.directory, env=environment, capture_output=True, text=True, check=False)
    return [] if done.returncode else [line for line in done.stdout.splitlines() if line]


def amount(packages: Iterable[str]) -> int:
    """The amount of work of `to_compile`'s result: packages, with a link counted in packages."""
    return sum(1 + (LINK if package.startswith("main ") else 0) for package in packages)


def build_all(recipes: Iterable[Recipe]) -> None:
    """Build the missing recipes, quick ones first; each line reports the progress of all."""
    missing = list({recipe.name: recipe for recipe in recipes if not _is_built(recipe)}.values())
    for recipe in [recipe for recipe in missing if len(missing) == 1 or images.offers(recipe)]:
        built(recipe)
        missing.remove(recipe)
    if not missing:
        return
    with Progress(f"list what {len(missing)} builds compile") as progress:
        progress.note("fetching sources")
        left = {recipe.name: to_compile(recipe) for recipe in missing}
    missing.sort(key=lambda recipe: amount(left[recipe.name]))
    # Go compiles the packages of its standard library once for all of them.
    shared = {package for packages in left.values() for package in packages if package.startswith("std ")}
    work = Work(len(shared) + sum(amount(set(packages) - shared) for packages in left.values()))
    for number, recipe in enumerate(missing, 1):
        built(recipe, f"{number} of {len(missing)}", work)


def cached_name(recipe: Recipe) -> str:
    """The cache's name for `recipe`; it holds a hash over everything that decides the binaries."""
    parts = [recipe.module, recipe.version, str(recipe.binaries), recipe.tags, str(recipe.stamp), str(ENVIRONMENT)]
    parts += [(recipe.directory / file).read_text() for file in ("go.mod", "go.sum")]
    machine = os.uname().machine
    digest = hashlib.sha256("\0".join([machine, *parts]).encode()).hexdigest()[:12]
    return f"bin/{recipe.name}-{recipe.version}-{digest}"


def _options(recipe: Recipe) -> list[str]:
    stamps = " ".join(f"-X {stamp}" for stamp in recipe.stamp)
    # The linker strips debugging information: not generating it saves a fifth of the compiler's time.
    options = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"]
    options += ["-ldflags", f"-s -w {stamps}"]
    return [*options, "-tags", recipe.tags] if recipe.tags else options


def _build(recipe: Recipe, directory: Path, progress: Progress, work: Work | None) -> None:
    if images.copied(recipe, directory, progress):
        return
    progress.note("fetching sources")
    left = amount(to_compile(recipe))
    work = work or Work(left)
    argv = [str(go_for(recipe)), "build", "-v", *_options(recipe), "-o", f"{directory}/", *recipe.packages]
    end = work.done + left
    work.begin()
    code, output = _compiled(argv, recipe, work, progress)
    if code:
        raise CommandError(argv, code, output[-4000:])
    work.end(end)
    for name, package in zip(recipe.binaries, recipe.packages, strict=True):
        made = directory / _default_output(package)
        made.rename(directory / name)


def _compiled(argv: list[str], recipe: Recipe, work: Work, progress: Progress) -> tuple[int, str]:
    """The exit code, and the output without the names of packages, which are counted."""
    output: list[str] = []
    environment = {**os.environ, **ENVIRONMENT}
    with subprocess.Popen(argv, cwd=recipe.directory, env=environment, stderr=subprocess.PIPE, text=True) as process:
        progress.follow(work.progress)
        for line in process.stderr or ():
            if re.fullmatch(r"[\w.~/-]+\n", line):
                work.done += 1
            else:
                output.append(line)
    return process.returncode, "".join(output)


def _default_output(package: str) -> str:
    """The file name `go build` gives a main package: the last path element that is not a major version."""
    elements = package.split("/")
    return elements[-2] if re.fullmatch(r"v\d+", elements[-1]) else elements[-1]


def unpacked(component: str, module: str) -> Path:
    """The files that `module` ships with a binary: its directory, as pinned and checked by gomod/`component`."""
    go = go_for(RECIPES["kustomize-controller"])  # new enough for every peer
    argv, environment = [str(go), "mod", "download", "-json", module], {**os.environ, **ENVIRONMENT}
    done = subprocess.run(argv, cwd=GOMOD / component, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(argv, done.returncode, done.stdout + done.stderr)
    return Path(json.loads(done.stdout)["Dir"])


def go_for(recipe: Recipe) -> Path:
    """The Go command: from PATH if it is new enough for `recipe`, otherwise from the pinned wheel."""
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
