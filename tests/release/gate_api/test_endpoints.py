"""The pages over real HTTP: who is let in, what comes back, and what a tool of Prometheus or Flagger makes of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.processes import free_port
from tests.release.gate_api import gates
from tests.release.releasegate.blaming import blames
from tests.web import plain

from ninefold.cli import main
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.metrics import Metrics
from ninefold.kube.secretfile import SecretFile
from ninefold.kube.server import BODY_TIMEOUT, LARGEST_BODY, application, serve
from ninefold.kube.store import Store
from ninefold.release.gate_api.endpoints import Answering

TOKEN, KEY = "token-of-argo", "key-of-flagger"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DECISION = {"namespace": "shop", "gate": "checkout"}


class HeldClock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.passed = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.passed


class Served:
    """The operator's port with nothing but the answering behind it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store()
        self.clock = HeldClock()
        self.age = 1.0
        self.tokens, self.keys = folder / "tokens", folder / "keys"
        self.tokens.write_text(f"{TOKEN}\n")
        self.keys.write_text(f"{KEY}\n")
        self.url = f"http://127.0.0.1:{free_port()}"
        tokens, keys = SecretFile(self.tokens, self.clock), SecretFile(self.keys, self.clock)
        answering = Answering(self.store, lambda: self.age, tokens, keys, self.clock)
        self._app = application(Metrics(), {}, {}, answering.endpoints())
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Served:
        runner = self._loop.run_until_complete(serve(self._app, "127.0.0.1", int(self.url.rpartition(":")[2])))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._cleanup = runner.cleanup
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def decide(self, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return plain.get(
            f"{self.url}/v1/decision", params=query or DECISION, headers=BEARER if headers is None else headers
        )

    def flagger(self, hook: str, *, name: str = "checkout", **metadata: str) -> httpx.Response:
        """As Flagger posts it; the signature is right unless another is given."""
        signature = hmac.new(KEY.encode(), f"shop/{name}".encode(), hashlib.sha256).hexdigest()
        said = {"gate": "checkout", "signature": signature, **metadata}
        body = {"name": name, "namespace": "shop", "phase": "Progressing", "checksum": "7d9", "metadata": said}
        return plain.post(f"{self.url}/v1/flagger/{hook}", json=body)

    def query(self, query: str, method: str = "GET", **more: str) -> httpx.Response:
        asked, url = {"query": query, **more}, f"{self.url}/api/v1/query"
        if method == "GET":
            return plain.get(url, headers=BEARER, params=asked)
        return plain.request(method, url, headers=BEARER, data=asked)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path) as served:
        yield served


def test_a_decision_is_told_with_200_whatever_it_is(served: Served) -> None:
    for decision in ("Allow", "Hold", "Deny", "Unknown"):
        gates.gate(served.store, decision)
        told = served.decide()
        assert (told.status_code, told.json()["decision"]) == (200, decision)
        assert told.headers["content-type"].startswith("application/json")
    assert served.decide(namespace="shop", gate="none").json()["message"].startswith("There is no ReleaseGate")


def test_a_wrong_call_gets_400_and_a_sentence(served: Served) -> None:
    told = served.decide(ns="shop", gate="checkout")
    assert told.status_code == 400
    assert told.json()["error"].startswith("'ns' is not a parameter")


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x", TOKEN, "Basic !!", "Basic eA==", "Bearer \xe4"]
)
def test_without_a_right_token_nothing_is_told(served: Served, authorization: str) -> None:
    gates.gate(served.store, "Allow")
    told = plain.get(f"{served.url}/v1/decision", params=DECISION, headers=[(b"Authorization", authorization.encode())])
    assert told.status_code == 401
    assert told.headers["www-authenticate"] == "Bearer"
    assert set(told.json()) == {"error"}
    assert plain.get(f"{served.url}/api/v1/query", params={"query": "vector(1)"}).json()["errorType"] == "unauthorized"


def test_a_token_may_come_as_a_password(served: Served) -> None:
    assert plain.get(f"{served.url}/v1/decision", params=DECISION, auth=("any", TOKEN)).status_code == 200


def test_tokens_are_rotated_without_a_restart(served: Served) -> None:
    new = {"Authorization": "Bearer new"}
    assert served.decide(new).status_code == 401
    served.tokens.write_text(f"{TOKEN}\nnew\n")
    assert served.decide(new).status_code == 401, "the file is looked at once a second"
    served.clock.passed += 1
    assert served.decide(new).status_code == served.decide().status_code == 200
    # A mounted Secret is swapped whole.
    other = served.tokens.with_name("other")
    other.write_text("new\n")
    other.rename(served.tokens)
    served.clock.passed += 1
    assert (served.decide().status_code, served.decide(new).status_code) == (401, 200)


@pytest.mark.parametrize("content", [None, "", "\n \n"])
def test_without_secrets_the_pages_are_closed(served: Served, content: str | None) -> None:
    gates.gate(served.store, "Allow")
    for file in (served.tokens, served.keys):
        file.unlink() if content is None else file.write_text(content)
    served.clock.passed += 1
    for told in (served.decide(), served.decide({"Authorization": "Bearer x"}), served.flagger("confirm")):
        assert told.status_code == 503
        assert "start the operator with --gate-" in told.json()["error"]
    assert served.query("vector(1)").status_code == 503


@pytest.mark.parametrize("said", [b"Bearer \xff\xfe", b"Basic \xff", b"\xff", b"Bearer \xed\xa0\x80"])
def test_a_secret_that_is_no_text_is_a_wrong_one(served: Served, said: bytes) -> None:
    told = plain.get(f"{served.url}/v1/decision", params=DECISION, headers=[(b"Authorization", said)])
    assert told.status_code == 401


@pytest.mark.parametrize("signature", ["\\ud800", "\\udcff", "\\u0000"])
def test_a_signature_that_is_no_text_is_refused(served: Served, signature: str) -> None:
    body = f'{{"name":"checkout","namespace":"shop","metadata":{{"gate":"checkout","signature":"{signature}"}}}}'
    assert plain.post(f"{served.url}/v1/flagger/confirm", content=body).status_code in (400, 401, 403)


def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    told = plain.post(f"{served.url}/v1/flagger/confirm", content=b"x" * (LARGEST_BODY + 1))
    assert told.status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.kube.server.BODY_TIMEOUT", 0.2)
    assert BODY_TIMEOUT > 0.2

    def slow() -> Iterator[bytes]:
        yield b"{"
        threading.Event().wait(2)
        yield b"}"

    assert plain.post(f"{served.url}/v1/flagger/confirm", content=slow()).status_code == 408


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"name":"a"}', b'{"name":"a","namespace":"b","metadata":{"x":1}}', b"\xff" * 9]
)
def test_a_body_that_flagger_would_not_send_is_refused(served: Served, body: bytes) -> None:
    told = plain.post(f"{served.url}/v1/flagger/confirm", content=body)
    assert told.status_code == 400
    assert "what Flagger posts" in told.json()["error"]


def test_a_canary_is_confirmed_only_while_its_gate_is_open(served: Served) -> None:
    assert served.flagger("confirm").status_code == 403, "there is no gate"
    for decision, status in {"Allow": 200, "Hold": 403, "Deny": 403, "Unknown": 403}.items():
        gates.gate(served.store, decision, message=f"It is {decision}.")
        told = served.flagger("confirm")
        assert (told.status_code, told.json()["message"]) == (status, f"It is {decision}.")


@pytest.mark.parametrize("hook", ["confirm", "rollback"])
@pytest.mark.parametrize("signature", ["", "0" * 64, hmac.new(b"other", b"shop/checkout", "sha256").hexdigest()])
def test_a_wrong_signature_is_refused(served: Served, hook: str, signature: str) -> None:
    gates.gate(served.store, "Allow" if hook == "confirm" else "Deny")
    told = served.flagger(hook, signature=signature, **({"rollbackOn": "Deny"} if hook == "rollback" else {}))
    assert told.status_code == 401
    assert "ninefold gate sign" in told.json()["error"]


def test_a_signature_is_worth_nothing_for_another_canary(served: Served) -> None:
    gates.gate(served.store, "Allow")
    stolen = hmac.new(KEY.encode(), b"shop/checkout", hashlib.sha256).hexdigest()
    assert served.flagger("confirm", name="payment", signature=stolen).status_code == 401


def test_a_canary_says_itself_which_gate_it_means(served: Served) -> None:
    told = served.flagger("confirm", gate="")
    assert told.status_code == 400
    assert "exactly one of gate, workload or service" in told.json()["error"]
    assert served.flagger("confirm", rollbackOn="Hold").status_code == 400


@pytest.mark.parametrize(
    ("decision", "blamed", "metadata", "status"),
    [
        ("Deny", ["checkout:v42"], {}, 200),
        ("Deny", ["7d9"], {}, 200),
        ("Deny", ["a1b2c3"], {"revision": "a1b2c3"}, 200),
        ("Deny", ["checkout:v41"], {}, 403),
        ("Deny", ["checkout:v41"], {"rollbackOn": "Deny"}, 403),
        ("Deny", None, {}, 403),
        ("Deny", None, {"rollbackOn": "Deny"}, 200),
        ("Hold", ["checkout:v42"], {"rollbackOn": "Deny"}, 403),
        ("Allow", None, {"rollbackOn": "Deny"}, 403),
        ("Unknown", None, {"rollbackOn": "Deny"}, 403),
    ],
)
def test_a_canary_is_rolled_back_only_for_its_own_fault_or_on_its_own_wish(
    served: Served, decision: str, blamed: list[str] | None, metadata: dict[str, str], status: int
) -> None:
    gates.deployment(served.store, "checkout", "checkout:v42")
    told: dict[str, Any] = {} if blamed is None else {"blamed": blames(*blamed)}
    gates.gate(served.store, decision, **told)
    assert served.flagger("rollback", **metadata).status_code == status
    served.age = 1e6
    assert served.flagger("rollback", **metadata).status_code == 403, "what is stale rolls nothing back"


def test_the_signature_is_the_one_that_openssl_and_the_command_line_make(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "sign", "shop/checkout", "--key-file", str(served.keys)]) == 0
    ours = capsys.readouterr().out.strip()
    openssl = shutil.which("openssl")
    assert openssl, "openssl is part of every system that these tests run on"
    done = subprocess.run(
        [openssl, "dgst", "-sha256", "-hmac", KEY], input="shop/checkout", capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == ours
    gates.gate(served.store, "Allow")
    assert served.flagger("confirm", signature=ours).status_code == 200


@pytest.mark.parametrize(
    ("canary", "content"), [("checkout", KEY), ("a/b/c", KEY), ("shop/checkout", ""), ("shop/checkout", None)]
)
def test_what_cannot_be_signed_is_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], canary: str, content: str | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    try:
        code = main(["gate", "sign", canary, "--key-file", str(file)])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2
    said = capsys.readouterr().err
    assert "NAMESPACE/NAME" in said or str(file) in said


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_query_finds_the_gates_that_it_selects(served: Served, method: str) -> None:
    for name, decision in {"a": "Allow", "b": "Hold", "c": "Deny", "d": "Unknown"}.items():
        gates.gate(served.store, decision, name=name)
    gates.gate(served.store, "Allow", name="a", namespace="other")

    def open_(selector: str) -> dict[tuple[str, str], str]:
        data = served.query(f"ninefold_gate_open{selector}", method).json()["data"]
        assert data["resultType"] == "vector"
        assert all(row["value"][0] == served.clock.at.timestamp() for row in data["result"])
        return {(row["metric"]["namespace"], row["metric"]["gate"]): row["value"][1] for row in data["result"]}

    assert open_('{namespace="shop",gate="a"}') == {("shop", "a"): "1"}
    assert open_('{namespace="shop",gate="c"}') == {("shop", "c"): "0"}
    assert open_('{namespace="shop",gate="d"}') == {}, "what is unknown has no value"
    assert open_('{namespace="shop",gate!="a"}') == {("shop", "b"): "0", ("shop", "c"): "0"}
    assert open_('{gate="a"}') == {("shop", "a"): "1", ("other", "a"): "1"}
    assert open_('{namespace="shop",pod="x"}') == {}
    assert len(open_("")) == 4


def test_a_health_check_of_a_client_of_prometheus_is_answered(served: Served) -> None:
    told = served.query("vector(1)", time=str(served.clock.at.timestamp())).json()
    at = served.clock.at.timestamp()
    assert told == {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {}, "value": [at, "1"]}]},
    }


@pytest.mark.parametrize(
    ("query", "time", "status", "kind"),
    [
        ("", "", 400, "bad_data"),
        ("ninefold_gate_open{", "", 400, "bad_data"),
        ("x" * 5000, "", 400, "bad_data"),
        ("up", "", 422, "execution"),
        ("ninefold_gate_open[5m]", "", 422, "execution"),
        ("ninefold_gate_open offset 5m", "", 422, "execution"),
        ("ninefold_gate_open @ 0", "", 422, "execution"),
        ("sum(ninefold_gate_open)", "", 422, "execution"),
        ('ninefold_gate_open{gate=~"(a+)+b"}', "", 422, "execution"),
        ('ninefold_gate_open{gate="a",gate="b"}', "", 422, "execution"),
        ("ninefold_gate_open", "yesterday", 400, "bad_data"),
        ("ninefold_gate_open", "1", 422, "execution"),
        ("ninefold_gate_open", "2026-03-01T11:00:00Z", 422, "execution"),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_the_shape_of_prometheus(
    served: Served, query: str, time: str, status: int, kind: str
) -> None:
    told = served.query(query, time=time)
    body = json.loads(told.text)
    assert (told.status_code, body["status"], body["errorType"]) == (status, "error", kind)
    assert body["error"]


def test_the_pace_can_be_asked_for_likewise(served: Served) -> None:
    gates.gate(served.store, "Allow", name="a", pace="25")
    gates.gate(served.store, "Hold", name="b", pace="25")
    rows = served.query("ninefold_gate_pace_ratio").json()["data"]["result"]
    assert {row["metric"]["gate"]: row["value"][1] for row in rows} == {"a": "0.25", "b": "0"}
    assert {row["metric"]["__name__"] for row in rows} == {"ninefold_gate_pace_ratio"}


def test_our_own_client_of_prometheus_can_ask(served: Served) -> None:
    """The client that the operator itself asks Prometheus with."""
    gates.gate(served.store, "Hold")
    token = served.tokens

    async def ask() -> Any:
        client = Prometheus(ConnectionOptions(served.url, token_file=token))
        try:
            return await client.query("ninefold_gate_open", served.clock.at)
        finally:
            await client.close()

    (row,) = asyncio.run(ask())
    assert "checkout" in str(row)
