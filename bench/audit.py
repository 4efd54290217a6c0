"""The API server's audit log as a stopwatch: who asked for what, and when it was received and answered.

Both sides of a comparison are timed by the same clock at the same place, and neither knows that it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request; times in Unix seconds."""

    user: str
    verb: str
    resource: str
    """With its subresource: "servicelevelobjectives/status"."""
    namespace: str
    name: str
    code: int
    received: float
    answered: float

    @property
    def writes(self) -> bool:
        return self.verb in WRITES


class Tape:
    """The requests of one user that were answered since the tape was begun, each line of the log read once."""

    def __init__(self, log: Path, user: str) -> None:
        self._log = log
        self._user = user
        self._position = log.stat().st_size
        self._requests: list[Request] = []

    def requests(self) -> list[Request]:
        """All so far, in the order of their answers. A watch appears when it ends."""
        self._requests += self._more()
        return self._requests

    def _more(self) -> Iterator[Request]:
        with self._log.open("rb") as log:
            log.seek(self._position)
            for line in log:
                if not line.endswith(b"\n"):
                    return  # still being written
                self._position += len(line)
                event = json.loads(line)
                if event["stage"] == "ResponseComplete" and event["user"]["username"] == self._user:
                    yield _request(event)


def _request(event: dict[str, object]) -> Request:
    about, answer, user = (_part(event, name) for name in ("objectRef", "responseStatus", "user"))
    resource, subresource = about.get("resource", ""), about.get("subresource", "")
    return Request(
        user=str(user.get("username", "")),
        verb=str(event["verb"]),
        resource=f"{resource}/{subresource}" if subresource else str(resource),
        namespace=str(about.get("namespace", "")),
        name=str(about.get("name", "")),
        code=int(str(answer.get("code", 0))),
        received=_unix(event["requestReceivedTimestamp"]),
        answered=_unix(event["stageTimestamp"]),
    )


def _part(event: dict[str, object], name: str) -> dict[str, object]:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _unix(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()
