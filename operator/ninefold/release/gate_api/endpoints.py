"""The HTTP pages: they check the caller, parse the question, and write the answer.

`/v1/decision` always replies 200 to a valid call, with the decision in the JSON: Argo Rollouts treats any other status
as an error. Flagger reads only the status. A page without its secrets is closed, never open to everyone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from ninefold.kube.clock import Clock
from ninefold.kube.secretfile import SecretFile
from ninefold.kube.server import Endpoint, Reply, Request
from ninefold.kube.store import Store
from ninefold.release.gate_api import access, flagger
from ninefold.release.gate_api.answer import Answer, answer
from ninefold.release.gate_api.prometheus import QueryError, evaluate
from ninefold.release.gate_api.question import WrongCall, question

_NO_TOKENS = "no token is known here: start the operator with --gate-token-file, a file with one token a line"
_NO_KEYS = "no key is known here: start the operator with --gate-hmac-key-file, a file with one key a line"
_WRONG_TOKEN = "send a token of this operator: Authorization: Bearer TOKEN"  # noqa: S105 - a sentence
_WRONG_SIGNATURE = "metadata.signature is not that of this canary: ninefold gate sign NAMESPACE/NAME --key-file FILE"


class Answering:
    """Answers from the store. `age` returns the seconds since the last contact to the API server."""

    def __init__(
        self, store: Store, age: Callable[[], float], tokens: SecretFile, keys: SecretFile, clock: Clock
    ) -> None:
        self._store = store
        self._age = age
        self._tokens = tokens
        self._keys = keys
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/v1/decision", self._decide),
            Endpoint("POST", "/v1/flagger/confirm", self._confirm),
            Endpoint("POST", "/v1/flagger/rollback", self._roll_back),
            Endpoint("GET", "/api/v1/query", self._query),
            Endpoint("POST", "/api/v1/query", self._query),
        ]

    def _decide(self, request: Request) -> Reply:
        if refusal := self._refused(request):
            return refusal
        try:
            asked = question(request.query)
        except WrongCall as wrong:
            return _error(400, str(wrong))
        return _json(200, answer(self._store, asked, self._age(), self._clock.now()).as_dict())

    def _confirm(self, request: Request) -> Reply:
        return self._hook(request, lambda reply, _: flagger.confirmed(reply))

    def _roll_back(self, request: Request) -> Reply:
        return self._hook(request, flagger.rolls_back)

    def _hook(self, request: Request, says_yes: Callable[[Answer, flagger.Hook], bool]) -> Reply:
        keys = self._keys.lines()
        if not keys:
            return _error(503, _NO_KEYS)
        try:
            hook = flagger.hook(request.body, self._store)
        except WrongCall as wrong:
            return _error(400, str(wrong))
        if not access.signed(keys, hook.canary, hook.signature):
            return _error(401, _WRONG_SIGNATURE)
        reply = answer(self._store, hook.question, self._age(), self._clock.now())
        return _json(200 if says_yes(reply, hook) else 403, reply.as_dict())

    def _query(self, request: Request) -> Reply:
        if refusal := self._refused(request):
            return _prometheus_error(refusal.status, "unauthorized", json.loads(refusal.body)["error"])
        # The parameters come in a form in the body, as from most clients, or in the query of the URL.
        form = parse_qsl(request.body.decode(errors="replace"))
        asked = dict([*request.query, *form])
        try:
            data = evaluate(asked.get("query", ""), asked.get("time", ""), self._store, self._age(), self._clock.now())
        except QueryError as error:
            return _prometheus_error(400 if error.kind == "bad_data" else 422, error.kind, str(error))
        return _json(200, {"status": "success", "data": data})

    def _refused(self, request: Request) -> Reply | None:
        tokens = self._tokens.lines()
        if not tokens:
            return _error(503, _NO_TOKENS)
        if not access.admitted(tokens, request.headers.get("authorization", "")):
            return _error(401, _WRONG_TOKEN)
        return None


def _json(status: int, body: dict[str, Any]) -> Reply:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Reply(status, json.dumps(body, ensure_ascii=False).encode(), headers)


def _error(status: int, sentence: str) -> Reply:
    return _json(status, {"error": sentence})


def _prometheus_error(status: int, kind: str, sentence: str) -> Reply:
    return _json(status, {"status": "error", "errorType": kind, "error": sentence})
