"""A proxy before a real API server that makes it fail on purpose: its answers, until a rule says otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_kube_config


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str

    @property
    def watch(self) -> bool:
        return "watch=true" in self.query

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say instead of asking the API server."""

    status: int
    reason: str
    retry_after: int | None = None


Rule = Callable[[Request], Answer | None]
EventRule = Callable[[dict[str, Any]], bool]


class FaultProxy:
    """Listens on 127.0.0.1 without TLS and speaks to the API server as the kubeconfig's user."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        self.kubeconfig = directory / "proxy.kubeconfig"
        self.requests: list[Request] = []
        self._rules: list[Rule] = []
        self._swallow: list[EventRule] = []
        self._spoiled: list[tuple[str, bytes]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        port = self._call(self._start(kubeconfig))
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                    "users": [{"name": "nobody", "user": {}}],
                    "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
                    "current-context": "proxy",
                }
            )
        )

    @contextlib.contextmanager
    def fault(self, rule: Rule) -> Iterator[None]:
        """Answer by the rule as long as the block runs."""
        self._rules.append(rule)
        try:
            yield
        finally:
            self._rules.remove(rule)

    @contextlib.contextmanager
    def swallow(self, rule: EventRule) -> Iterator[None]:
        """Keep watch events for which the rule is true from the operator as long as the block runs."""
        self._swallow.append(rule)
        try:
            yield
        finally:
            self._swallow.remove(rule)

    def spoil(self, plural: str, line: dict[str, Any]) -> None:
        """Say this in the place of the next event in one watch of a resource."""
        self._spoiled.append((f"/{plural}", json.dumps(line).encode() + b"\n"))

    def writes(self, since: int = 0) -> list[Request]:
        return [request for request in self.requests[since:] if request.writes]

    def close(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self, kubeconfig: Path) -> int:
        configuration = Configuration()
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), client_configuration=configuration, persist_config=False
        )
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        assert configuration.cert_file
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
        self._upstream = configuration.host
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0), auto_decompress=False, read_bufsize=2**22
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(site._server.sockets[0].getsockname()[1])  # type: ignore[union-attr]

    async def _stop(self) -> None:
        await self._session.close()
        await self._runner.cleanup()
        open_streams = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_streams:
            task.cancel()
        await asyncio.gather(*open_streams, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        seen = Request(request.method, request.path, request.query_string)
        self.requests.append(seen)
        for rule in self._rules:
            # A rule may kill the operator, so it must not hold up this loop's other requests.
            answer = await asyncio.to_thread(rule, seen)
            if answer is not None:
                return _status(answer)
        return await self._forward(request, seen)

    async def _forward(self, request: web.Request, seen: Request) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() in {"accept", "content-type", "user-agent"}}
        async with self._session.request(
            request.method,
            self._upstream + request.path_qs,
            data=await request.read() or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as upstream:
            response = web.StreamResponse(status=upstream.status)
            for name in ("Content-Type", "Content-Encoding"):
                if name in upstream.headers:
                    response.headers[name] = upstream.headers[name]
            with contextlib.suppress(ConnectionError):  # whoever asked may be dead by now: that is what we are for
                await response.prepare(request)
                if seen.watch:
                    async for line in upstream.content:
                        spoiled = next((each for each in self._spoiled if seen.path.endswith(each[0])), None)
                        if spoiled:
                            self._spoiled.remove(spoiled)
                            await response.write(spoiled[1])
                        elif not any(rule(json.loads(line)) for rule in self._swallow):
                            await response.write(line)
                else:
                    await response.write(await upstream.read())
                await response.write_eof()
            return response


def _status(answer: Answer) -> web.Response:
    body = {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": answer.status,
        "reason": answer.reason,
        "message": f"made to fail: {answer.reason}",
    }
    headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return web.json_response(body, status=answer.status, headers=headers)
