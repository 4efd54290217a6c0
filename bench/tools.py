"""How long after Prometheus has recorded that a budget is spent the canaries of delivery tools stand still.

Each service has a canary of every tool, on its way as long as the gate is open. The clock starts as in exhaustion.py
and stops when a tool has noted that the gate is closed. From then on the canary must not move.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median

from bench.canaries import KEY, TOKEN, ArgoRollouts, Flagger, Tool
from bench.exhaustion import LATE, Pace
from bench.figure import Failed, Figure, Say, at_most, compared, significant
from bench.site import Site, site
from bench.spending import Spending, change, when

_SERVER = "the API server"
_MORE = 2
"""So many more refusals must find a canary where it was."""


def tools(say: Say, pace: Pace, repetitions: int) -> Iterator[Figure]:
    """Seconds."""
    with site(say, scrape_interval="1s", evaluation_interval=f"{pace.evaluation}s") as where:
        port = where.cluster.free_port()
        known = (ArgoRollouts(where, port), Flagger(where, port))
        took = _chain(where, pace, repetitions, port, known)
    refused = median(took[_SERVER])
    for tool in known:
        yield from _figures(pace, tool, took[tool.name], refused)


def _figures(pace: Pace, tool: Tool, took: list[float], refused: float) -> Iterator[Figure]:
    paces = f"asking every {tool.interval} s, poll {pace.poll} s, rules every {pace.evaluation} s"
    what = f"spent to held by {tool.name}, {paces}"
    goal, holds = at_most("value", max(took), LATE + pace.evaluation + tool.interval)
    yield Figure(f"{what}: least of {len(took)}", significant(min(took)), "s")
    yield compared(f"{what}: median", median(took), "s", f"refused by {_SERVER}", refused)
    yield Figure(f"{what}: most", significant(max(took)), "s", None, None, goal, holds)


def _chain(site: Site, pace: Pace, repetitions: int, port: int, tools: tuple[Tool, ...]) -> dict[str, list[float]]:
    """Who stood still after how long, one service after another."""
    spending = Spending(site, repetitions)
    took: dict[str, list[float]] = {_SERVER: [], **{tool.name: [] for tool in tools}}
    options = ["--poll-interval", f"{pace.poll}s"]
    for option, secret in (("token", TOKEN), ("hmac-key", KEY)):
        file = site.cluster.directory / option
        file.write_text(secret)
        options += [f"--gate-{option}-file", str(file)]
    with site.operator("operator", options=options, port=port) as process:
        spending.wait_until_open()
        for name in spending.names:
            site.cluster.wait_for_service_account(name)
            for tool in tools:
                tool.release(name, 1)
        for name in spending.names:
            process.check_running()
            for tool in tools:
                site.until(f"{tool.name} has brought {name} out", partial(tool.stable, name), 180)
                tool.release(name, 2)
            for tool in tools:
                site.until(f"the canary of {tool.name} is on its way", partial(tool.position, name), 180)
            for who, seconds in _held(site, spending, name, tools).items():
                took[who].append(seconds)
                site.say(f"{name}: held by {who} {seconds:.2f} s after its budget was recorded as spent")
            for tool in tools:
                _stays(site, tool, name)
    return took


def _held(site: Site, spending: Spending, name: str, tools: tuple[Tool, ...]) -> dict[str, float]:
    refusals = {tool.name: partial(tool.refusals, name) for tool in tools}
    if early := [tool for tool, noted in refusals.items() if noted()]:
        raise Failed(f"{', '.join(early)} found the gate of {name} closed before its budget was spent")
    spent = spending.spend(name)
    noted = when({_SERVER: lambda: not change(site, name), **refusals})
    return {who: moment - spent for who, moment in noted.items()}


def _stays(site: Site, tool: Tool, name: str) -> None:
    position, enough = tool.position(name), tool.refusals(name) + _MORE
    site.until(f"{tool.name} has asked {_MORE} times more", lambda: tool.refusals(name) >= enough, 120)
    if not position or tool.position(name) != position:
        raise Failed(f"{tool.name} moved {name} from step {position} to {tool.position(name)} under a closed gate")
