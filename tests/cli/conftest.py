"""The command line as a person meets it: files, arguments, what is printed, the exit code."""

from __future__ import annotations

import gc
import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import devcluster
from ninefold.cli import main
from tests import direct


@contextmanager
def apart(server: devcluster.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A namespace on the cluster that commands go to; it stands for the operator's own, too."""
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
    namespace = server.namespace("command")
    # Another test may have left the Lease of an operator where one is expected.
    monkeypatch.setenv("NINEFOLD_NAMESPACE", namespace)
    yield namespace
    direct.delete(server, "namespace", namespace)


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def ninefold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run `ninefold ARGUMENTS` in an empty directory; `files` are written there first."""
    monkeypatch.chdir(tmp_path)
    # Progress is printed when something takes long, which a busy machine decides: tests that are about it turn it on.
    monkeypatch.setattr("ninefold.cli.shared.progress._PATIENCE", math.inf)

    def run(*arguments: str, files: Mapping[str, str] | None = None, stdin: str = "") -> Done:
        for name, text in (files or {}).items():
            Path(name).write_text(text)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            code = main(arguments)
        except SystemExit as wrong_call:
            code = int(wrong_call.code or 0)
        return Done(code, *capsys.readouterr())

    yield run
    # `render` switches it off, since as a process it ends in a moment.
    gc.enable()
