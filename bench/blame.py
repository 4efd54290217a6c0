"""Whom closed gates blame, over simulated releases of which it is known which of them are bad.

Two grids: bad releases, alone and beside a harmless release of another workload of the same gate, undone soon, late or
never, at three rates of traffic; and outages whose cause is no release, each some time after a harmless one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

from bench.figure import Figure, Say, at_most
from bench.incidents import Rollout, Scenario, Shop

RATES = (50.0, 2.0, 0.2)
"""Requests a second."""
FAILS = (1.0, 0.3, 0.1, 0.02, 0.005)
"""The share of requests that a bad release fails: at 99.9 % a burn of 1000x to 5x."""
UNDONE = (16, 60, 300, 1200, None)
"""Seconds after which the bad release is rolled back; None: never."""
NEIGHBOURS = (-1200, -300, -60, 0, 30, 120)
"""Seconds after the bad release at which the harmless one goes out."""
LEFT = (0.3, 0.0005)
"""The share of the error budget that is left: much, so that only a burn rate closes the gate, or next to none."""
OUTAGES = (30, 300, 3600)
"""Seconds."""
BEFORE = (5, 60, 300, 900, 2400)
"""Seconds before an outage at which the harmless release goes out."""
_AT = 3000


def releases(neighbours: Sequence[int | None]) -> Iterator[Scenario]:
    """Bad releases, each with a harmless one so many seconds later; None: alone."""
    grid = product(RATES, FAILS, UNDONE, LEFT, neighbours)
    for seed, (rate, fails, undone, left, neighbour) in enumerate(grid):
        rollouts = [Rollout("checkout", "checkout:v2", _AT, fails)]
        if undone is not None:
            rollouts.append(Rollout("checkout", "checkout:v1", _AT + undone, takes=30))
        if neighbour is not None:
            rollouts.append(Rollout("cart", "cart:v2", _AT + neighbour))
        yield Scenario(rollouts, rate, left, daily=bool(seed // 2 % 2), lasts=_AT + 4200, seed=seed)


def outages() -> Iterator[Scenario]:
    """Outages that no release has caused."""
    for seed, (rate, fails, lasts, before) in enumerate(product(RATES, FAILS, OUTAGES, BEFORE)):
        rollouts = [Rollout("checkout", "checkout:v2", _AT - before)]
        outage = (_AT, _AT + lasts, fails)
        yield Scenario(rollouts, rate, LEFT[-1], outage=outage, lasts=_AT + 4200, seed=seed)


def verdict(scenario: Scenario) -> str:
    """hit: the bad release alone was blamed; miss: nobody was; wrong: another one was, at any time; quiet: the gate
    never closed."""
    shop = Shop(scenario)
    bad = {rollout.image for rollout in scenario.rollouts if rollout.fails}
    blamed = shop.run()
    if not shop.closed:
        return "quiet"
    if not blamed:
        return "miss"
    return "hit" if blamed <= bad else "wrong"


def blame(say: Say, most: int) -> Iterator[Figure]:
    """`most`: how many scenarios of each kind are drawn."""
    kinds: dict[str, list[Scenario]] = {
        "alone": list(releases((None,))),
        "beside a harmless one": list(releases(NEIGHBOURS)),
    }
    for name, grid in kinds.items():
        found = _counted(grid, most)
        closed = sum(found.values()) - found["quiet"]
        say(f"bad releases {name}: {dict(found)}")
        for what in ("hit", "miss"):
            yield Figure(f"blame: bad releases {name}, {what}", found[what], f"of {closed} that closed a gate")
        goal, holds = at_most("value", found["wrong"], 0)
        unit = f"of {closed} that closed a gate"
        yield Figure(f"blame: bad releases {name}, wrong", found["wrong"], unit, goal=goal, holds=holds)
    for before in BEFORE:
        grid = [each for each in outages() if each.rollouts[0].at == _AT - before]
        found = _counted(grid, most)
        closed = sum(found.values()) - found["quiet"]
        say(f"outages {before} s after a harmless release: {dict(found)}")
        yield Figure(f"blame: outages {before} s after a harmless release, wrong", found["wrong"], f"of {closed}")


def _counted(grid: Sequence[Scenario], most: int) -> Counter[str]:
    drawn = random.Random(9).sample(list(grid), min(most, len(grid)))
    return Counter(map(verdict, drawn))
