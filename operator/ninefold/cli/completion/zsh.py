"""Completion for zsh, with a description next to each word."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from ninefold.cli.completion.tree import Place

_SCRIPT = """\
#compdef ninefold kubectl-ninefold
# ninefold in zsh: ninefold completion zsh > "${{fpath[1]}}/_ninefold"
_ninefold() {{
  local at= word
  local -a found
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $word" in
      ({places}) at="${{at:+$at }}$word" ;;
    esac
  done
  case "$at|${{words[CURRENT-1]}}" in
{values}
  esac
  case "$at|$PREFIX" in
{words}
  esac
  if (( $#found )); then _describe -t words word found; else _files; fi
}}
if [[ $funcstack[1] == _ninefold ]]; then _ninefold "$@"; else compdef _ninefold ninefold kubectl-ninefold; fi
"""


def script(nodes: Sequence[Place]) -> str:
    values, words = [], []
    for node in nodes:
        for option in (switch for switch in node.options if switch.value):
            pattern = "|".join(shlex.quote(f"{node.at}|{name}") for name in option.names)
            act = f"compadd -- {shlex.join(option.choices)}" if option.choices else "_files"
            values.append(f"    ({pattern}) {act}; return ;;")
        options = [(name, option.what) for option in node.options for name in option.names]
        words.append(f"    ({shlex.quote(f'{node.at}|')}-*) found=({_described(options)}) ;;")
        words.append(f"    ({shlex.quote(f'{node.at}|')}*) found=({_described(node.words)}) ;;")
    places = "|".join(shlex.quote(node.entered) for node in nodes if node.at)
    return _SCRIPT.format(places=places, values="\n".join(values), words="\n".join(words))


def _described(words: Iterable[tuple[str, str]]) -> str:
    return " ".join(shlex.quote(f"{word}:{what}" if what else word) for word, what in words)
