"""Completion in real shells: what the generated scripts offer at a place."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from ninefold.cli import COMMANDS
from ninefold.cli.completion.command import SHELLS, nodes

_BASH = """
source {script}
COMP_WORDS=({words}) COMP_CWORD={last}
_ninefold
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# The last step of a completion needs a terminal: it is played, and says what it is given.
_ZSH = """
compdef() {{ }}
_describe() {{ print -rl -- "${{found[@]%%:*}}" | grep -e "^$PREFIX" }}
_files() {{ print FILES }}
compadd() {{ shift; print -l "$@" }}
source {script}
words=({words}) CURRENT={last} PREFIX={prefix}
_ninefold
"""
PLACES = [
    ("", {*COMMANDS, "version"}),
    ("ga", {"gate"}),
    ("gate ", {"check", "list", "explain", "close", "open", "override", "approve", "sign", "backtest"}),
    ("gate c", {"check", "close"}),
    ("gate check --w", {"--wait", "--workload"}),
    ("gate check checkout -n shop --w", {"--wait", "--workload"}),
    ("run --log-format ", {"json", "text"}),
    ("completion ", set(SHELLS)),
]
FILES = ["lint ", "lint -f ", "render slo.yaml --plain "]


def offered(shell: str, script: Path, line: str) -> set[str]:
    """The words offered at the end of `ninefold LINE`."""
    words = ["ninefold", *line.split(" ")]
    if shell == "fish":
        program = f"source {script}; complete -C {shlex.quote(f'ninefold {line}')}"
    elif shell == "bash":
        program = _BASH.format(script=script, words=" ".join(map(shlex.quote, words)), last=len(words) - 1)
    else:
        quoted = " ".join(map(shlex.quote, words))
        program = _ZSH.format(script=script, words=quoted, last=len(words), prefix=shlex.quote(words[-1]))
    # Without the files that a person's shell reads at its start.
    argv = [shell, *{"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell], "-c", program]
    done = subprocess.run(argv, cwd=script.parent, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return {found.split("\t")[0] for found in done.stdout.splitlines() if found}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_shell_offers(ninefold: Command, tmp_path: Path, shell: str) -> None:
    script = tmp_path / "script"
    script.write_text(ninefold("completion", shell).stdout)
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    for line, wanted in PLACES:
        assert offered(shell, script, line) == wanted, line
    script.with_name("slo.yaml").touch()
    for line in FILES:
        # bash completes files where nothing is offered; fish does it itself.
        expected = {"bash": set(), "zsh": {"FILES"}, "fish": {"script", "slo.yaml"}}[shell]
        assert offered(shell, script, line) == expected, line


def test_every_option_is_known_with_what_it_means() -> None:
    found = {node.at: node for node in nodes()}
    assert {"", "run", "gate check", "gate backtest", "policy forgive", "import"} <= set(found)
    assert not [option.names for node in found.values() for option in node.options if not option.what]
    names = {name for option in found["gate check"].options for name in option.names}
    assert {"-h", "--help", "-n", "--namespace", "--workload", "--kubeconfig"} <= names
