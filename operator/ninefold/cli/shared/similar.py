"""Which known word somebody may have meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def question(word: str, known: Iterable[str]) -> str:
    """ ": did you mean x?", or nothing where no known word is like it."""
    # Only a wrong call needs it.
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return f": did you mean {by_lower[close[0]]}?" if close else ""
