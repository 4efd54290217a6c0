"""Errors as values with a meaning: what a reconciliation may end with besides a plan. Pure."""

from __future__ import annotations

from datetime import datetime


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
