"""Conditions on le and quantile find what Prometheus stores, however somebody wrote the number."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import expression, group
from tests.integrations.server import PrometheusServer
from tests.processes import wait_for

from ninefold.integrations.prometheus import Prometheus
from ninefold.integrations.prometheus_answers import Sample
from ninefold.reliability.servicelevelobjective.recording.bounds import pattern, widened

DURATION, SIZE = "prometheus_http_request_duration_seconds", "prometheus_http_response_size_bytes"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        wait_for("two scrapes", lambda: len(asked(server, f"rate({SIZE}_count[1m])")) > 0, 60)
        yield server


def asked(server: PrometheusServer, query: str) -> list[Sample]:
    async def ask() -> list[Sample]:
        async with Prometheus(server.options) as prometheus:
            return await prometheus.query(query)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("good", "total"),
    [
        # Prometheus 3 stores le="1.0", le="1e+06", quantile="1.0".
        (f'{DURATION}_bucket{{le="1"}}', f"{DURATION}_count"),
        (f'sum(rate({DURATION}_bucket{{le="1"}}[$window]))', f"{DURATION}_count"),
        (f'{DURATION}_bucket{{le=~"1"}}', f"{DURATION}_count"),
        (f'{DURATION}_bucket{{le="1.00"}}', f"{DURATION}_count"),
        (f'{SIZE}_bucket{{le="1000000"}}', f"{SIZE}_count"),
        (f'{SIZE}_bucket{{le="1e6"}}', f"{SIZE}_count"),
        ('sum(max_over_time(go_gc_duration_seconds{quantile="1"}[$window])) * 0 + 1', "vector(1) * rate(up[$window])"),
    ],
)
def test_what_somebody_wrote_finds_what_is_stored(server: PrometheusServer, good: str, total: str) -> None:
    counted = expression(group(indicator={"ratio": {"good": good, "total": total}}), "slo:counted:rate5m")
    assert asked(server, counted.replace("[5m]", "[1m]")), counted


def test_the_threshold_of_a_latency_is_found_among_large_bounds(server: PrometheusServer) -> None:
    rules = group(indicator={"latency": {"histogram": SIZE, "threshold": "1000000"}})
    assert asked(server, expression(rules, "slo:counted:rate5m").replace("[5m]", "[1m]"))


def test_what_is_no_condition_on_a_number_stays() -> None:
    for text in ('x{file="1"}', 'x{le="+Inf"}', 'x{le=~"1.*"}', 'x{a="le=\\"1\\""}', 'x{le="1e999"}', "quantile(1, x)"):
        assert widened(text) == text
    assert widened('x{le!="1"}') == 'x{le!~"1(\\\\.0)?"}'


def _as_stored(value: float) -> str:
    """As Go formats the shortest text of a number with 'g', and Prometheus 3 completes it."""
    number = Decimal(repr(value))
    if value and not -4 <= number.adjusted() < 6:
        mantissa = f"{number.scaleb(-number.adjusted()).normalize():f}"
        return f"{mantissa}e{'-' if number.adjusted() < 0 else '+'}{abs(number.adjusted()):02}"
    plain = f"{number.normalize():f}"
    return plain if "." in plain else f"{plain}.0"


@given(st.integers(0, 10**9), st.integers(-6, 6))
def test_every_number_is_found_in_the_forms_of_both_versions(digits: int, power: int) -> None:
    number = Decimal(digits).scaleb(power)
    found = re.compile(pattern(number).replace("\\\\", "\\"))
    assert found.fullmatch(_as_stored(float(number)))
    assert found.fullmatch(f"{number.normalize():f}")
    assert not found.fullmatch(f"{number + 1:f}")
