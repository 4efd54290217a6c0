"""Whether Prometheus accepts the expressions of users. A rule file that it refuses would block all other files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.reliability.servicelevelobjective.compiler import Group

TOGETHER = 32
"""How many groups one request may check; after a refusal, each group is checked alone."""
GATHER = 0.05
"""Seconds to wait for further groups to check in the same request."""
_REMEMBERED = 10_000


class Verdicts:
    """Remembers a verdict for each revision of a group, and checks many groups at once."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._known: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Group, asyncio.Future[str]]] = []

    def known(self, group: Group) -> str | None:
        """Why Prometheus refused the group; "" if it accepted the group, None if it has not been asked."""
        revision, words = self._known.get(group.name, ("", ""))
        return words if revision == group.revision else None

    async def of(self, group: Group) -> str:
        """Like `known`, but asks Prometheus if needed; "" also if Prometheus does not answer."""
        words = self.known(group)
        if words is not None:
            return words
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((group, answer))
        # The task that gets the lock asks for all that wait: under load, one request serves many.
        async with self._turn:
            if not answer.done():
                await asyncio.sleep(GATHER)
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                await self._answer(batch)
        return await answer

    async def _answer(self, batch: list[tuple[Group, asyncio.Future[str]]]) -> None:
        try:
            refused = bool(await self._ask([group for group, _ in batch])) if batch else False
            for group, answer in batch:
                words = await self._ask([group]) if refused else ""
                self._remember(group, words)
                answer.set_result(words)
        except Unreachable:
            return
        finally:
            # No caller may wait forever, whatever went wrong.
            for _, answer in batch:
                if not answer.done():
                    answer.set_result("")

    async def _ask(self, groups: list[Group]) -> str:
        expressions = [expression for group in groups for expression in group.user_expressions]
        if not expressions:
            # A composite contains no PromQL of the user.
            return ""
        try:
            await self._prometheus.check(" or ".join(f"({expression})" for expression in expressions))
        except QueryRefused as refused:
            return str(refused)
        return ""

    def _remember(self, group: Group, words: str) -> None:
        self._known[group.name] = (group.revision, words)
        self._known.move_to_end(group.name)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
