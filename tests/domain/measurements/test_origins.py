"""What the operator says of a Prometheus that does not show its rules."""

from __future__ import annotations

import asyncio

import pytest
from tests.processes import free_port

from ninefold.domain.measurements.origins import Origins
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus


def test_an_answer_that_is_missing_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def look_three_times() -> None:
        async with Prometheus(ConnectionOptions(f"http://127.0.0.1:{free_port()}")) as nobody:
            origins = Origins(nobody)
            for _ in range(3):
                await origins.look()

    with caplog.at_level("INFO"):
        asyncio.run(look_three_times())
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Prometheus does not show which rules it has loaded"
    ]
