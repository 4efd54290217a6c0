"""The client against a real Prometheus, and against what is none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integrations.server import SELF, PrometheusServer
from tests.processes import free_port, wait_for

from devcluster.waiting import patient
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus, QueryRefused, Unreachable

BROKEN = {"record": "broken", "expr": 'label_replace({__name__=~"go_gc_.+"}, "__name__", "x", "", "")'}


def ask(options: ConnectionOptions, question: Callable[[Prometheus], Coroutine[Any, Any, Any]]) -> Any:
    """One question to a Prometheus, with a client of its own."""

    async def run() -> Any:
        async with Prometheus(options) as prometheus:
            return await question(prometheus)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        server.load(
            {"name": "good", "rules": [{"record": "one", "expr": "vector(1)", "labels": {"a": "b"}}]},
            {"name": "bad", "rules": [{"record": "two", "expr": "vector(2)"}, BROKEN]},
        )
        wait_for("rules to be evaluated", lambda: ask(server.options, lambda p: p.query("one and on () two")))
        yield server


@pytest.fixture(scope="module")
def options(server: PrometheusServer) -> ConnectionOptions:
    return server.options


def test_an_instant_vector_with_labels_and_time(options: ConnectionOptions) -> None:
    before = time.time()
    (sample,) = ask(options, lambda p: p.query("one"))
    assert (dict(sample.labels), sample.value) == ({"__name__": "one", "a": "b"}, 1.0)
    assert before - 5 < sample.at < before + 5
    past = datetime.now(UTC) - timedelta(days=1)
    assert ask(options, lambda p: p.query("one", at=past)) == []


def test_a_range(options: ConnectionOptions) -> None:
    end = datetime.now(UTC)
    (series,) = ask(
        options, lambda p: p.query_range("vector(3)", end - timedelta(seconds=20), end, timedelta(seconds=10))
    )
    assert [value for _, value in series.points] == [3.0, 3.0, 3.0]


def test_a_question_longer_than_a_url_may_be(options: ConnectionOptions) -> None:
    (sample,) = ask(options, lambda p: p.query(" or ".join(["vector(1)"] * 5000)))
    assert sample.value == 1.0


def test_the_health_of_the_groups_that_were_asked_for(options: ConnectionOptions, server: PrometheusServer) -> None:
    wait_for("the failure", lambda: ask(options, lambda p: p.rules(["bad"]))["bad"].error)
    groups = ask(options, lambda p: p.rules(["good", "bad", "missing"]))
    assert set(groups) == {"good", "bad"}
    assert groups["good"].error == ""
    assert groups["bad"].error.startswith("broken: ")
    assert set(ask(options, lambda p: p.rules(["good"]))) == {"good"}
    assert ask(options, lambda p: p.rules([])) == {}


def test_many_names_are_asked_for_in_parts(options: ConnectionOptions) -> None:
    names = [f"ninefold/a-namespace-with-a-long-name/objective-{number}" for number in range(500)]
    assert set(ask(options, lambda p: p.rules([*names, "good"]))) == {"good"}


def test_its_verdict_on_an_expression(options: ConnectionOptions) -> None:
    ask(options, lambda p: p.check(f'sum(rate(up{{job="{SELF}"}}[5m] offset 1ms))'))
    with pytest.raises(QueryRefused, match="parse error"):
        ask(options, lambda p: p.check("sum(rate(up))"))


@pytest.mark.parametrize("expression", ["sum(", "1", "up[1m]"])
def test_a_wrong_question_is_refused_with_a_reason(options: ConnectionOptions, expression: str) -> None:
    with pytest.raises(QueryRefused):
        ask(options, lambda p: p.query(expression))


def test_nobody_there() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        ask(ConnectionOptions(f"http://127.0.0.1:{free_port()}"), lambda p: p.query("up"))


class _Odd(BaseHTTPRequestHandler):
    """Answers by path prefix as no healthy Prometheus would."""

    def do_POST(self) -> None:
        kind, body = self.path.split("/")[1], b""
        status, headers = 200, {}
        if kind == "large":
            body = b"x" * 100_000
        elif kind == "page":
            body = b"<html>Log in</html>"
        elif kind == "list":
            body = b"[]"
        elif kind == "elsewhere":
            status, headers = 302, {"Location": "http://127.0.0.1:1/"}
        elif kind == "busy":
            status, body = 503, b'{"status":"error","errorType":"timeout","error":"query timed out"}'
        elif kind == "token":
            body = (
                '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"token":"'
                + self.headers["Authorization"]
                + '"},"value":[1,"1"]}]}}'
            ).encode()
        elif kind == "slow":
            time.sleep(1)
        elif kind == "drip":
            self._drip()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "20")
        self.end_headers()
        for _ in range(20):
            try:
                self.wfile.write(b" ")
                time.sleep(0.1)
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("large", "larger than 10000 bytes"),
        ("page", "without JSON; is this Prometheus"),
        ("list", "HTTP 200"),
        ("elsewhere", "HTTP 302"),
        ("busy", "HTTP 503 query timed out"),
        ("slow", "no answer within 0.5 s"),
        ("drip", "no answer within 0.5 s"),
    ],
)
def test_what_is_no_answer_is_unreachable(odd: str, kind: str, words: str) -> None:
    timeout = 0.5 if kind in ("slow", "drip") else patient(10)
    with pytest.raises(Unreachable) as lost:
        ask(ConnectionOptions(f"{odd}/{kind}", max_bytes=10_000, timeout=timeout), lambda p: p.query("up"))
    assert words in str(lost.value)


def test_a_token_is_read_anew_each_time(odd: str, tmp_path: Path) -> None:
    file = tmp_path / "token"

    async def both(prometheus: Prometheus) -> list[str]:
        seen = []
        for token in ("first", "second\n"):
            file.write_text(token)
            (sample,) = await prometheus.query("up")
            seen.append(sample.labels["token"])
        return seen

    assert ask(ConnectionOptions(f"{odd}/token", token_file=file), both) == ["Bearer first", "Bearer second"]
    with pytest.raises(Unreachable, match="No such file"):
        ask(ConnectionOptions(f"{odd}/token", token_file=tmp_path / "absent"), lambda p: p.query("up"))


def test_after_many_requests_that_were_given_up_it_is_asked_again(server: PrometheusServer) -> None:
    """A connection that is lost with a request that still waits for one would be lost for ever."""

    async def work() -> None:
        options = ConnectionOptions(server.url, timeout=0.3)
        async with Prometheus(options) as prometheus:
            with server.stopped():
                asked = (prometheus.query("up") for _ in range(10 * options.max_connections))
                answers = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(answer, Unreachable) for answer in answers)
            end = time.monotonic() + patient(10)
            while True:
                try:
                    assert await prometheus.query("vector(1)")
                except Unreachable:
                    assert time.monotonic() < end
                else:
                    return

    asyncio.run(work())


def test_nobody_listening_is_said_in_plain_words() -> None:
    with pytest.raises(Unreachable, match="no connection: check host and port") as lost:
        ask(ConnectionOptions("http://localhost:1"), lambda p: p.query("up"))
    assert "attempts" not in str(lost.value)
