"""Any history of a workload leaves records that agree with each other, also where nobody looked for a while."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.builders.release import MINUTE, NOW, deployment, stored
from tests.release.release.test_controller import SHOP, Cluster

from ninefold.kube.api import DEPLOYMENT, Key, Manifest
from ninefold.kube.fields import rfc3339
from ninefold.release.release.plan import EVIDENCE, Later
from ninefold.release.release.resource import Release

KEEP = 5
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deploy"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["complete", "give up", "miss"]), st.just(0)),
    ),
    max_size=25,
)


class History:
    """A Deployment whose image and state change, and an operator that looks unless it is told not to."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.cluster.gate(records={"keep": KEEP})
        self.now = NOW
        self.image = "checkout:v1"
        self.state = "Complete"
        self._look()

    def step(self, what: str, tag: int) -> None:
        self.now += 5 * MINUTE
        if what == "deploy" and self.image != f"checkout:v{tag}":
            self.image, self.state = f"checkout:v{tag}", "Rolling"
        elif what == "complete":
            self.state = "Complete"
        elif what == "give up" and self.state == "Rolling":
            self.state = "GaveUp"
        if what != "miss":
            self._look()

    def records(self) -> list[Manifest]:
        found = self.cluster.store.all(Release.api, SHOP)
        return sorted(found, key=lambda record: int(record["spec"]["sequence"]))

    def _look(self) -> None:
        """As the queue would do it: until nothing is written any more."""
        workload = deployment(self.image, self.state)
        workload["status"]["conditions"][0].pop("lastUpdateTime")
        key = self.cluster.woken(DEPLOYMENT, self.cluster.put(DEPLOYMENT, workload))[-1]
        if self.cluster.store.get(Release.api, key) is None:
            missing = self.cluster.controller.missing(key, self.cluster.store)
            assert missing is not None
            self.cluster.put(Release.api, stored(missing, self.now))
        for _ in range(4):
            written = [self._reconcile(record) for record in self.records()]
            if not any(written):
                return
        raise AssertionError("it writes for ever")

    def _reconcile(self, record: Manifest) -> bool:
        """One look at one record; whether something was written."""
        resource = Release.parse(record)
        observed = asyncio.run(self.cluster.controller.observe(resource, self.cluster.store, self.now))
        plan = self.cluster.controller.plan(resource, observed, self.now)
        if plan.discard:
            return self.cluster.store.remove(Release.api, record)
        status: dict[str, Any] = plan.status.wire()
        if status == record["status"]:
            return False
        self.cluster.put(Release.api, {**record, "status": status})
        return True


@given(STEPS)
def test_records_of_any_history_agree(steps: list[tuple[str, int]]) -> None:
    history = History()
    for what, tag in steps:
        history.step(what, tag)
        if what == "miss":
            continue
        records = history.records()
        assert len(records) <= KEEP
        assert [record["spec"]["sequence"] for record in records] == list(
            range(records[0]["spec"]["sequence"], records[-1]["spec"]["sequence"] + 1)
        )
        # The last one is what runs, and only it can be under way.
        assert records[-1]["spec"]["images"] == [history.image]
        outcomes = [record["status"]["outcome"] for record in records]
        wanted = {"Complete": {"Succeeded"}, "Rolling": {"Progressing"}, "GaveUp": {"Aborted"}}[history.state]
        assert outcomes[-1] in wanted
        assert "Progressing" not in outcomes[:-1]
        for record, following in pairwise(records):
            undone = record["status"]["outcome"] == "RolledBack"
            assert undone == ("rollsBackTo" in following["spec"])
            assert undone == ("undone" in record["status"])
            replaced = following["status"].get("end") or rfc3339(Later.of(following).began + EVIDENCE)
            watched = datetime.fromisoformat(replaced) + EVIDENCE > history.now and undone
            assert record["status"]["closed"] or watched
        for record in records:
            start, end = (record["status"].get(name) for name in ("start", "end"))
            assert start is None or end is None or start <= end
            assert start or record["status"]["spent"] == "Unknown"
            back = record["spec"].get("rollsBackTo")
            good = [one for one in records if one["metadata"]["name"] == back]
            assert all(one["spec"]["images"] == record["spec"]["images"] for one in good)


def test_a_rollback_is_found_however_long_nobody_looked() -> None:
    history = History()
    for what, tag in (("deploy", 2), ("complete", 0), ("miss", 0), ("deploy", 1), ("complete", 0)):
        history.step(what, tag)
    assert [record["status"]["outcome"] for record in history.records()] == ["Succeeded", "RolledBack", "Succeeded"]
    assert history.now == NOW + timedelta(minutes=25)
    assert Key.of(history.records()[0]).name == history.records()[2]["spec"]["rollsBackTo"]
