"""With Sloth's binary: what it generates, and what we make of the imported specification, over the same series.

Prometheus' own engine evaluates both sets of rules, in groups as each tool writes them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.binaries import binary
from ninefold.integrations import sloth
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from tests.integrations.dialects import outcome
from tests.reliability.servicelevelobjective.promtool import Promtool

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

ERROR, TOTAL = ('sum(rate(r{code="500"}[{{.window}}]))', "sum(rate(r[{{.window}}]))")
GROWING = ('sum(increase(r{code="500"}[{{.window}}]))', "sum(increase(r[{{.window}}]))")
BY = 'sum by (service) (rate(r{code="500"}[{{.window}}]))', "sum by (service) (rate(r[{{.window}}]))"

SERIES = {
    'r{code="200",service="a"}': "0+600x60 36600+590x120",
    'r{code="500",service="a"}': "0+6x60 376+10x120",
    'r{code="200",service="b"}': "0+60x180",
    'r{code="500",service="b"}': "0+3x180",
    'r:rate5m{code="500"}': "0.1x180",
    "r:rate5m": "10x180",
    'r:rate1h{code="500"}': "0.1x180",
    "r:rate1h": "10x180",
    "probe_success": "1x100 0x3 1x77",
}
"""A sample a minute for three hours, with a step after the first."""


def events(error: str, total: str) -> dict[str, Any]:
    return {"events": {"error_query": error, "total_query": total}}


ADDITIVE = {
    "rate": events(ERROR, TOTAL),
    "increase": events(*GROWING),
    "offset": events(ERROR.replace("]", "] offset 5m"), TOTAL.replace("]", "] offset 5m")),
    "difference": events(f'{TOTAL} - sum(rate(r{{code="200"}}[{{{{.window}}}}]))', TOTAL),
    "recorded": events('sum(r:rate{{.window}}{code="500"})', 'sum(r:rate{{.window}}{code=""})'),
    "raw-mean": {"raw": {"error_ratio_query": "1 - avg(avg_over_time(probe_success[{{.window}}]))"}},
}
OTHERS = {
    "more-than": events(GROWING[0], f"{GROWING[1]} > 100"),
    "clamped": events(GROWING[0], f"clamp_min({GROWING[1]}, 5000)"),
    "plus-one": events(GROWING[0], f"{GROWING[1]} + 1"),
    "verdict": events(
        "(avg(avg_over_time(probe_success[{{.window}}])) < bool 0.9)",
        "count(count_over_time(probe_success[{{.window}}]))",
    ),
    "largest": events('max(increase(r{code="500"}[{{.window}}]))', "max(increase(r[{{.window}}]))"),
    "raw-ratio": {"raw": {"error_ratio_query": f"{ERROR} / {TOTAL}"}},
    "grouped": events(*BY),
}


def specification(slis: dict[str, Any]) -> dict[str, Any]:
    slos = [{"name": name, "objective": 99.0, "sli": sli, "alerting": {"name": "A"}} for name, sli in slis.items()]
    return {"version": "prometheus/v1", "service": "shop", "slos": slos}


def generated(spec: dict[str, Any], directory: Path) -> list[dict[str, Any]]:
    """Sloth's groups of rules. Fails with its words where it refuses."""
    source, result = directory / "sloth.yaml", directory / "sloth.rules.yaml"
    source.write_text(yaml.safe_dump(spec))
    done = subprocess.run(
        [binary("sloth"), "generate", "--no-color", "-i", source, "-o", result],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return [group for document in yaml.safe_load_all(result.read_text()) for group in document["groups"]]


def imported(spec: dict[str, Any]) -> list[dict[str, Any]]:
    manifests, _ = outcome(sloth.translate, [spec])
    return [Group(ServiceLevelObjective.parse(manifest)).as_dict() for manifest in manifests]


def ours(name: str, window: str) -> str:
    """The error ratio that we report, over 5m or a longer window."""
    mine = f'slo_id="default/shop-{name}"'
    if window == "5m":
        return f"slo:errors:rate5m{{{mine}}} / slo:events:rate5m{{{mine}}}"
    return f"slo:burn_rate:{window}{{{mine}}} * 0.01"


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    return Promtool(binary("promtool"), tmp_path)


def alike(promtool: Promtool, slis: dict[str, Any], window: str, tolerance: float) -> None:
    """At several times no error ratio of ours differs from Sloth's by more than a share of it, and none is missing."""
    spec = specification(slis)
    rules = [*generated(spec, promtool.directory), *imported(spec)]
    wrong = []
    for name in slis:
        theirs, mine = f'slo:sli_error:ratio_rate{window}{{sloth_slo="{name}"}}', ours(name, window)
        for at in ("58m", "102m", "150m", "180m"):
            wrong.append((at, f"abs(({mine}) - on () {theirs}) > on () {tolerance} * {theirs}"))
            wrong.append((at, f"{theirs} unless on () ({mine})"))
    promtool.test(rules, SERIES, absent=wrong)


def test_over_the_base_window_every_class_has_sloths_error_ratio(promtool: Promtool) -> None:
    slis = {**ADDITIVE, **OTHERS}
    del slis["grouped"]
    alike(promtool, slis, "5m", 1e-9)


def test_over_longer_windows_what_adds_up_has_sloths_error_ratio(promtool: Promtool) -> None:
    # As it is added up, our window is up to 3 minutes shorter than its name, so that a fault weighs so much more in it.
    alike(promtool, ADDITIVE, "1h", 0.05)


def test_groups_by_a_label_of_ours_keep_their_budgets(promtool: Promtool) -> None:
    """Sloth's series carry `service`, ours `exported_service`."""
    spec = specification({"grouped": OTHERS["grouped"]})
    rules = [*generated(spec, promtool.directory), *imported(spec)]
    wrong = []
    for service, ratio in (("a", 10 / 600), ("b", 3 / 63)):
        mine = f"{ours('grouped', '5m')}".replace("{", f'{{exported_service="{service}",')
        theirs = f'slo:sli_error:ratio_rate5m{{sloth_slo="grouped",service="{service}"}}'
        wrong += [("150m", f"abs(({each}) - {ratio}) > 1e-6") for each in (mine, theirs)]
        wrong += [("150m", f"vector(1) unless on () ({each})") for each in (mine, theirs)]
    promtool.test(rules, SERIES, absent=wrong)


@pytest.mark.parametrize(("error", "refused"), [("sum(rate(e[5m]))", True), ("sum(e:rate{{.window}})", False)])
def test_the_report_says_truly_what_sloth_refuses(error: str, refused: bool, tmp_path: Path) -> None:
    spec = specification({"one": events(error, TOTAL)})
    _, remarks = outcome(sloth.translate, [spec])
    assert any("Sloth refuses it too" in remark.meaning for remark in remarks) == refused
    if refused:
        with pytest.raises(AssertionError, match="window"):
            generated(spec, tmp_path)
    else:
        assert generated(spec, tmp_path)
