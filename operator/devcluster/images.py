"""Where Docker runs: copies programs out of the images that their projects publish, in a minute instead of a quarter of
an hour.  By tag; each program must report this version.  `NINEFOLD_IMAGES=never` always builds."""

import os
import subprocess
from pathlib import Path

from devcluster.progress import Progress
from devcluster.recipes import Recipe
from devcluster.waiting import patient

CHOICE = "NINEFOLD_IMAGES"


def offers(recipe: Recipe) -> bool:
    """Whether copying its programs is worth a try here."""
    whole = len(recipe.images) == len(recipe.binaries)
    return whole and os.environ.get(CHOICE) != "never" and docker_runs()


def docker_runs() -> bool:
    """Whether Docker runs here."""
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, timeout=patient(20), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def copied(recipe: Recipe, directory: Path, progress: Progress) -> bool:
    """Copy the programs of `recipe` into `directory`; False, leaving it empty, if one cannot be copied."""
    if not offers(recipe):
        return False
    for name, (image, path) in recipe.images.items():
        progress.note(f"copying out of {image}")
        if not _copied(image, path, directory / name) or not _is(directory / name, recipe.released):
            for file in directory.iterdir():
                file.unlink()
            return False
    return True


def _copied(image: str, path: str, target: Path) -> bool:
    made = subprocess.run(["docker", "create", "--quiet", image], capture_output=True, text=True, check=False)
    if made.returncode:
        return False
    container = made.stdout.strip()
    try:
        copy = subprocess.run(["docker", "cp", f"{container}:{path}", str(target)], capture_output=True, check=False)
        return copy.returncode == 0
    finally:
        subprocess.run(["docker", "rm", container], capture_output=True, check=False)


def _is(program: Path, version: str) -> bool:
    """Whether the program runs here and says that it is of this version, such as "1.2.3"."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=patient(20), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return version in (done.stdout + done.stderr).replace("v", " ").replace(",", " ").split()
