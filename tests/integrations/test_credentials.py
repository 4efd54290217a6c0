"""Who the operator says it is: to a real Prometheus that asks for a password or a certificate, and behind a front that
asks for a tenant."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.integrations.server import PrometheusServer

from devcluster.pki import Authority
from ninefold.cli.shared.options import access, add_access
from ninefold.integrations.credentials import Unfit
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus, Unreachable

HASH = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
"""Of the password "test", as the documentation of Prometheus has it."""


async def answers(prometheus: Prometheus) -> str:
    """The fault, or "" if it answers."""
    try:
        await prometheus.query("vector(1)")
    except Unreachable as error:
        return str(error)
    return ""


def options(url: str, *arguments: str) -> ConnectionOptions:
    """As `ninefold run` makes them of its command line."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_access(parser, Path)
    return access(parser.parse_args(arguments), url)


def test_a_password_is_read_for_each_request(tmp_path: Path) -> None:
    file = tmp_path / "password"

    async def scenario(url: str) -> None:
        named = options(url, "--prometheus-username=ninefold", f"--prometheus-password-file={file}")
        async with Prometheus(named) as prometheus, Prometheus(ConnectionOptions(url)) as nobody:
            assert "HTTP 401: credentials are missing: set --prometheus-token-file" in await answers(nobody)
            assert "No such file" in await answers(prometheus)
            file.write_text("wrong\n")
            assert "HTTP 401: the credentials are refused: check --prom" in await answers(prometheus)
            file.write_text("test\n")
            assert await answers(prometheus) == ""
            for odd in (b"two\nlines", b"\xff\xfe", b""):
                file.write_bytes(odd)
                fault = await answers(prometheus)
                assert fault.endswith("does not hold one line of plain text")
                assert "lines" not in fault.removesuffix("does not hold one line of plain text")

    with PrometheusServer(tmp_path, web={"basic_auth_users": {"ninefold": HASH}}) as server:
        asyncio.run(scenario(server.url))


def test_a_client_certificate_is_exchanged_while_the_operator_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    good, other = Authority(tmp_path / "good"), Authority(tmp_path / "other")
    certificate, key = good.server("prometheus")
    tls = {
        "cert_file": str(certificate),
        "key_file": str(key),
        "client_ca_file": str(good.certificate_file),
        "client_auth_type": "RequireAndVerifyClientCert",
    }
    mounted = [tmp_path / name for name in ("ca.crt", "tls.crt", "tls.key")]

    def mount(*files: Path) -> None:
        for target, source in zip(mounted, files, strict=True):
            work = target.with_suffix(".new")
            work.write_bytes(source.read_bytes())
            work.rename(target)

    async def scenario(url: str) -> None:
        mount(good.certificate_file, *other.client("c", "ninefold"))
        ca, cert, secret = mounted
        arguments = (f"--prometheus-ca-file={ca}", f"--prometheus-cert-file={cert}", f"--prometheus-key-file={secret}")
        async with Prometheus(options(url, *arguments)) as prometheus:
            assert await answers(prometheus), "a certificate of somebody else is refused"
            certificate, key = good.client("c", "ninefold")
            mount(good.certificate_file, certificate, other.client("d", "ninefold")[1])
            assert await answers(prometheus), "the key does not fit yet, and nothing falls over"
            mount(good.certificate_file, certificate, key)
            assert await answers(prometheus) == ""
        async with Prometheus(ConnectionOptions(url)) as nobody:
            fault = await answers(nobody)
            assert (
                "its certificate is not trusted (unable to get local issuer certificate): set --prometheus-ca-file"
                in fault
            )
        async with Prometheus(options(url, arguments[0])) as nobody:
            assert "if it asks for a client certificate, set one that it trusts" in await answers(nobody)
        async with Prometheus(ConnectionOptions(url.replace("https:", "http:"))) as nobody:
            assert "it speaks TLS: write https:// into its address" in await answers(nobody)

    with PrometheusServer(tmp_path, web={"tls_server_config": tls}) as server:
        asyncio.run(scenario(server.url.replace("http:", "https:")))
    assert "PRIVATE KEY" not in caplog.text


class _Front(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        tenant = self.headers.get("X-Scope-OrgID", "")
        answer = (
            '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"tenant":"'
            + tenant
            + '"},"value":[1,"1"]}]}}'
        )
        self.send_response(200 if tenant else 401)
        self.end_headers()
        self.wfile.write(answer.encode() if tenant else b"no org id")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def front() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_tenant_is_named_in_each_request(front: str) -> None:
    async def scenario() -> None:
        async with Prometheus(ConnectionOptions(front)) as nobody:
            assert "401: credentials are missing: set --prometheus-token-file" in await answers(nobody)
        async with Prometheus(ConnectionOptions(front.replace("//", "//nine:s3cret@"))) as nobody:
            fault = await answers(nobody)
            assert "401: the credentials are refused" in fault
            assert "or the tenant with --prometheus-header" in fault
            assert "s3cret" not in fault
        async with Prometheus(ConnectionOptions(front.replace("http:", "https:"))) as nobody:
            assert "it does not speak TLS: write http:// into its address" in await answers(nobody)
        async with Prometheus(options(front, "--prometheus-header=X-Scope-OrgID=team-a|team-b")) as prometheus:
            (sample,) = await prometheus.query("up")
            assert sample.labels == {"tenant": "team-a|team-b"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["token", "username", "password"], "a token file and a user are given: set one of them"),
        (["username"], "the user {file} has no password: set a password file too"),
        (["password"], "a password file is given without a user: set the username too"),
        (["key"], "the key {file} has no client certificate: set the certificate file too"),
        (["ca"], "a certificate cannot be used: write into {file} a certificate in PEM"),
        (["cert", "key"], "write into {file} and {file} a client certificate in PEM and its key"),
    ],
)
def test_credentials_that_cannot_be_meant_are_refused(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret")
    named = [f"--prometheus-{name}{'' if name == 'username' else '-file'}={file}" for name in arguments]
    with pytest.raises(Unfit) as refused:
        Prometheus(options("http://a", *named))
    assert sentence.format(file=file) in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("text", ["X-Scope-OrgID", "=a", "a b=c", "A=b\r\nC: d", "A=é", "Authorization=Bearer x"])
def test_a_header_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentError):
        options("http://a", f"--prometheus-header={text}")
