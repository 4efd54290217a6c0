"""Moments that something is to begin or end at, near enough to wait for, and far enough to see what is so before."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devcluster.waiting import patient
from ninefold.kube.fields import rfc3339

Begin = Callable[[datetime], object]


def before(seconds: float, begin: Begin, seen: Callable[[], object]) -> str:
    """`begin` with a moment so far ahead; return it, as RFC 3339, once `seen()` is true before it comes.

    On a machine that is too slow for that, again with twice the time: a quick one waits no longer than it has to.
    """
    while True:
        moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        begin(moment)
        while datetime.now(UTC) < moment:
            if seen():
                return rfc3339(moment)
            time.sleep(0.05)
        assert seconds < patient(20), f"not seen within {seconds:.0f} s"
        seconds *= 2
