"""The work queue keeps client-go's promises."""

import asyncio
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninefold.kube.queue import BACKOFF_FIRST, BACKOFF_MOST, JITTER, WorkQueue


def test_an_item_added_twice_is_worked_on_once() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        queue.add("a")
        assert queue.depth == 1
        assert await queue.get() == "a"
        queue.done("a")
        assert queue.depth == 0

    asyncio.run(scenario())


def test_an_item_added_while_worked_on_comes_again_but_only_afterwards() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await queue.get()
        queue.add("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 0.05)
        queue.done("a")
        assert await asyncio.wait_for(queue.get(), 1) == "a"

    asyncio.run(scenario())


def test_the_sooner_of_two_schedules_counts() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.schedule("a", 60)
        queue.schedule("a", 0.01)
        queue.schedule("a", 30)
        assert await asyncio.wait_for(queue.get(), 1) == "a"

    asyncio.run(scenario())


def test_backoff_doubles_up_to_a_limit_and_is_forgotten_after_success() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        delays = [queue.retry("a") for _ in range(40)]
        for index, delay in enumerate(delays):
            ideal = min(BACKOFF_MOST, BACKOFF_FIRST * 2**index)
            assert ideal * (1 - JITTER) <= delay <= ideal * (1 + JITTER)
        assert queue.retry("b", at_least=7.5) == 7.5
        queue.succeed("a")
        assert queue.retry("a") <= BACKOFF_FIRST * (1 + JITTER)

    asyncio.run(scenario())


def test_a_closed_queue_hands_out_nothing_and_lets_its_workers_go() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        queue.close()
        queue.add("late")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)

    asyncio.run(scenario())


@pytest.mark.parametrize("workers", [1, 16])
def test_everything_else_has_its_turn_between_two_items(workers: int) -> None:
    """Work that never waits, such as a look at an object that is as it should be."""

    async def scenario() -> None:
        queue: WorkQueue[int] = WorkQueue()
        turns, seen = 0, list[int]()

        async def probe() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def work() -> None:
            while len(seen) < 100:
                item = await queue.get()
                seen.append(turns)
                queue.done(item)

        for item in range(100 + workers):
            queue.add(item)
        probing = asyncio.create_task(probe())
        await asyncio.gather(*(work() for _ in range(workers)))
        probing.cancel()
        assert len(set(seen)) == len(seen), "two items in one turn"

    asyncio.run(scenario())


def test_age_is_that_of_the_item_that_has_taken_longest() -> None:
    async def scenario() -> None:
        queue: WorkQueue[str] = WorkQueue()
        assert queue.oldest == 0.0
        queue.add("a")
        await asyncio.sleep(0.05)
        before = asyncio.get_running_loop().time()
        queue.add("b")
        assert await queue.get() == "a"
        # The wait of "a" is over; the time for which it is worked on is counted from zero.
        assert queue.oldest <= asyncio.get_running_loop().time() - before
        await asyncio.sleep(0.06)
        assert queue.oldest >= 0.05

    asyncio.run(scenario())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 6), st.integers(0, 2**32))
def test_no_item_is_lost_or_worked_on_by_two(items: list[int], workers: int, seed: int) -> None:
    async def scenario() -> None:
        queue: WorkQueue[int] = WorkQueue()
        chance = random.Random(seed)
        busy: set[int] = set()
        added_at: dict[int, int] = {}
        looked_at: dict[int, int] = {}
        clock = Counter[str]()

        async def work() -> None:
            while True:
                item = await queue.get()
                assert item not in busy
                busy.add(item)
                clock["t"] += 1
                looked_at[item] = clock["t"]
                await asyncio.sleep(chance.choice((0, 0, 0.0005)))
                busy.discard(item)
                queue.done(item)

        tasks = [asyncio.create_task(work()) for _ in range(workers)]
        for item in items:
            clock["t"] += 1
            added_at[item] = clock["t"]
            queue.add(item)
            await asyncio.sleep(chance.choice((0, 0, 0.0003)))
        while queue.depth or busy:
            await asyncio.sleep(0.001)
        # Whatever was added was looked at after its last addition.
        assert all(looked_at[item] > moment for item, moment in added_at.items())
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError)

    asyncio.run(scenario())
