"""What stands between us and the API server may answer anything: that is an answer which fails, and ends nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from ninefold.kube import deepjson
from ninefold.kube.api import CONFIG_MAP, LEASE, Key
from ninefold.kube.client import ApiError, ApiUnreachable, KubernetesCluster
from ninefold.kube.clock import SystemClock
from ninefold.kube.lease import Lease
from ninefold.kube.metrics import Metrics

DEEP = '{"kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}, "data": %s}]}' % ("[" * 9000 + "]" * 9000)


def with_server(body: str, kind: str, work: Callable[[KubernetesCluster], Awaitable[None]]) -> None:
    """One that answers each request with 200 and this."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind)

    async def scenario() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        async with ApiClient(configuration) as client:
            await work(KubernetesCluster(client, Metrics()))
        await runner.cleanup()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html>Sign in</html>", "text/html"),
        ("<html>Sign in</html>", "application/json"),
        ('{"kind": "ConfigMapList", "items": [{"metadata"', "application/json"),
        ("[]", "application/json"),
        ("{}", "application/json"),
        ('{"kind": "Status", "status": "Success"}', "application/json"),
    ],
)
def test_what_is_no_listing_is_no_empty_one(body: str, kind: str) -> None:
    async def work(cluster: KubernetesCluster) -> None:
        with pytest.raises(ApiUnreachable):
            await cluster.list(CONFIG_MAP)

    with_server(body, kind, work)


def test_an_empty_listing_may_be_null() -> None:
    async def work(cluster: KubernetesCluster) -> None:
        assert await cluster.list(CONFIG_MAP) == []

    with_server('{"kind": "ConfigMapList", "items": null}', "application/json", work)


def test_a_lease_that_cannot_be_read_is_not_ours() -> None:
    async def work(cluster: KubernetesCluster) -> None:
        lease = Lease(cluster, SystemClock(), Key("a", "b"), "first")
        assert not await lease._try()
        with pytest.raises(ApiError):
            await cluster.get(LEASE, Key("a", "b"))

    with_server("<html>Sign in</html>", "application/json", work)


def test_json_that_is_nested_too_deep_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "_default_decoder", json._default_decoder)  # type: ignore[attr-defined]
    deepjson.tolerate()

    async def work(cluster: KubernetesCluster) -> None:
        (found,) = await cluster.list(CONFIG_MAP)
        assert found["metadata"] == {"name": "a"}

    with_server(DEEP, "application/json", work)


@pytest.mark.parametrize("text", ['{"a": "[[\\\\\\"[{", "b": [1, {"c": null}]}', "7", '"]"', "[" * 100 + "]" * 100])
def test_what_is_not_too_deep_stays_as_it_is(text: str) -> None:
    assert deepjson.shallow(text) == text
    assert deepjson.shallow(f"[{text}, {'[' * 3000}{']' * 3000}, {text}]").count(text) == (0 if "[[[[" in text else 2)


@pytest.mark.parametrize("text", ["[" * 3000, "[" * 3000 + "}" * 10, '{"a":' * 3000, "]" * 3000, "[" * 200 + "]" * 300])
def test_what_is_no_json_is_none_afterwards(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra data|delimiter"):
        json.loads(deepjson.shallow(text))
