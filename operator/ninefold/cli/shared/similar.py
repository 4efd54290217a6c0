"""The known word that a user may have meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def question(word: str, known: Iterable[str]) -> str:
    """ ": did you mean x?", or "" if no known word is similar."""
    # Only usage errors need it.
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return f": did you mean {by_lower[close[0]]}?" if close else ""
