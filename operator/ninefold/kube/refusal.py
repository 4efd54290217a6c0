"""The API server's refusal as a sentence for a condition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from ninefold.kube.api import Api, Key
from ninefold.kube.client import ApiError, Conflict, NotFound, Terminating
from ninefold.kube.errors import WriteRefused

_LIMIT = 1024
# These are about the caller or the moment, not about the written object.
_PASSING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_REMEDIES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "Allow the operator to do this: in its role, or in the policy that refuses it.",
    HTTPStatus.NOT_FOUND: "Install this resource in the named version.",
}
_REMEDY = "Change the object that this one is made from."
_REPEATED = "The write is repeated with a growing delay, up to five minutes."


@contextmanager
def naming(act: str, api: Api, key: Key, remedy: str = "") -> Iterator[None]:
    """Context of one write: if the API server refuses it, the error names the action, such as "apply", the object, and
    the remedy: `remedy`, or the one that the HTTP status suggests."""
    try:
        yield
    except (Conflict, Terminating):
        raise
    except ApiError as error:
        if isinstance(error, NotFound) and f'"{key.name}" not found' in error.message:
            raise  # the object is deleted; any other 404 means that the resource does not exist
        if not HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _PASSING:
            raise
        brief = f"The API server refuses to {act} the {api.kind} {key} ({error.status} {error.reason})"
        answer = " ".join(error.message.split())[:_LIMIT].rstrip(".")
        advice = f"{remedy or _REMEDIES.get(error.status, _REMEDY)} {_REPEATED}"
        raise WriteRefused(f"{brief}: {answer}. {advice}", brief, error) from error
