"""The floor of convergence: a client that only sends what is in a file, 16 requests at a time.

    python -m bench.bare create FILE     objects as JSON, one a line, are created
    python -m bench.bare write FILE      {"child", "status"} as JSON, one a line, are applied and patched

It uses the operator's own client library in its cheapest way: no discovery, no models, no store, no watch. KUBECONFIG
names the cluster. It prints the CPU seconds that it took, start-up left out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.dynamic import DynamicClient

from ninefold.kube.api import CONFIG_MAP, Key
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

TASKS = 16
SLO = ServiceLevelObjective.api

Line = dict[str, Any]
Send = Callable[..., Awaitable[Line]]


async def create(send: Send, line: Line) -> None:
    await send("post", SLO.path(Key.of(line).namespace), body=line)


class Writer:
    """Applies a child, with its owner's uid filled in, then patches the owner's status."""

    def __init__(self, uids: dict[str, str]) -> None:
        self._uids = uids

    async def __call__(self, send: Send, line: Line) -> None:
        child, status = line["child"], line["status"]
        owner = child["metadata"]["ownerReferences"][0]
        owner["uid"] = self._uids[owner["name"]]
        key = Key.of(child)
        await send(
            "patch",
            CONFIG_MAP.path(key.namespace, key.name),
            body=child,
            content_type="application/apply-patch+yaml",
            field_manager="bare",
            force_conflicts="true",
        )
        body = {"metadata": {"uid": owner["uid"]}, "status": status}
        path = SLO.path(key.namespace, owner["name"], "status")
        await send("patch", path, body=body, content_type="application/merge-patch+json", field_manager="bare")


async def send_all(send: Send, lines: Iterable[Line], act: Callable[[Send, Line], Awaitable[None]]) -> None:
    """Act on each line, `TASKS` at once."""
    waiting = iter(lines)

    async def work() -> None:
        for line in waiting:
            await act(send, line)

    await asyncio.gather(*(work() for _ in range(TASKS)))


@asynccontextmanager
async def connected(kubeconfig: Path | None = None) -> AsyncIterator[Send]:
    """Requests to the cluster of a kubeconfig, by default that of KUBECONFIG."""
    configuration = Configuration()
    file = str(kubeconfig) if kubeconfig else None
    await config.load_kube_config(file, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
    client = ApiClient(configuration)
    dynamic = DynamicClient(client)  # type: ignore[no-untyped-call]

    async def send(method: str, path: str, **params: Any) -> Line:
        response = await dynamic.request(method, path, serialize=False, **params)
        answer: Line = await response.json()
        return answer

    try:
        yield send
    finally:
        await client.close()  # type: ignore[no-untyped-call]


async def main(what: str, lines: list[Line]) -> None:
    async with connected() as send:
        if what == "create":
            await send_all(send, lines, create)
            return
        # From here on it is timed: the operator, too, has to find the objects first.
        found = await send("get", SLO.path(Key.of(lines[0]["child"]).namespace))
        uids = {item["metadata"]["name"]: item["metadata"]["uid"] for item in found["items"]}
        await send_all(send, lines, Writer(uids))


if __name__ == "__main__":
    lines = [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]
    began = time.process_time()
    asyncio.run(main(sys.argv[1], lines))
    print(time.process_time() - began)
