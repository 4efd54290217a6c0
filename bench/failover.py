"""How long it takes until the other replica writes, after the leader has crashed, ended, or stood still.

Two replicas of the operator as users of their own in the audit log of the API server, with objectives that change all
the time, so that the leader always has something to write. The clock runs from the signal to the answer to the first
write of the other, by the same machine's clock.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import devcluster
from bench.audit import Request
from bench.figure import Failed, Figure, significant
from bench.site import NAMESPACE, SLO, Site
from ninefold.kube.lease import Lease

OBJECTIVES = 20
STANDSTILL = 40.0
"""Seconds that a leader stands still: long enough for the other to lead."""
_AWAKE = 15.0
_CHANGE = 0.2


class _Replica:
    def __init__(self, site: Site, user: str, process: devcluster.Process) -> None:
        self.user, self.process = user, process
        self._tape = site.tape(user)

    def writes(self, since: float) -> list[Request]:
        """What it wrote after a moment: the Lease and what it was refused are no writes of a leader."""
        return [
            request
            for request in self._tape.requests()
            if request.writes and request.resource != "leases" and request.code < 300 and request.received > since
        ]

    def stands_by(self) -> bool:
        """Whether it asks for the Lease: its caches are filled by then."""
        return any(request.resource == "leases" for request in self._tape.requests())


def failover(site: Site, rounds: int, pauses: int) -> Iterator[Figure]:
    """After kill -9 and after SIGTERM, in so many rounds; and after SIGSTOP and SIGCONT."""
    site.create(OBJECTIVES)
    with _changing(site):
        crashes = [_taken_over(site, signal.SIGKILL, number) for number in range(rounds)]
        ends = [_taken_over(site, signal.SIGTERM, number) for number in range(rounds)]
        late = sum(_woken(site, number) for number in range(pauses))
    yield from _spread("first write of the other after kill -9", crashes)
    yield from _spread("first write of the other after SIGTERM", ends)
    name = f"writes of a leader that stood still for {STANDSTILL:g} s while the other leads"
    yield Figure(f"{name}, in {pauses} times", late, "requests", None, None, "value <= 0", late == 0)


def _spread(name: str, seconds: list[float]) -> Iterator[Figure]:
    lease = f"Lease: {Lease.duration:g} s"
    for word, value in (("least", min(seconds)), ("median", median(seconds)), ("most", max(seconds))):
        ratio = significant(value / Lease.duration)
        yield Figure(f"{name}, {word} of {len(seconds)}", significant(value), "s", lease, ratio)


def _taken_over(site: Site, number: signal.Signals, turn: int) -> float:
    """Seconds from the signal to the first write of the other."""
    with _pair(site) as (leader, other):
        began = time.time()
        leader.process.signal(number)
        site.until("the other writes", lambda: other.writes(began), 120, every=0.1)
        took = other.writes(began)[0].answered - began
        site.say(f"{number.name} {turn + 1}: {took:.1f} s")
        return took


def _woken(site: Site, turn: int) -> int:
    """The writes of a leader after it stood still, until it has ended."""
    with _pair(site) as (leader, other):
        began = time.time()
        leader.process.signal(signal.SIGSTOP)
        site.until("the other writes", lambda: other.writes(began), 120)
        time.sleep(max(0.0, began + STANDSTILL - time.time()))
        woken = time.time()
        leader.process.signal(signal.SIGCONT)
        time.sleep(_AWAKE)
        if leader.process.poll() is None:
            raise Failed("the leader that stood still still runs")
        late = len(leader.writes(woken))
        site.say(f"standstill {turn + 1}: {late} writes of the old leader, {len(other.writes(woken))} of the new one")
        return late


@contextmanager
def _pair(site: Site) -> Iterator[tuple[_Replica, _Replica]]:
    """A leader that writes, and another one that stands by."""
    options = ["--leader-elect", "--lease-namespace", NAMESPACE, "--poll-interval=1s"]
    with ExitStack() as stack:
        began = time.time()
        leader = _Replica(site, "first", stack.enter_context(site.operator("first", options=options)))
        site.until("the first writes", lambda: leader.writes(began), 120)
        port = site.cluster.free_port()
        other = _Replica(site, "second", stack.enter_context(site.operator("second", options=options, port=port)))
        site.until("the second stands by", other.stands_by, 120)
        yield leader, other


@contextmanager
def _changing(site: Site) -> Iterator[None]:
    """People who change one objective after another."""
    done = threading.Event()

    def change() -> None:
        number = 0
        while not done.wait(_CHANGE):
            number += 1
            path = f"{SLO.path(NAMESPACE)}/service-{number % OBJECTIVES:05}-availability"
            found = site.cluster.api.request("GET", path)[1]
            found["spec"]["objective"] = f"99.{number % 9 + 1}"
            # Somebody may have written in between: then the next one is changed.
            site.cluster.api.request("PUT", path, found)

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30)
