"""Completion for bash, including that of macOS. Where no word is known, bash completes file names."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from ninefold.cli.completion.tree import Place

_SCRIPT = """\
# ninefold and kubectl-ninefold in bash: source <(ninefold completion bash)
_ninefold() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} at= word words=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
    case "$at $word" in
      {places}) at="${{at:+$at }}$word" ;;
    esac
  done
  COMPREPLY=()
  case "$at|$prev" in
{values}
  esac
  case "$at|$cur" in
{words}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _ninefold ninefold kubectl-ninefold
"""


def script(nodes: Sequence[Place]) -> str:
    values, words = [], []
    for node in nodes:
        for option in (switch for switch in node.options if switch.value):
            pattern = "|".join(shlex.quote(f"{node.at}|{name}") for name in option.names)
            values.append(f"    {pattern}) {_reply(option.choices)}return ;;")
        names = [name for option in node.options for name in option.names]
        words.append(f"    {_place(node)}-*) words={_list(names)} ;;")
        words.append(f"    {_place(node)}*) words={_list(word for word, _ in node.words)} ;;")
    places = "|".join(shlex.quote(node.entered) for node in nodes if node.at)
    return _SCRIPT.format(places=places, values="\n".join(values), words="\n".join(words))


def _place(node: Place) -> str:
    return shlex.quote(f"{node.at}|")


def _list(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))


def _reply(choices: Sequence[str]) -> str:
    """The reply for a list of values; empty if any value is allowed, so that files are completed."""
    return f'COMPREPLY=($(compgen -W {_list(choices)} -- "$cur")); ' if choices else ""
