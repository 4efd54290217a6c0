"""Errors with a meaning: how a reconciliation may end other than with a plan. Pure."""

from __future__ import annotations

from datetime import datetime

UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The errors of code without I/O for a value that it cannot handle. A retry with the same value does not help."""


class Stalled(Exception):
    """The user must act: nothing is retried until the resource, or what it refers to, changes.

    `reason` is one CamelCase word, `message` a sentence that says what to change.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Waiting(Exception):
    """Something is missing that will appear by itself: reconcile again at `until`, and at any event before."""

    def __init__(self, reason: str, message: str, until: datetime) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.until = until


class WriteRefused(Exception):
    """A write that the API server refuses, and refuses again until something changes.

    `message` is the API server's answer and the remedy, `brief` names the write, `error` is the answer.
    """

    def __init__(self, message: str, brief: str, error: Exception) -> None:
        super().__init__(message)
        self.message = message
        self.brief = brief
        self.error = error


class EffectFailed(Exception):
    """One attempt at an effect failed. `message` goes into the status: Ninefold's own sentence, never an answer's body.

    `final` if another attempt cannot succeed; `retry_after` in seconds, if the far side asks for it.
    """

    def __init__(self, message: str, *, final: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.final = final
        self.retry_after = retry_after
