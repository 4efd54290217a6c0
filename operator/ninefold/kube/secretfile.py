"""Secrets in a file, such as a mounted Secret: one per line, so that two are valid during a rotation."""

from __future__ import annotations

import logging
from pathlib import Path

from ninefold.kube.clock import Clock

logger = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two checks of the file."""
_LARGEST = 64 * 1024


class SecretFile:
    """The lines of a file, read again when it changes. A file that cannot be read holds no secret, so no one has it."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._looked = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._missed = False
        self._lines: tuple[bytes, ...] = ()

    @property
    def path(self) -> Path | None:
        """None where no file was named."""
        return self._path

    def lines(self) -> tuple[bytes, ...]:
        """Each line without surrounding space; empty ones are left out."""
        now = self._clock.monotonic()
        if self._path is not None and now - self._looked >= _LOOK:
            self._looked = now
            self._look(self._path)
        return self._lines

    def _look(self, path: Path) -> None:
        try:
            stat = path.stat()
            # A Secret's mount swaps a link, so it is another file; its modification time may be the same.
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return
            if stat.st_size > _LARGEST:
                raise OSError(f"it is longer than {_LARGEST} bytes")
            self._lines = tuple(line.strip() for line in path.read_bytes().splitlines() if line.strip())
            self._seen, self._missed = seen, False
        except OSError as error:
            if not self._missed:
                logger.warning("Could not read a file of secrets", extra={"file": str(path), "why": str(error)})
            self._lines, self._seen, self._missed = (), None, True
