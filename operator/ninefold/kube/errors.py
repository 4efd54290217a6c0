"""Errors as values with a meaning: what a reconciliation may end with besides a plan. Pure."""

from __future__ import annotations

from datetime import datetime

UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What code without I/O raises for a value that it cannot hold. To try again with the same value does not help."""


class Stalled(Exception):
    """The user must act: nothing is retried until the resource, or what it refers to, changes.

    `reason` is one CamelCase word, `message` a sentence that says what to change.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Waiting(Exception):
    """Something that will come by itself is missing: look again at `until`, and at any event before."""

    def __init__(self, reason: str, message: str, until: datetime) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.until = until


class WriteRefused(Exception):
    """A write of ours that the API server refuses, and will refuse again as long as nothing changes.

    `message` is what the API server said and what helps, `brief` which write it is, `error` the answer.
    """

    def __init__(self, message: str, brief: str, error: Exception) -> None:
        super().__init__(message)
        self.message = message
        self.brief = brief
        self.error = error


class EffectFailed(Exception):
    """One attempt at an effect failed. `message` goes into the status: a sentence of ours, never an answer's body.

    `final` where another attempt can give nothing else; `retry_after` is in seconds, where the far side says so.
    """

    def __init__(self, message: str, *, final: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.final = final
        self.retry_after = retry_after
