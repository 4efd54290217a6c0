"""How long a workload has served what it runs: busy ones are learnt, bad ones are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.releasegate.test_plan import after, gate, good

from ninefold.kube.fields import rfc3339
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.serving import Serving, serving
from ninefold.release.workloads.workload import Workload

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def pods(size: int, available: int, *, seen: bool = True) -> Serving:
    """A Deployment of that size all of whose pods run the present template."""
    status = {
        "replicas": size,
        "updatedReplicas": size,
        "availableReplicas": available,
        "observedGeneration": int(seen),
    }
    return serving("Deployment", {"metadata": {"generation": 1}, "spec": {"replicas": size}, "status": status})


def watched(looks: Sequence[tuple[int, str, Serving]], kind: str = "Deployment", **spec: Any) -> ReleaseGate:
    """A gate that has looked at a workload after these minutes, at this tag."""
    life = gate(None, **{"sources": [], **spec})
    for minute, tag, found in looks:
        workload = Workload(f"{kind}/checkout", {"app": f"checkout:{tag}"}, found)
        life = after(life, plan(life, Observed({}, [workload]), NOW + minute * MINUTE))
    return life


def test_an_autoscaler_and_evictions_keep_nothing_from_being_learnt() -> None:
    looks = [
        (0, pods(4, 4)),
        # Six more, of which none is ready yet.
        (2, pods(10, 4, seen=False)),
        (2, pods(10, 4)),
        (3, pods(10, 9)),
        (5, pods(3, 3, seen=False)),
        (5, pods(3, 2)),
        (7, pods(12, 2)),
        (9, pods(12, 11)),
        # One finds no node.
        (10, pods(12, 11)),
    ]
    assert good(watched([(minute, "v1", found) for minute, found in looks]).status) == ["checkout:v1"]


@pytest.mark.parametrize(
    "interruption",
    [
        pytest.param(("v1", pods(4, 2)), id="too few are left"),
        pytest.param(("v2", pods(4, 4)), id="another image"),
        pytest.param(("v1", pods(0, 0)), id="no pod proves nothing"),
    ],
)
def test_the_time_begins_again(interruption: tuple[str, Serving]) -> None:
    looks = [(0, "v1", pods(4, 4)), (9, *interruption), (10, "v1", pods(4, 4))]
    assert good(watched([*looks, (19, "v1", pods(4, 4))]).status) == []
    assert good(watched([*looks, (20, "v1", pods(4, 4))]).status) == ["checkout:v1"]


def test_what_has_stood_its_time_waits_until_enough_serve_it() -> None:
    """The pods that were added last do not come up."""
    looks = [(0, "v1", pods(2, 2)), *[(minute, "v1", pods(10, 2)) for minute in range(1, 60)]]
    life = watched(looks)
    assert good(life.status) == []
    late = plan(life, Observed({}, [Workload("Deployment/checkout", {"app": "checkout:v1"}, pods(10, 2))]), NOW)
    assert late.due is None or late.due > NOW, "nothing is due that only an event can bring"
    assert good(watched([*looks, (60, "v1", pods(10, 8))]).status) == ["checkout:v1"]


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=40))
def test_what_never_has_half_of_its_pods_is_never_learnt(sizes: list[tuple[int, int]]) -> None:
    looks = [(5 * number, "v1", pods(size, min(up, (size - 1) // 2))) for number, (size, up) in enumerate(sizes)]
    assert good(watched(looks).status) == []


@given(
    st.lists(st.tuples(st.integers(2, 30), st.integers(0, 1), st.booleans()), min_size=12, max_size=40),
    st.integers(2, 30),
)
def test_whatever_an_autoscaler_does_it_is_learnt(steps: list[tuple[int, int, bool]], size: int) -> None:
    """Each minute another size: the pods that stay are available but for one, those that are added not yet."""
    looks = [(0, "v1", pods(size, size))]
    for minute, (wanted, lost, seen) in enumerate(steps, 1):
        looks.append((minute, "v1", pods(wanted, max(min(size, wanted) - lost, 1), seen=seen)))
        size = wanted
    assert good(watched([*looks, (60, "v1", pods(size, size))]).status) == ["checkout:v1"]


def run(minute: float | None) -> Serving:
    """A CronJob the last run of which was due then and succeeded."""
    times = ("lastScheduleTime", "lastSuccessfulTime")
    status = dict.fromkeys(times, rfc3339(NOW + minute * MINUTE)) if minute is not None else {}
    return serving("CronJob", {"metadata": {}, "spec": {}, "status": status})


def test_a_cron_job_is_learnt_by_a_run_of_its_present_template() -> None:
    def known(*looks: tuple[int, str, Serving]) -> str:
        return watched(looks, "CronJob").status.known_good_revisions.get("CronJob/checkout", "")

    # The run was of the template before.
    assert known((0, "v2", run(-1)), (10, "v2", run(-1)), (60, "v2", run(-1))) == ""
    assert known((0, "v2", run(-1)), (9, "v2", run(5))) == ""
    assert known((0, "v2", run(-1)), (9, "v2", run(5)), (10, "v2", run(5))) == "app=checkout:v2"
    assert known((0, "v2", run(-1)), (600, "v2", run(599))) == "app=checkout:v2"
    assert known((0, "v1", run(None)), (20, "v2", run(5)), (40, "v2", run(5))) == ""


def test_what_waits_for_a_run_takes_no_other_workloads_place() -> None:
    jobs = [Workload(f"CronJob/job-{number}", {"app": "a:1"}, run(None)) for number in range(600)]
    service = Workload("Rollout/checkout", {"app": "checkout:v1"}, Serving(available=1))
    life = gate(sources=[])
    for minute in (0, 10):
        life = after(life, plan(life, Observed({}, [*jobs, service]), NOW + minute * MINUTE))
    assert "Rollout/checkout" in life.status.known_good_revisions


def test_what_an_override_brings_under_a_freeze_becomes_known_to_be_good() -> None:
    """A freeze says nothing of how well the workloads are; a person who stops the line may know that they are not."""
    dates = {"from": rfc3339(NOW - MINUTE), "until": rfc3339(NOW + 600 * MINUTE)}
    freeze = [{"freeze": {"dates": dates, "reason": "the sale"}}]
    looks = [(0, "v2", pods(2, 2)), (10, "v2", pods(2, 2))]
    frozen = watched(looks, sources=freeze)
    stopped = watched(looks, sources=freeze, stop={"by": "ann", "reason": "the provider is down"})
    assert (frozen.status.decision, stopped.status.decision) == ("Hold", "Hold")
    assert (good(frozen.status), good(stopped.status)) == (["checkout:v2"], [])
    above = after(gate(), plan(gate(sources=freeze), Observed({}, []), NOW)).status
    life = gate(sources=[{"clusterReleaseGate": "production"}])
    for minute, tag, served in looks:
        workload = Workload("Deployment/checkout", {"app": f"checkout:{tag}"}, served)
        observed = Observed({}, [workload], above={"production": above})
        life = after(life, plan(life, observed, NOW + minute * MINUTE))
    assert (life.status.decision, good(life.status)) == ("Hold", ["checkout:v2"])
