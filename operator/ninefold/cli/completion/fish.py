"""Completion for fish, with a description next to each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ninefold.cli.completion.tree import Place, Switch

_HEAD = """\
# ninefold in fish: ninefold completion fish > ~/.config/fish/completions/ninefold.fish
function __ninefold_at
    set -l at ''
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case {places}
                set at (string trim -- "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
"""


def script(nodes: Sequence[Place]) -> str:
    places = " ".join(_quoted(node.entered) for node in nodes if node.at)
    lines = [line for name in ("ninefold", "kubectl-ninefold") for node in nodes for line in _lines(name, node)]
    return _HEAD.format(places=places) + "\n".join(lines) + "\n"


def _lines(command: str, node: Place) -> Iterator[str]:
    begin = f"complete -c {command} -n {_quoted(f'__ninefold_at {_quoted(node.at)}')}"
    for word, what in node.words:
        yield f"{begin} -f -a {_quoted(word)}{_description(what)}"
    for option in node.options:
        yield begin + _option(option)


def _option(option: Switch) -> str:
    names = "".join(
        f" -l {name.removeprefix('--')}" if name.startswith("--") else f" -s {name.removeprefix('-')}"
        for name in option.names
    )
    value = " -r" if option.value else ""
    choices = f" -f -a {_quoted(' '.join(option.choices))}" if option.choices else ""
    return f"{names}{value}{choices}{_description(option.what)}"


def _description(what: str) -> str:
    return f" -d {_quoted(what)}" if what else ""


def _quoted(text: str) -> str:
    """Within single quotes, fish interprets only a backslash before a quote or another backslash."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
