"""Serves a Prometheus data directory on loopback, without any change to it.

A separate Prometheus starts on a directory that holds links to the blocks of the original, whose files are never
written to once they exist, and a copy of its write-ahead log, which a start may repair.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

_ULID = re.compile("[0-9A-HJKMNP-TV-Z]{26}")
"""The name of a block; a block in creation or deletion has a suffix."""
_PATIENCE = 300.0
"""Seconds until Prometheus must be ready: it may have to read a large log."""


class NotServed(Exception):
    """The directory holds no Prometheus data, or no Prometheus could serve it; the message says which."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a data directory: samples with begin <= time < end."""

    path: Path
    begin: datetime
    end: datetime


def blocks(directory: Path) -> list[Block]:
    """The blocks, oldest first. Raises NotServed if there is neither a block nor a log."""
    present = [_block(meta) for meta in directory.glob("*/meta.json") if _ULID.fullmatch(meta.parent.name)]
    if not present and not (directory / "wal").is_dir():
        raise NotServed(f"{directory} is not a Prometheus data directory: it holds neither blocks nor a wal")
    return sorted(present, key=lambda block: block.begin)


@contextmanager
def serving(directory: Path, binary: str) -> Iterator[str]:
    """The URL of a Prometheus over the data of a directory, while the `with` block lasts. Raises NotServed."""
    program = shutil.which(binary)
    if program is None:
        raise NotServed(f"there is no program {binary}: set --prometheus-binary to a prometheus")
    with tempfile.TemporaryDirectory(prefix="ninefold-tsdb-") as temporary:
        data, config = Path(temporary, "data"), Path(temporary, "prometheus.yml")
        config.write_text("{}\n")
        try:
            _mirror(directory, data)
        except OSError as error:
            raise NotServed(f"{directory} cannot be read: {error}") from None
        address = f"127.0.0.1:{_free_port()}"
        argv = [program, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
        argv += ["--storage.tsdb.retention.time=100y", "--log.level=error"]
        with Path(temporary, "log").open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)  # noqa: S603 - a program that the user names
        try:
            _wait(f"http://{address}/-/ready", process, Path(temporary, "log"))
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)


def _mirror(directory: Path, data: Path) -> None:
    data.mkdir()
    for block in blocks(directory):
        _link(block.path, data / block.path.name)
    if (directory / "wal").is_dir():
        _copy(directory / "wal", data / "wal")


def _block(meta: Path) -> Block:
    content = json.loads(meta.read_text())
    begin, end = (datetime.fromtimestamp(content[key] / 1000, UTC) for key in ("minTime", "maxTime"))
    return Block(meta.parent, begin, end)


def _link(block: Path, target: Path) -> None:
    """Links to the large files; copies of meta.json and tombstones, which Prometheus replaces on changes."""
    (target / "chunks").mkdir(parents=True)
    for file in (block / "index", *(block / "chunks").iterdir()):
        link = target / file.relative_to(block)
        try:
            os.link(file, link)
        except OSError:
            # Another file system, or the file of another user.
            link.symlink_to(file.resolve())
    for name in ("meta.json", "tombstones"):
        if (block / name).exists():
            shutil.copy2(block / name, target / name)


def _copy(log: Path, target: Path) -> None:
    """Copy a log that may be in use: files that are deleted meanwhile are in a block or in a checkpoint."""
    for file in sorted(log.rglob("*")):
        if file.is_file():
            copy = target / file.relative_to(log)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(file, copy)
            except FileNotFoundError:
                continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotServed(
        f"Prometheus did not serve the data: {log.read_text(errors='replace')[-500:].strip() or 'no reason'}"
    )
