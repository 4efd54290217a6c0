"""One entry of ours among the sync windows of a project: it holds while the gate is closed, and ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.followers.argo import active, complaint

from ninefold.kube.api import Key
from ninefold.release.followers.argocd_windows import LASTS, held, let_go, renewal, until

GATE = Key("shop", "checkout")
NOW = datetime(2026, 3, 1, 13, 5, 40, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Windows = Sequence[Any]


def hold(present: Windows, now: datetime, gate: Key = GATE, *, manual: bool = False) -> list[Any]:
    return list(held(present, gate, manual=manual, now=now))


def test_what_is_written() -> None:
    assert hold([], NOW) == [
        {
            "kind": "deny",
            "schedule": "6 13 1 3 *",
            "duration": "60m",
            "timeZone": "UTC",
            "applications": ["*"],
            "syncOverrun": True,
            "description": "ninefold-gate until 2026-03-01T14:06:00Z: release gate shop/checkout is closed",
        }
    ]
    (by_hand,) = hold([], NOW, manual=True)
    assert by_hand["manualSync"] is True


def test_it_is_renewed_when_half_is_over_and_holds_without_a_gap() -> None:
    first = hold([], NOW)
    due = renewal(first)
    assert due == datetime(2026, 3, 1, 13, 36, tzinfo=UTC)
    assert hold(first, due - timedelta(seconds=1)) == first
    second = hold(first, due)
    assert second[0]["schedule"] == "36 13 1 3 *"
    assert active(second[0], due + timedelta(seconds=1))
    assert renewal(second) == due + LASTS / 2


def test_it_does_not_reach_back_to_what_began_before_the_gate_closed() -> None:
    """Argo CD would stop such a sync in the middle."""
    (window,) = hold([], NOW)
    assert not active(window, NOW)
    assert active(window, NOW + MINUTE)


def test_it_ends_with_the_operator() -> None:
    (window,) = hold([], NOW)
    assert active(window, NOW + LASTS)
    assert not active(window, NOW + LASTS + MINUTE)


def test_a_year_later_it_is_known_to_be_over() -> None:
    old, later = hold([], NOW), NOW + timedelta(days=365, minutes=5)
    assert active(old[0], later), "the schedule has no year"
    assert let_go(old) == []
    (new,) = hold(old, later)
    assert until(new) == datetime(2027, 3, 1, 14, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment", ["2026-12-31T23:59:30+00:00", "2028-02-29T23:59:59+00:00", "2026-03-31T23:30:00+00:00"]
)
def test_it_crosses_midnight_the_month_and_the_year(moment: str) -> None:
    now = datetime.fromisoformat(moment)
    (window,) = hold([], now)
    assert all(active(window, now + (step + 1) * MINUTE + timedelta(seconds=1)) for step in range(59))
    assert not active(window, now + 62 * MINUTE)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "allow"},
        {"schedule": "0 0 1 1 *"},
        {"duration": "1m"},
        {"applications": ["none"]},
        {"manualSync": True},
        {"syncOverrun": False},
        {"clusters": ["https://elsewhere"], "andOperator": True},
        {"description": "ninefold-gate until 2031-03-01T14:06:00Z: release gate shop/checkout is closed"},
        {"description": "ninefold-gate until 2026-03-01T14:06:00Z: release gate shop/other is closed"},
    ],
)
def test_what_somebody_made_of_it_is_put_right(change: dict[str, Any]) -> None:
    written = hold([], NOW)
    assert hold([{**written[0], **change}], NOW) in (written, [{**written[0], "schedule": "5 13 1 3 *"}])


def test_it_stays_where_it_is_and_there_is_one() -> None:
    mine = hold([], NOW)[0]
    before, after = {"kind": "allow", "schedule": "1 * * * *"}, {"kind": "allow", "schedule": "2 * * * *"}
    assert hold([before, mine, after, mine], NOW) == [before, mine, after]
    assert hold([before, after], NOW) == [before, after, mine]


def test_the_same_entry_of_somebody_else_would_make_the_project_invalid() -> None:
    (mine,) = hold([], NOW)
    theirs = {**mine, "description": "the same freeze by hand"}
    both = hold([theirs], NOW)
    assert both[0] is theirs
    assert not complaint(both)
    assert all(any(active(each, NOW + step * MINUTE) for each in both) for step in range(1, 60))
    assert hold(both, NOW + MINUTE) == both


def test_a_gate_of_the_longest_name_leaves_the_project_valid() -> None:
    gate = Key("n" * 63, "g" * 253)
    written = hold([], NOW, gate)
    assert not complaint(written)
    assert hold(written, NOW, gate) == written


texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["ninefold-gate", "ninefold-gate until", "ninefold-gate until 2026-13-41T00:00:00Z: x", " ninefold-gate until "]
    ),
)
minutes = st.integers(0, 59)
others = st.fixed_dictionaries(
    {"kind": st.sampled_from(["allow", "deny"]), "schedule": minutes.map("{} 13 1 3 *".format)},
    optional={
        "duration": st.sampled_from(["60m", "1h", "90m"]),
        "applications": st.lists(st.sampled_from(["*", "shop-*"]), max_size=2),
        "namespaces": st.lists(texts, max_size=2),
        "timeZone": st.sampled_from(["UTC", "Europe/Paris", ""]),
        "manualSync": st.booleans(),
        "syncOverrun": st.booleans(),
        "andOperator": st.booleans(),
        "description": texts,
        "fieldOfALaterVersion": st.dictionaries(texts, st.integers(), max_size=2),
    },
)
moments = st.integers(0, 90 * 60).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(st.lists(others, max_size=5), st.lists(st.tuples(moments, st.booleans(), st.booleans()), max_size=6), st.data())
def test_whatever_happens_others_keep_what_they_wrote(
    theirs: list[Any], looks: list[tuple[datetime, bool, bool]], data: st.DataObject
) -> None:
    windows, before = list(theirs), deepcopy(theirs)
    for now, is_closed, manual in sorted(looks):
        stood = deepcopy(windows)
        windows = hold(windows, now, manual=manual) if is_closed else list(let_go(windows))
        assert [each for each in windows if not until(each)] == before
        assert len([each for each in windows if until(each)]) == is_closed
        assert hold(windows, now, manual=manual) == windows if is_closed else let_go(windows) == windows, (
            "it writes twice"
        )
        if not complaint(before):
            assert complaint(windows) in ("", complaint(stood))
        # Somebody adds an entry where he likes, in the middle, too.
        if data.draw(st.booleans()):
            new, at = data.draw(others), data.draw(st.integers(0, len(windows)))
            windows.insert(at, new)
            before = [each for each in windows if not until(each)]


@given(st.lists(st.integers(1, 29 * 60), min_size=1, max_size=20), st.integers(0, 59))
def test_while_the_operator_looks_in_time_the_project_stays_closed(steps: list[int], second: int) -> None:
    now = NOW.replace(second=second)
    windows: list[Any] = []
    closed_from = now + MINUTE + timedelta(seconds=1)
    for step in steps:
        windows = hold(windows, now)
        for moment in (now + timedelta(seconds=share * step / 4 + 0.5) for share in range(4)):
            assert moment < closed_from or active(windows[0], moment)
        now += timedelta(seconds=step)
