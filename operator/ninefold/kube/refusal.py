"""What the API server says no to, as a sentence that goes into a condition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from ninefold.kube.api import Api, Key
from ninefold.kube.client import ApiError, Conflict, NotFound, Terminating
from ninefold.kube.errors import WriteRefused

_LIMIT = 1024
# These speak of the caller or of the moment, not of what was written.
_PASSING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_REMEDIES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "Let the operator do this: by its role, or in the policy that refuses it.",
    HTTPStatus.NOT_FOUND: "Install this resource in the version that is named.",
}
_REMEDY = "Change what the object is made from."
_REPEATED = "The write is repeated with a growing delay, up to five minutes."


@contextmanager
def naming(act: str, api: Api, key: Key, remedy: str = "") -> Iterator[None]:
    """Around one write: an answer that refuses it names what was to be done, such as "apply", to what, and what helps:
    `remedy`, else what the answer's code suggests."""
    try:
        yield
    except (Conflict, Terminating):
        raise
    except ApiError as error:
        if isinstance(error, NotFound) and f'"{key.name}" not found' in error.message:
            raise  # the object has gone; any other 404 says that there is no such resource
        if not HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _PASSING:
            raise
        brief = f"The API server refuses to {act} the {api.kind} {key} ({error.status} {error.reason})"
        said = " ".join(error.message.split())[:_LIMIT].rstrip(".")
        advice = f"{remedy or _REMEDIES.get(error.status, _REMEDY)} {_REPEATED}"
        raise WriteRefused(f"{brief}: {said}. {advice}", brief, error) from error
