"""`python -m bench [--json FILE] [--only NAME] [--large] [--small]`: measure, and print a table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.admission import admission
from bench.blame import blame
from bench.convergence import convergence
from bench.detection import RATIOS, detection
from bench.exhaustion import PACES, Pace, exhaustion
from bench.failover import failover
from bench.figure import Failed, Figure, as_json, say, table
from bench.gate import gate
from bench.mutations import mutations
from bench.over import LENGTHS, over
from bench.rendering import rendering, rendering_beside_sloth
from bench.samples import samples
from bench.site import site
from bench.tools import tools


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    objectives: int = 1000
    rounds: int = 3
    quiet: float = 30.0
    """Seconds."""
    rendered: int = 1000
    patches: int = 300
    load: float = 10.0
    """Seconds."""
    ratios: Sequence[float] = RATIOS
    outages: Sequence[int] = LENGTHS
    """Seconds."""
    faults: int = 1
    """Every how many-th fault is put into the rules."""
    paces: tuple[Pace, ...] = PACES
    spent: int = 10
    """How many budgets are spent at each pace."""
    blamed: int = 150
    """How many scenarios of each kind are simulated."""
    crashes: int = 10
    """How often a leader crashes, and how often it ends."""
    pauses: int = 10
    """How often a leader stands still."""
    held: int = 5
    """And how many while canaries are on their way, at the first pace."""


SMALL = Sizes(
    objectives=5,
    rounds=1,
    quiet=1.0,
    rendered=10,
    patches=5,
    load=0.5,
    ratios=(1.0,),
    outages=(36,),
    faults=50,
    paces=PACES[1:],
    spent=2,
    blamed=2,
    crashes=1,
    pauses=0,
    held=1,
)
LARGE = Sizes(objectives=5000, rounds=1)


def _convergence(sizes: Sizes) -> Iterator[Figure]:
    with site(say) as where:
        yield from convergence(where, sizes.objectives, sizes.rounds, sizes.quiet)


def _failover(sizes: Sizes) -> Iterator[Figure]:
    with site(say) as where:
        yield from failover(where, sizes.crashes, sizes.pauses)


def _admission(sizes: Sizes) -> Iterator[Figure]:
    with site(say) as where:
        yield from admission(where, sizes.patches)


MEASUREMENTS: dict[str, Callable[[Sizes], Iterator[Figure]]] = {
    "convergence": _convergence,
    "render": lambda sizes: rendering(say, sizes.rendered, sizes.rounds),
    "render-sloth": lambda sizes: rendering_beside_sloth(say, sizes.rendered, sizes.rounds),
    "samples": lambda _: samples(say),
    "detection": lambda sizes: chain(detection(say, sizes.ratios), over(say, sizes.outages)),
    "mutations": lambda sizes: mutations(say, sizes.faults),
    "admission": _admission,
    "blame": lambda sizes: blame(say, sizes.blamed),
    "exhaustion": lambda sizes: exhaustion(say, sizes.paces, sizes.spent),
    "exhaustion-tools": lambda sizes: tools(say, sizes.paces[0], sizes.held),
    "failover": _failover,
    "gate": lambda sizes: gate(say, 1000, sizes.load, sizes.rounds),
}


def main(arguments: list[str]) -> int:
    """0 if every goal holds, 1 if one is missed, 2 if a measurement failed."""
    options = _parser().parse_args(arguments)
    sizes = SMALL if options.small else Sizes()
    plan = [(name, sizes) for name in (options.only or MEASUREMENTS)]
    if options.large:
        plan.append(("convergence", LARGE))
    figures: list[Figure] = []
    failed = False
    for name, size in plan:
        say(f"== {name} (load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
        try:
            figures += MEASUREMENTS[name](size)
        except Failed as error:
            say(f"{name} failed: {error}")
            failed = True
    if options.json:
        options.json.write_text(as_json(figures))
    print(table(figures))
    return 2 if failed else int(any(figure.holds is False for figure in figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure beside a peer or a floor.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="only this one; may be repeated")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="also converge 5,000 objectives")
    size.add_argument("--small", action="store_true", help="tiny sizes: shows that it works, measures nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
