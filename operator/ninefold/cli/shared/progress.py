"""Messages on standard error: notes, and the progress of steps that take more than a few seconds."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

_PATIENCE = 3.0
"""Seconds without a message."""


class Failed(Exception):
    """A command cannot run; the message says what to change."""


class Progress:
    def __init__(self, *, quiet: bool) -> None:
        """With `quiet`, it prints only notes."""
        self._quiet, self._last = quiet, time.monotonic()

    def note(self, sentence: str) -> None:
        print(f"ninefold: {sentence}", file=sys.stderr, flush=True)

    def asked(self, done: int, of: int) -> None:
        self._now_and_then(f"asked Prometheus for {done:,} of {of:,} points")

    def judged(self, done: int, of: int) -> None:
        self._now_and_then(f"evaluated the rules of {done:,} of {of:,} objectives")

    def replayed(self, done: timedelta, of: timedelta) -> None:
        self._now_and_then(f"replayed {done.days:,} of {of.days:,} days")

    def _now_and_then(self, sentence: str) -> None:
        if not self._quiet and time.monotonic() - self._last > _PATIENCE:
            self._last = time.monotonic()
            self.note(sentence)
