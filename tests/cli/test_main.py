"""The frame around the commands."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from ninefold import __version__
from ninefold.cli import COMMANDS, module
from tests.cli.conftest import Command
from tests.cli.samples import SLO


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"]])
def test_help_names_every_command(ninefold: Command, words: list[str]) -> None:
    done = ninefold(*words)
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_of_its_own(ninefold: Command, name: str) -> None:
    done = ninefold(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: ninefold {name} ")
    assert import_module(module(name)).__doc__


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lint"], "ninefold lint: name the files to check: ninefold lint slo.yaml\nninefold lint --help"),
        (["render"], "ninefold render: the following arguments are required: -f/--filename\nninefold render --help"),
        (
            ["status", "--all-namespace", "--jsn"],
            "ninefold status: unrecognized arguments: --jsn: did you mean --json?\nninefold status --help",
        ),
        (
            ["gate", "check", "x", "--operator-namspace", "a"],
            "ninefold gate: unrecognized arguments: --operator-namspace a: did you mean --operator-namespace?\n"
            "ninefold gate --help",
        ),
        (
            ["gate", "explain"],
            "ninefold gate explain: the following arguments are required: GATE\nninefold gate explain --help",
        ),
        (
            ["gate", "check"],
            "ninefold gate: name a gate, or the workload that is to change: --workload Deployment/checkout\n"
            "ninefold gate --help",
        ),
    ],
)
def test_a_wrong_call_is_told_first_and_without_all_options(ninefold: Command, words: list[str], told: str) -> None:
    done = ninefold(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{told} shows its options\n")


def test_version(ninefold: Command) -> None:
    assert ninefold("version").stdout == f"ninefold {__version__}\n"


def test_a_command_that_does_not_exist(ninefold: Command) -> None:
    done = ninefold("rendr")
    assert done.returncode == 2
    assert done.stderr.startswith("ninefold: there is no command 'rendr': did you mean render?\n\nUsage: ninefold COMM")
    assert ninefold("deploy").stderr.startswith("ninefold: there is no command 'deploy'\n")
    assert ": did you mean explain?\n" in ninefold("gate", "explian", "x").stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    stream = "---\n".join(SLO.replace("name: checkout,", f"name: a{number},") for number in range(20))
    command = f"{sys.executable} -m ninefold render -f - | head -1"
    done = subprocess.run(["bash", "-c", command], input=stream, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("---\n", "")
