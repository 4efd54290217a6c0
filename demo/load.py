"""The customers of the demo: a steady rate of requests, with at most a few open requests.

Run as `python -m demo.load URL REQUESTS_PER_SECOND`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import aiohttp

CUSTOMERS = 8


async def customer(session: aiohttp.ClientSession, url: str, pause: float) -> None:
    """One request every `pause` seconds. Delays by slow answers are not compensated."""
    now = asyncio.get_running_loop().time
    due = now()
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(url) as response:
                await response.read()
        due = max(due + pause, now())
        await asyncio.sleep(due - now())


async def main(url: str, rate: float) -> None:
    """Send requests until the process is stopped."""
    pause = CUSTOMERS / rate
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
        asyncio.TaskGroup() as customers,
    ):
        for _ in range(CUSTOMERS):
            customers.create_task(customer(session, url, pause))
            await asyncio.sleep(pause / CUSTOMERS)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
