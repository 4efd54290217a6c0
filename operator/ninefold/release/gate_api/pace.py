"""A slower pace for tools that can only be told yes or no: some minutes are a yes, the others have to wait. Pure.

A tool that asks before each step takes half as many of them at a pace of 50 %. Nothing is remembered, so all replicas
say the same and a restart changes nothing.
"""

from __future__ import annotations

import zlib
from datetime import datetime

_SLOT = 60
"""Seconds for which the answer stays the same."""
_STEP = 2_654_435_769
"""2**32 over the golden ratio. Its multiples fall evenly into 0 to 2**32, also every second or every fifth of them:
so the share of yes is the pace whatever the interval at which a tool asks, and no wait is long."""


def goes_on(pace: int, subject: str, now: datetime) -> bool:
    """Whether a step may be taken now. `pace` is in percent; `subject` keeps deliveries from going in step."""
    slot = int(now.timestamp()) // _SLOT
    return (slot * _STEP + zlib.crc32(subject.encode())) % 2**32 < pace * 2**32 // 100
