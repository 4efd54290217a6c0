"""What was spent stays spent: no sequence of edits opens a gate before the untouched objective would have."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.reliability.errorbudgetpolicy.shop import OPEN, Shop

from ninefold.kube.fields import seconds

NAMES = ("right", "left", "other")


class Editor(RuleBasedStateMachine):
    """An editor of the namespace does whatever comes to mind while the service fares as it will.

    The twin is the shop as it was when the gate closed, and nobody touches it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.twin: Shop | None = None
        self.touched: datetime | None = None

    @initialize()
    def begin(self) -> None:
        self.shop.create("right")
        for _ in range(30):
            self._pass(0.001)

    def _pass(self, failing: float) -> None:
        if self.twin is not None:
            self.twin.down = self.shop.down
            self.twin.tick(failing)
        self.shop.tick(failing)
        self._compare()

    def _look(self) -> None:
        if self.twin is not None:
            self.twin.look()
        self.shop.look()
        self._compare()

    def _compare(self) -> None:
        if self.shop.down:
            return
        if self.twin is not None:
            assert not self.shop.is_open or self.twin.is_open or self._is_over(self.twin), self.shop.policy.status
        if self.shop.is_open:
            self.twin = self.touched = None
        elif self.twin is None:
            self.twin = self.shop.twin()

    def _is_over(self, twin: Shop) -> bool:
        """Whether all that was spent before the first edit has left the windows of what still closes the twin: what the
        service does after that is judged by the objectives that exist then."""
        closing = [each.name for each in twin.policy.status.objectives if each.decision not in OPEN]
        longest = max((seconds(twin.slos[name].window) for name in closing), default=0)
        return self.touched is not None and self.shop.now >= self.touched + timedelta(seconds=longest)

    def _touch(self) -> None:
        self.touched = self.touched or self.shop.now

    @rule(failing=st.sampled_from((0.0, 0.001, 0.02, 0.5)), ticks=st.integers(1, 12))
    def time(self, failing: float, ticks: int) -> None:
        for _ in range(ticks):
            self._pass(failing)

    @rule(name=st.sampled_from(NAMES), counts=st.sampled_from(("http", "up")), look=st.booleans())
    def create(self, name: str, counts: str, look: bool) -> None:
        if name not in self.shop.slos:
            self.shop.create(name, counts=counts)
            self._after(look)

    @rule(name=st.sampled_from(NAMES), look=st.booleans())
    def delete(self, name: str, look: bool) -> None:
        if name in self.shop.slos:
            self.shop.delete(name)
            self._after(look)

    @rule(
        name=st.sampled_from(NAMES),
        field=st.sampled_from(
            [
                ("counts", "up"),
                ("counts", "http"),
                ("target", "5"),
                ("target", "99"),
                ("target", "99.9"),
                ("window", "1h"),
                ("window", "12h"),
                ("service", "elsewhere"),
                ("service", "checkout"),
            ]
        ),
        look=st.booleans(),
    )
    def edit(self, name: str, field: tuple[str, str], look: bool) -> None:
        if name in self.shop.slos:
            self.shop.edit(name, **dict([field]))
            if field[0] in ("target", "service"):
                # These are seen through: the objective goes on being measured.
                if look:
                    self._look()
                return
            self._after(look)

    @rule(name=st.sampled_from(NAMES), suspended=st.booleans(), look=st.booleans())
    def suspend(self, name: str, suspended: bool, look: bool) -> None:
        if name in self.shop.slos:
            self.shop.suspend(name, suspended)
            self._after(look)

    @precondition(lambda self: not self.shop.down)
    @rule(name=st.sampled_from(NAMES))
    def delete_rules(self, name: str) -> None:
        if name in self.shop.slos and self.shop.slos[name].suspended:
            self.shop.delete_rules(name)
            self._after(look=True)

    @precondition(lambda self: self.shop.slos)
    @rule(new=st.sampled_from(NAMES), data=st.data(), first=st.booleans())
    def rename(self, new: str, data: st.DataObject, first: bool) -> None:
        """As GitOps does it: in one sync, or the new one first and the old one pruned later."""
        old = data.draw(st.sampled_from(sorted(self.shop.slos)))
        if new in self.shop.slos:
            return
        was = self.shop.slos[old]
        self.shop.create(new, counts=was.counts, target=was.target, window=was.window)
        if first:
            self._after(look=True)
        self.shop.delete(old)
        self._after(look=True)

    @rule(down=st.booleans())
    def operator(self, down: bool) -> None:
        self.shop.down = down
        if self.twin is not None:
            self.twin.down = down
        self._look()

    def _after(self, look: bool) -> None:
        self._touch()
        if look:
            self._look()

    @invariant()
    def it_is_bounded(self) -> None:
        assert self.shop.policy.status.watched <= 2 * len(NAMES)


TestEditor = Editor.TestCase
TestEditor.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_rename_ends_no_sooner_than_the_untouched_recovers() -> None:
    """Once the errors have left the window, a rule of an untouched objective waits for `recovery.for` as well."""
    shop = Shop()
    shop.create("right", window="1h")
    shop.tick(0.5)
    twin = shop.twin()
    shop.create("left", window="1h")
    shop.delete("right")
    shop.look()
    waited = 0
    while not twin.is_open:
        assert not shop.is_open
        twin.tick(0.0)
        shop.tick(0.0)
        waited += 1
    assert waited == 8


def test_a_deleted_objective_that_still_fails_counts_until_its_window_is_over() -> None:
    """Its window is an hour: that long, `recovery.for` and the lag of rules after its deletion, nothing is left."""
    shop = Shop()
    shop.create("right", window="1h")
    shop.tick(0.5)
    shop.delete("right")
    shop.look()
    waited = 0
    while not shop.is_open:
        shop.tick(0.5)
        waited += 1
    assert waited == 9


@pytest.mark.slow
def test_an_editor_with_much_time() -> None:
    run_state_machine_as_test(Editor, settings=settings(max_examples=1500, stateful_step_count=30, deadline=None))
