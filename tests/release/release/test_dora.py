"""The DORA figures, against months whose answers are known."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.release.release.dora_history import BEGIN, END, Month

from ninefold.kube.store import Store
from ninefold.release.release import dora
from ninefold.release.release.metrics import ReleaseMetrics
from ninefold.release.release.resource import Release

SERVICE = dora.ServiceKey("shop", "web", "shop")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def figures(month: Month) -> dora.DoraFigures:
    return dora.by_service(month.records, END)[SERVICE]


@settings(max_examples=25)
@given(st.integers(0, 10**9), st.integers(1, 5))
def test_a_month_has_the_figures_that_are_known_of_it(seed: int, workloads: int) -> None:
    month = Month(seed, workloads)
    known, found = month.known, figures(month)
    assert found.since == BEGIN
    assert found.deployments == known.deployments
    assert found.deployments_per_day == pytest.approx(known.deployments / 30)
    assert (found.lead_time, found.lead_times) == (known.lead_time, len(known.lead_times))
    assert found.change_failure == pytest.approx(known.failed / known.deployments)
    assert (found.restore, found.restored) == (known.restore, len(known.restores))
    assert found.rework == pytest.approx(known.rework / known.rolled_out)


def test_a_month_is_some_hundred_releases_of_every_kind() -> None:
    month = Month(1, workloads=6)
    outcomes = Counter(record["status"]["outcome"] for record in month.records)
    assert len(month.records) > 200
    assert min(outcomes[word] for word in ("Succeeded", "RolledBack", "Aborted", "Superseded")) >= 10


@settings(max_examples=20)
@given(st.integers(0, 10**9))
def test_the_order_of_the_records_does_not_matter(seed: int) -> None:
    month = Month(seed)
    before = figures(month)
    random.Random(seed).shuffle(month.records)
    assert figures(month) == before


@settings(max_examples=20)
@given(st.integers(0, 10**9), st.integers(2, 12))
def test_what_was_dropped_shortens_the_time_and_bends_no_figure(seed: int, keep: int) -> None:
    month = Month(seed, workloads=1)
    kept = [dora.read(record)[1] for record in month.records[-keep:]]
    whole = [dora.read(record)[1] for record in month.records]
    since = dora.reach(kept)
    assert since == kept[0].recorded
    found = dora.figures(kept, END)
    assert found.since == since
    # One that ended in the very second in which the next began may be on either side.
    ended = [one for one in whole if one.end and (one.end > since or one in kept)]
    deployments = [one for one in ended if one.outcome in ("Succeeded", "RolledBack", "Aborted") and not one.rollback]
    assert found.deployments == len(deployments)
    if deployments:
        assert found.change_failure == pytest.approx(sum(one.failed for one in deployments) / len(deployments))


def test_a_service_is_known_as_far_back_as_each_of_its_workloads() -> None:
    records = [dora.read(record)[1] for record in Month(7, workloads=2).records]
    cut = [one for one in records if one.workload == "Deployment/web-0" or one.sequence > 5]
    assert dora.reach(records) == BEGIN
    assert dora.reach(cut) == min(one.recorded for one in cut if one.workload == "Deployment/web-1") > BEGIN
    # One that came later is no gap: before it there was nothing.
    late = [replace(one, recorded=one.recorded + DAY) for one in records if one.workload == "Deployment/web-1"]
    assert dora.reach([*late, *(one for one in records if one.workload == "Deployment/web-0")]) == BEGIN


def test_what_is_older_than_thirty_days_does_not_count() -> None:
    month = Month(3)
    found = dora.by_service(month.records, END + 10 * DAY)[SERVICE]
    assert found.since == BEGIN + 10 * DAY
    assert 0 < found.deployments < month.known.deployments
    assert dora.by_service(month.records, END + 40 * DAY)[SERVICE].deployments == 0


def test_what_cannot_be_told_is_not() -> None:
    record = replace(dora.read(Month(4).records[0])[1], committed=None)
    first_day = dora.figures([record], record.recorded + HOUR)
    assert first_day.deployments_per_day is None
    assert first_day.deployments == 1
    assert (first_day.lead_time, first_day.restore) == (None, None)
    under_way = replace(record, outcome="Progressing", end=None)
    nothing = dora.figures([under_way], record.recorded + 2 * DAY)
    assert (nothing.deployments, nothing.deployments_per_day) == (0, 0)
    assert (nothing.change_failure, nothing.rework) == (None, None)


def test_what_ran_before_the_records_is_no_deployment() -> None:
    record = dora.read(Month(4).records[0])[1]
    for end in (None, record.recorded - DAY):
        adopted = replace(record, start=None, end=end)
        assert dora.figures([adopted], record.recorded + 2 * DAY).deployments == 0


def test_a_rollout_of_seconds_counts_though_its_record_came_after_it() -> None:
    record = dora.read(Month(4).records[0])[1]
    quick = replace(record, start=record.recorded - timedelta(seconds=3), end=record.recorded - timedelta(seconds=1))
    assert dora.figures([quick], record.recorded + 2 * DAY).deployments == 1


def test_a_failure_that_nobody_mended_yet_has_no_time_to_restore() -> None:
    record = replace(dora.read(Month(4).records[0])[1], outcome="Aborted")
    found = dora.figures([record], END)
    assert (found.change_failure, found.restore, found.restored) == (1.0, None, 0)


def test_a_commit_that_comes_after_its_release_is_not_believed() -> None:
    record = dora.read(Month(4).records[0])[1]
    assert record.end is not None
    wrong = replace(record, committed=record.end + HOUR)
    assert dora.figures([wrong], END).lead_time is None


@given(st.integers(0, 10**9))
@settings(max_examples=10)
def test_services_do_not_mix(seed: int) -> None:
    month = Month(seed)
    other = Month(seed + 1).records
    for record in other:
        record["spec"].update(service="cart", team="")
    found = dora.by_service([*month.records, *other], END)
    assert list(found) == [dora.ServiceKey("shop", "cart", ""), SERVICE]
    assert found[SERVICE] == figures(month)


def test_the_metrics_are_these_figures() -> None:
    month, store = Month(5), Store()
    for version, record in enumerate(month.records, 1):
        record["metadata"]["resourceVersion"] = str(version)
        store.put(Release.api, record)
    registry = CollectorRegistry()
    registry.register(ReleaseMetrics(store, lambda: END))

    def value(name: str, **further: str) -> float | None:
        return registry.get_sample_value(name, {"namespace": "shop", "service": "web", "team": "shop", **further})

    found = figures(month)
    assert value("ninefold_dora_since_timestamp_seconds") == BEGIN.timestamp()
    assert value("ninefold_dora_deployments_per_day") == found.deployments_per_day
    assert value("ninefold_dora_lead_time_seconds") == found.lead_time
    assert value("ninefold_dora_change_failure_ratio") == found.change_failure
    assert value("ninefold_dora_restore_seconds") == found.restore
    assert value("ninefold_dora_rework_ratio") == found.rework
    aborted = sum(record["status"]["outcome"] == "Aborted" for record in month.records)
    assert value("ninefold_releases", outcome="Aborted") == aborted
