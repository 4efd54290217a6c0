"""Rewrite the pinned Go modules after a version in recipes.py changed: `python -m devcluster.pin [NAME...]`.

Each component has its own module, so its dependencies are exactly those that its authors tested.  Only go.mod and
go.sum are committed; they name module paths and checksums, never a host.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from devcluster.recipes import RECIPES, Recipe


def module_text(recipe: Recipe, upstream: str) -> str:
    """The go.mod to tidy for `recipe`, given the text of its module's own go.mod.

    `go` and `godebug` lines determine run-time behaviour and count only in the main module, so they are copied, as are
    the versions of all requirements.  Kubernetes requires its staging modules at v0.0.0 and replaces them by
    directories: the published copies of the same release replace these.
    """
    go = re.search(r"^go (\S+)$", upstream, re.MULTILINE)
    if go is None:
        raise SystemExit(f"{recipe.module}@{recipe.version}: its go.mod has no go line")
    lines = [f"module ninefold.dev/devcluster/{recipe.name.split('-')[0]}", "", f"go {go[1]}", ""]
    lines += [match[0] for match in re.finditer(r"^godebug (\([^)]*\)|.+)$", upstream, re.MULTILINE)]
    lines += ["tool ("] + [f"\t{package}" for package in recipe.packages] + [")", ""]
    requires = re.findall(r"^(?:require)?\s+([\w./~-]+\.[\w./~-]+) (v\S+)(?: // indirect)?$", upstream, re.MULTILINE)
    # Replacements count only in the main module too.  Replacements by a directory are of a part that is published: at
    # the version that is required, or as the recipe says.
    replaced = re.findall(r"^(?:replace)?\s+(\S+) => ([^.\s]\S* v\S+)$", upstream, re.MULTILINE)
    staged = [path for path, at in requires if at == "v0.0.0" and path not in dict(replaced)]
    lines += ["require ("] + [f"\t{path} {at}" for path, at in [(recipe.module, recipe.version), *requires]] + [")", ""]
    published = recipe.version.replace("v1.", "v0.", 1)
    lines += [f"replace {path} => {path} {published}" for path in staged]
    lines += [f"replace {path} => {by}" for path, by in replaced]
    lines += [f"replace {path} => {path} {at}" for path, at in recipe.published.items()]
    return "\n".join(lines) + "\n"


def pin(recipe: Recipe) -> None:
    """Write gomod/<name>/{go.mod,go.sum} from the published module."""
    at = f"{recipe.module}@{recipe.version}"
    info = json.loads(subprocess.check_output(["go", "mod", "download", "-json", at], cwd="/"))
    recipe.directory.mkdir(parents=True, exist_ok=True)
    (recipe.directory / "go.mod").write_text(module_text(recipe, Path(info["GoMod"]).read_text()))
    subprocess.check_call(["go", "mod", "tidy"], cwd=recipe.directory)


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        pin(RECIPES[name])
