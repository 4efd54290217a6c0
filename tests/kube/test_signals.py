"""SIGTERM ends the operator gracefully, however late kopf sets its own handlers."""

from __future__ import annotations

import asyncio
import os
import signal
from unittest.mock import Mock

from ninefold.kube.metrics import Metrics
from ninefold.kube.runtime import Runtime, RuntimeOptions


def test_a_signal_stops_the_operator_and_not_the_watches_alone() -> None:
    seen: list[str] = []

    async def scenario() -> bool:
        # Nothing is asked of the cluster: the runtime does not run.
        runtime = Runtime([], Mock(), Metrics(), RuntimeOptions())
        loop = asyncio.get_running_loop()

        async def watch() -> None:
            await asyncio.sleep(0.3)
            loop.add_signal_handler(signal.SIGTERM, seen.append, "kopf")
            runtime._informer.spawned.set()
            await asyncio.sleep(60)

        watching = asyncio.create_task(watch())
        try:
            await runtime._catch_signals(watching)
            # Whatever kopf still had to do has been done.
            await asyncio.sleep(0.5)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.1)
            return runtime._stopping.is_set()
        finally:
            watching.cancel()
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

    assert asyncio.run(scenario())
    assert not seen
