"""`ninefold crds`: print the CRDs, write every generated file, or report stale files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ninefold.cli.crds.generated import HEADER, as_yaml, files
from ninefold.cli.crds.pages import pages
from ninefold.cli.shared.parser import Parser
from ninefold.kinds import MODELS
from ninefold.kube.crd import crd


def write(root: Path) -> list[Path]:
    """Write the generated files under `root` and delete those of removed kinds; returns the changed paths."""
    changed = check(root)
    wanted = {**files(), **pages(root)}
    for path in changed:
        target = root / path
        if path in wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(wanted[path], encoding="utf-8")
        else:
            target.unlink()
    return changed


def check(root: Path) -> list[Path]:
    """The files under `root` that are missing, differ from the code, or are no longer generated."""
    made = files()
    wanted = {**made, **pages(root)}
    differ = [path for path, text in wanted.items() if _text(root / path) != text]
    folders = sorted({path.parent for path in made})
    present = [file.relative_to(root) for folder in folders for file in (root / folder).glob("*.yaml")]
    orphans = [path for path in present if path not in wanted and _text(root / path).startswith(HEADER)]
    return sorted([*differ, *orphans])


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold crds", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the generated files of the repository")
    action.add_argument("--check", action="store_true", help="exit with 1 if a generated file differs from the code")
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the root of the repository (default: the current directory)"
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if not options.write and not options.check:
        sys.stdout.write(as_yaml(crd(model) for model in MODELS))
        return 0
    paths = write(options.root) if options.write else check(options.root)
    for path in paths:
        print(f"{'wrote' if options.write else 'stale'} {path}")
    if options.check and paths:
        print("Run `make crds` and commit the result.", file=sys.stderr)
        return 1
    return 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
