"""The directory that all checkouts share: finished binaries, unpacked wheels, and the clusters that run."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devcluster.progress import Progress


def root() -> Path:
    """$NINEFOLD_CACHE, or ninefold/ in the user's cache directory; created if missing."""
    chosen = os.environ.get("NINEFOLD_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(chosen) if chosen else home / "ninefold"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def once(key: str, what: str, make: Callable[[Path, Progress], None]) -> Path:
    """The directory `key` of the cache; `make(empty directory, progress)` fills it the first time.

    It appears whole or not at all (rename), and one process makes it while others wait.  `key` must change whenever the
    content would: a finished directory is never made again.  `what` is for people.
    """
    final = root() / key
    if final.is_dir():
        return final
    with Progress(what) as progress, _locked(final.with_name(f".{final.name}.lock"), progress):
        if final.is_dir():
            return final
        work = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        try:
            make(work, progress)
            work.chmod(0o755)
            work.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the file lock `path`, which the kernel frees when its holder ends in any way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note("waiting for another process that is making it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
