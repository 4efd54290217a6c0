"""The writes that the API server refuses now, by the object that needs them: its conditions report them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ninefold.kube.plan import Verdict

ItemT = TypeVar("ItemT", bound=Hashable)


class Refusals(Generic[ItemT]):
    """Refused writes to objects that have no status for it, or do not exist. Kept in memory: the next leader is refused
    again.

    `wake` queues the object whose conditions have to change.
    """

    def __init__(self, wake: Callable[[ItemT], None]) -> None:
        self._wake = wake
        self._noted: dict[ItemT, tuple[ItemT, str]] = {}
        self._of: dict[ItemT, dict[ItemT, str]] = {}

    def note(self, written: ItemT, owner: ItemT, sentence: str) -> None:
        """Note that a write to `written`, which `owner` needs, was refused."""
        if self._noted.get(written) == (owner, sentence):
            return
        self.clear(written)
        self._noted[written] = (owner, sentence)
        self._of.setdefault(owner, {})[written] = sentence
        self._wake(owner)

    def clear(self, written: ItemT) -> None:
        """Note that a write to it has succeeded or is no longer wanted."""
        owner, _ = self._noted.pop(written, (None, ""))
        if owner is None:
            return
        self._of[owner].pop(written)
        if not self._of[owner]:
            del self._of[owner]
        self._wake(owner)

    def verdict(self, owner: ItemT) -> Verdict | None:
        """The verdict about the owner's refused writes; it is stable while the same writes are refused."""
        sentences = self._of.get(owner)
        if not sentences:
            return None
        first, others = sentences[min(sentences, key=str)], len(sentences) - 1
        more = f" The API server refuses {others} more {'write' if others == 1 else 'writes'}." if others else ""
        return Verdict("True", "Refused", first + more)
