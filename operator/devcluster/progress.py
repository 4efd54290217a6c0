"""One line on stderr for each long step, with its age: redrawn on a terminal, repeated at intervals in a log."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

#: seconds between signs of life in a log; on a terminal the line is redrawn each second
HEARTBEAT = 20.0


class Progress:
    """Shows `what` with its elapsed seconds from a thread, since the step itself blocks."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._note: Callable[[], str] = str
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._terminal = sys.stderr.isatty()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def note(self, text: str) -> None:
        """Show `text` next to the step from now on."""
        self.follow(lambda: text)

    def follow(self, note: Callable[[], str]) -> None:
        """Show the result of `note` next to the step whenever the line is drawn."""
        self._note = note
        self._show()

    def __enter__(self) -> Self:
        self._show()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._note = lambda: "failed" if kind else "done"
        self._show(last=True)

    def _beat(self) -> None:
        while not self._ended.wait(1.0 if self._terminal else HEARTBEAT):
            self._show()

    def _show(self, *, last: bool = False) -> None:
        elapsed = time.monotonic() - self._began
        text = f"devcluster: {self._what}  {elapsed:.0f} s  {self._note()}".rstrip()
        end = "\n" if last or not self._terminal else ""
        print(f"\r\033[K{text}" if self._terminal else text, end=end, file=sys.stderr, flush=True)
