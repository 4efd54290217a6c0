"""The steps of the demo: each is checked until it has really happened, shown, and kept for the report."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TextIO

from devcluster import DevclusterError
from devcluster.waiting import patient

#: seconds between checks
STEP = 0.25
#: seconds between two lines of the gauge where lines cannot be redrawn
HEARTBEAT = 10.0
WIDTH = 110
#: moves to the beginning of the line and clears it
ERASE = "\r\033[K"


class Seen(NamedTuple):
    """The result of a check: whether it is as expected, and the words of the source."""

    true: bool
    words: str


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step. `seconds` counts from its cause: for the alert, for instance, from the release."""

    name: str
    ok: bool
    seconds: float
    evidence: str


class Failed(Exception):
    """A step did not happen; the message says what was expected and what was seen."""


class Screen:
    """Lines with the time since the beginning; on a terminal, with a gauge below that is redrawn."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._terminal = self._out.isatty()
        self._drawn = False
        self._gauge_at = self.began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        """Print a line with the present time."""
        first, *more = textwrap.wrap(text, WIDTH) or [""]
        self._write(f"{self.elapsed:6.1f} s  {first}")
        for line in more:
            self.plain(f"          {line}")

    def quote(self, text: str) -> None:
        """Print a quotation below the line that it belongs to."""
        for line in text.splitlines():
            for part in textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False):
                self.plain(f"          | {part}")

    def plain(self, text: str = "") -> None:
        """Print a line without a time."""
        self._write(text)

    def gauge(self, read: Callable[[], str]) -> None:
        """Show measurements once per second on a terminal, otherwise less often."""
        if time.monotonic() - self._gauge_at < (1.0 if self._terminal else HEARTBEAT):
            return
        self._gauge_at = time.monotonic()
        text = f"{self.elapsed:6.1f} s  ... {read()}"
        if self._terminal:
            self._drawn = True
            print(f"{ERASE}{text[:WIDTH]}", end="", file=self._out, flush=True)
        else:
            print(text, file=self._out, flush=True)

    def _write(self, text: str) -> None:
        print(f"{ERASE if self._drawn else ''}{text}", file=self._out, flush=True)
        self._drawn, self._gauge_at = False, time.monotonic()


class Steps:
    """The steps so far, in order."""

    def __init__(self, screen: Screen, gauge: Callable[[], str] = str) -> None:
        self.screen = screen
        #: returns the measurements to show while waiting
        self.gauge = gauge
        self.done: list[Step] = []

    def reach(
        self, name: str, expected: str, check: Callable[[], Seen], limit: float = 0.0, since: float | None = None
    ) -> None:
        """Check until it is true, at most `limit` seconds (0: once); `since` is the start of its time.

        The limit applies to an idle machine. Times are in terms of `screen.elapsed`. Raises Failed.
        """
        began = self.screen.elapsed
        cause = began if since is None else since
        seen, last = _once(check)
        while not seen.true and not last and self.screen.elapsed - began < patient(limit):
            self.screen.gauge(self.gauge)
            time.sleep(STEP)
            seen, last = _once(check)
        self._end(Step(name, seen.true, self.screen.elapsed - cause, seen.words))
        if not seen.true:
            raise Failed(
                f"{name}: expected that {expected}; seen after {self.screen.elapsed - began:.0f} s: {seen.words}"
            )

    def _end(self, step: Step) -> None:
        self.done.append(step)
        self.screen.say(f"{'ok  ' if step.ok else 'FAIL'} {step.name}  ({step.seconds:.1f} s)")
        self.screen.quote(step.evidence)


def _once(check: Callable[[], Seen]) -> tuple[Seen, bool]:
    """The result, and whether another check is useless. While no server answers, this is the result."""
    try:
        return check(), False
    except OSError as error:
        return Seen(False, f"no answer: {error}"), False
    except DevclusterError as error:
        return Seen(False, str(error)), True


def table(steps: list[Step]) -> list[str]:
    """The lines of a table of the measured times."""
    width = max((len(step.name) for step in steps), default=0)
    return [f"  {step.name:<{width}}  {step.seconds:7.1f} s  {'ok' if step.ok else 'FAILED'}" for step in steps]


def report(steps: list[Step], *, ok: bool) -> dict[str, Any]:
    """The results for programs: {"ok", "steps": [{"name", "ok", "seconds", "evidence"}]}."""
    return {"ok": ok, "steps": [{**asdict(step), "seconds": round(step.seconds, 2)} for step in steps]}
