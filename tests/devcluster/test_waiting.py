"""A wait is bounded by what an idle machine needs, times what this machine does besides."""

import pytest

import devcluster
from devcluster import waiting


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The load to report; a process may run on two processors."""
    said = [0.0]
    monkeypatch.delenv("NINEFOLD_PATIENCE", raising=False)
    monkeypatch.setattr("os.getloadavg", lambda: (said[0], 0.0, 0.0))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    return said


def test_patience_grows_with_the_load_and_is_never_less_than_what_is_set(
    load: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waiting.patient(20) == 20
    load[0] = 10
    assert waiting.patient(20) == 120
    monkeypatch.setenv("NINEFOLD_PATIENCE", "4")
    assert waiting.patient(20) == 120
    load[0] = 0
    assert waiting.patient(20) == 80


def test_a_load_that_rises_during_a_wait_makes_it_longer(load: list[float]) -> None:
    looks = 0

    def third_look() -> bool:
        nonlocal looks
        looks += 1
        load[0] = 1e9
        return looks == 3

    waiting.until(third_look, "the third look", 1e-6)
    load[0] = 0
    with pytest.raises(devcluster.DevclusterError, match="nothing: not within 0 s"):
        waiting.until(lambda: False, "nothing", 1e-6)
