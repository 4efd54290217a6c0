"""How steps are waited for and reported, and the parts of the demo that decide something."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from demo.checkout import fails
from demo.node import rolled_out
from demo.steps import Failed, Screen, Seen, Steps, report, table

from devcluster import DevclusterError


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def steps(out: io.StringIO) -> Steps:
    return Steps(Screen(out), lambda: "budget left 12 %")


def then(*answers: Seen | Exception) -> Callable[[], Seen]:
    """A look that gives these answers one after the other, the last one for ever."""
    rest: Iterator[Seen | Exception] = iter([*answers[:-1], *[answers[-1]] * 99])

    def look() -> Seen:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


def test_a_step_is_looked_at_until_it_happens(steps: Steps, out: io.StringIO) -> None:
    steps.reach("gate open", "it opens", then(Seen(False, "Hold"), OSError("refused"), Seen(True, "Allow")), 10)
    (step,) = steps.done
    assert (step.name, step.ok, step.evidence) == ("gate open", True, "Allow")
    assert step.seconds > 0.4
    assert "ok   gate open" in out.getvalue()
    assert "| Allow" in out.getvalue()
    assert report(steps.done, ok=True) == {
        "ok": True,
        "steps": [{"name": "gate open", "ok": True, "seconds": round(step.seconds, 2), "evidence": "Allow"}],
    }


def test_time_counts_from_the_cause(steps: Steps) -> None:
    steps.reach("page", "it pages", then(Seen(True, "firing")), since=steps.screen.elapsed - 7)
    assert steps.done[0].seconds >= 7


@pytest.mark.parametrize(
    ("look", "limit", "seen"),
    [
        (then(Seen(False, "Allow")), 0.3, "Allow"),
        (then(OSError("connection refused")), 0.3, "no answer: connection refused"),
        # Nothing that waiting would mend.
        (then(DevclusterError("the operator ended with 1")), 3600, "the operator ended with 1"),
        # It happens, but a single look was all it got.
        (then(Seen(False, "it passed"), Seen(True, "refused")), 0, "it passed"),
    ],
    ids=["never", "no answer", "broken", "once"],
)
def test_what_does_not_happen_is_told(steps: Steps, look: Callable[[], Seen], limit: float, seen: str) -> None:
    with pytest.raises(Failed, match=rf"gate closed: expected that the gate closes; seen after \d+ s: {seen}"):
        steps.reach("gate closed", "the gate closes", look, limit)
    assert [(step.ok, step.evidence) for step in steps.done] == [(False, seen)]
    assert table(steps.done)[0].endswith("FAILED")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_gauge_is_redrawn_on_a_terminal() -> None:
    out = Terminal()
    steps = Steps(Screen(out), lambda: "budget left 12 %")
    with pytest.raises(Failed):
        steps.reach("slow", "it happens", then(Seen(False, "no")), 1.3)
    *_, gauge, line = out.getvalue().split("\r\033[K")[1:]
    assert gauge.endswith("... budget left 12 %"), "no end of line: the next one takes its place"
    assert re.match(r" *\d+\.\d", line), line


@pytest.mark.parametrize(("version", "share"), [("v41", 0.005), ("v42", 0.9), ("v43", 0.005)])
def test_the_share_of_failures_is_exact(version: str, share: float) -> None:
    assert sum(fails(version, number) for number in range(1000)) == 1000 * share
    assert not fails(version, 0)


def deployment(**status: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "app", "image": "checkout:v42"}]}}
    return {"metadata": {"generation": 2}, "spec": {"replicas": 2, "template": template}, "status": status}


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({}, "v42"),
        ({"observedGeneration": 1}, None),
        ({"updatedReplicas": 1}, None),
        ({"availableReplicas": 1}, None),
        # An old pod is still there.
        ({"replicas": 3}, None),
    ],
)
def test_a_version_runs_when_it_is_rolled_out(changes: dict[str, int], tag: str | None) -> None:
    complete = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    assert rolled_out(deployment(**{**complete, **changes})) == tag
    assert rolled_out(deployment()) is None
