"""Which writes the API server refuses now, by the object that they are for: its conditions tell of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ninefold.kube.plan import Verdict

ItemT = TypeVar("ItemT", bound=Hashable)


class Refusals(Generic[ItemT]):
    """Of writes whose object has no status for it, or does not exist. Kept in memory: who leads next is refused again.

    `wake` has the object looked at whose conditions have to change.
    """

    def __init__(self, wake: Callable[[ItemT], None]) -> None:
        self._wake = wake
        self._noted: dict[ItemT, tuple[ItemT, str]] = {}
        self._of: dict[ItemT, dict[ItemT, str]] = {}

    def note(self, written: ItemT, owner: ItemT, sentence: str) -> None:
        """A write to `written` was refused that is for `owner`."""
        if self._noted.get(written) == (owner, sentence):
            return
        self.clear(written)
        self._noted[written] = (owner, sentence)
        self._of.setdefault(owner, {})[written] = sentence
        self._wake(owner)

    def clear(self, written: ItemT) -> None:
        """A write to it has succeeded, or is not wanted any more."""
        owner, _ = self._noted.pop(written, (None, ""))
        if owner is None:
            return
        self._of[owner].pop(written)
        if not self._of[owner]:
            del self._of[owner]
        self._wake(owner)

    def verdict(self, owner: ItemT) -> Verdict | None:
        """The same as long as the same writes are refused."""
        found = self._of.get(owner)
        if not found:
            return None
        first, others = found[min(found, key=str)], len(found) - 1
        return Verdict("True", "Refused", first + (f" So are {others} further writes." if others else ""))
