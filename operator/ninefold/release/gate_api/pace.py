"""A slower pace for tools that understand only yes and no: the answer is yes in some minutes, and wait in others. Pure.

At a pace of 50 % a tool that asks before each step takes half as many steps. Nothing is remembered, so all replicas
answer alike and a restart changes nothing.
"""

from __future__ import annotations

import zlib
from datetime import datetime

_SLOT = 60
"""Seconds for which the answer stays the same."""
_STEP = 2_654_435_769
"""2**32 divided by the golden ratio. Its multiples are spread evenly over 0 to 2**32, and so is every second or every
fifth multiple: so the share of yes is the pace at any interval between a tool's questions, and no wait is long."""


def goes_on(pace: int, subject: str, now: datetime) -> bool:
    """Whether a step may be taken now. `pace` is in percent; `subject` gives each delivery its own minutes."""
    slot = int(now.timestamp()) // _SLOT
    return (slot * _STEP + zlib.crc32(subject.encode())) % 2**32 < pace * 2**32 // 100
