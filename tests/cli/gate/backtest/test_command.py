"""`ninefold gate backtest` on a real Prometheus with a history: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Command
from tests.cli.samples import GATE, POLICY, SLO
from tests.installing import install
from tests.processes import ROOT, free_port
from tests.release.replay.test_gate import record
from tests.reliability.backtest.raw import data_of
from tests.reliability.replay.recorded import BURN, LEFT, healthy, with_, without
from tests.reliability.servicelevelobjective.history import DAY, END, MINUTE, Uneven, load

import devcluster
from devcluster.binaries import binary
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.integrations.tsdb import serving
from ninefold.kube.fields import rfc3339
from ninefold.reliability.backtest.asking import ask
from ninefold.reliability.backtest.backfill import Past
from ninefold.reliability.backtest.grid import Grid, Vector, present
from ninefold.reliability.backtest.recordings import Recordings
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

DAYS = 9
BEGIN = END - 8 * DAY
"""When the time begins that is looked at; the day before it is there, too."""
COUNT = DAYS * DAY // MINUTE + 1
FILES = {"slo.yaml": SLO, "policy.yaml": POLICY, "gate.yaml": GATE}
STRICT = POLICY.replace('budgetLeftBelow: "0"', 'budgetLeftBelow: "25"')
SPENT = "ErrorBudgetPolicy checkout: Exhausted"
LOST = "ErrorBudgetPolicy checkout: data missing"


def minute(day: float) -> int:
    """The minute of history that a day of the time is."""
    return round((day + 1) * DAY) // MINUTE


def history(slo_id: str = "shop/checkout") -> Vector:
    """Half of the budget left; at 20 % on day 1 for 6 hours, spent on day 2 for 10, burning on day 4 for one hour, and
    without data on day 6 for two."""
    found = with_(healthy(COUNT, slo_id), LEFT, minute(1), minute(1.25), 0.2, slo_id)
    found = with_(found, LEFT, minute(2), minute(2) + 600, -0.1, slo_id)
    found = with_(found, BURN, minute(4), minute(4) + 60, 20.0, slo_id)
    return without(found, minute(6), minute(6) + 120)


def openmetrics(recorded: Vector) -> Iterator[str]:
    recordings = Recordings(Grid((END - (COUNT - 1) * MINUTE) * 1000, MINUTE * 1000, COUNT))
    for labels, values in recorded.items():
        named = dict(labels)
        recordings.add(named.pop("__name__"), {tuple(sorted(named.items())): values})
    yield from Past({labels: present(values) for labels, values in recorded.items()}, recordings).openmetrics()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("history")
    load(openmetrics(history()), directory / "data")
    return directory / "data"


@pytest.fixture
def tsdb(data: Path) -> list[str]:
    return [*of(data), *window()]


def window() -> list[str]:
    return ["--since", at(0), "--until", at(8)]


def of(data: Path) -> list[str]:
    return ["--tsdb", str(data), "--prometheus-binary", str(binary("prometheus"))]


def at(day: float, minutes: int = 0) -> str:
    return rfc3339(datetime.fromtimestamp(BEGIN + round(day * DAY) + minutes * MINUTE, UTC))


def releases() -> list[dict[str, Any]]:
    """The last two of them went bad."""
    found = []
    came = ((0.5, "Succeeded"), (1.1, "Succeeded"), (2.1, "RolledBack"), (3.5, "Aborted"))
    for sequence, (start, outcome) in enumerate(came, 2):
        manifest = dict(record(sequence, 0, outcome).manifest)
        manifest |= {"apiVersion": "ninefold.dev/v1alpha1", "kind": "Release"}
        manifest["status"] = {**manifest["status"], "start": at(start), "end": at(start, 5)}
        found.append(manifest)
    return found


RELEASES = {"releases.yaml": yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": releases()})}


def closings(gate: dict[str, Any]) -> list[tuple[str, str, str, list[str]]]:
    return [(one["begin"], one["end"], one["decision"], one["because"]) for one in gate["closings"]]


def test_machines_read_when_it_would_have_been_closed_to_the_minute(ninefold: Command, tsdb: list[str]) -> None:
    done = ninefold("gate", "backtest", "-f", *FILES, *tsdb, "--json", files=FILES)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["since"], found["until"]) == (at(0), at(8))
    (gate,) = found["gates"]
    assert closings(gate) == [
        (at(2), at(2, 600 + 15), "Hold", [SPENT]),
        (at(4), at(4, 60 + 15), "Deny", [SPENT]),
        # Prometheus takes a sample for the present one for 5 minutes; 10 minutes later failMode decides.
        (at(6, 5 + 10 - 1), at(6, 120), "Hold", [LOST]),
    ]
    (policy,) = found["policies"]
    states = {one["state"]: (one["entered"], one["seconds"]) for one in policy["states"]}
    assert states["Exhausted"] == (2, (615 + 75) * 60)
    assert "Unknown" not in states, "what was known stays"
    assert gate["unknown"] == pytest.approx(116 / (8 * 1440))


def test_people_read_the_same_with_what_it_would_have_stopped(ninefold: Command, tsdb: list[str]) -> None:
    files = {**FILES, **RELEASES}
    done = ninefold(
        "gate", "backtest", "checkout", "-f", *FILES, "--releases", "releases.yaml", "-n", "shop", *tsdb, files=files
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "ReleaseGate shop/checkout, from 2026-09-13 00:00 to 2026-09-21 00:00 UTC (8d)\n  closed "
    )
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"{SPENT} 2 11h 30m" in lines
    assert f"2026-09-15 00:00 10h 15m Hold {SPENT}" in lines
    assert "checkout-4 2026-09-15 02:24 RolledBack 0.00 stopped" in lines
    assert "checkout-5 2026-09-16 12:00 Aborted 0.00 passed" in lines
    assert "It would have stopped 1 of 4 releases." in lines
    assert "Of the 1 that it would have stopped 1 went bad (100 %)." in lines
    assert "Of the 2 that went bad it would have stopped 1 (50 %), and let 1 pass." in lines
    assert "checkout-2" not in done.stdout, "nothing to be told of it"


def test_the_example_in_the_documents_is_what_it_prints(ninefold: Command, tsdb: list[str]) -> None:
    options = ["-f", *FILES, "--releases", "releases.yaml", "-n", "shop", "--against", "strict.yaml", *tsdb]
    done = ninefold("gate", "backtest", *options, files={**FILES, **RELEASES, "strict.yaml": STRICT})
    page = (ROOT / "docs" / "release" / "releasegate.md").read_text()
    example = page[page.index("    $ ninefold gate backtest") : page.index("Without `-f`, the command")]
    shown = [line.removeprefix("    ") for line in example.splitlines()[2:]]
    assert "\n".join(shown).strip() == done.stdout.strip()


def test_two_policies_side_by_side(ninefold: Command, tsdb: list[str]) -> None:
    files = {**FILES, **RELEASES, "strict.yaml": STRICT}
    options = ["-f", *FILES, "--releases", "releases.yaml", "-n", "shop", "--against", "strict.yaml", *tsdb]
    done = ninefold("gate", "backtest", *options, files=files)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    first = lines.index("ReleaseGate shop/checkout against strict.yaml")
    assert lines[first + 1 :] == [
        "PRESENT AGAINST",
        "closed 6.91 % 10.2 %",
        "times 3 4",
        "longest 10h 15m 10h 15m",
        "data missing 1.01 % 1.01 %",
        "releases stopped 1 of 4 2 of 4",
        "of these went bad 1 of 1 1 of 2",
        "bad ones that passed 1 of 2 1 of 2",
    ]
    both = json.loads(ninefold("gate", "backtest", *options, "--json").stdout)
    assert [one["releases"]["stopped"] for one in (both["gates"][0], both["against"]["gates"][0])] == [1, 2]
    assert both["against"]["gates"][0]["releases"]["precision"] == 0.5


DAILY = SLO.replace("rolling: 30d", "rolling: 1d").replace("minimumErrors: 5, ", "")
TRAFFIC = Uneven(unit=DAY // 15)
"""A fortnight in a day."""


def test_what_rules_would_have_recorded_is_as_good_as_what_they_did(ninefold: Command, tmp_path: Path) -> None:
    """Counters alone, and what the rules make of them in another Prometheus: it comes to the same."""
    raw = data_of(TRAFFIC, 4 * DAY, END, tmp_path / "raw")
    files = {**FILES, "slo.yaml": DAILY}
    options = ["-f", *FILES, "--since", "1d", "--until", rfc3339(datetime.fromtimestamp(END, UTC)), "--json"]
    done = ninefold("gate", "backtest", *options, "--recompute", *of(raw), files=files)
    assert (done.returncode, done.stderr) == (0, "")
    (gate,) = json.loads(done.stdout)["gates"]
    assert gate["closings"]
    assert {reason["because"] for reason in gate["reasons"]} == {SPENT}
    (tmp_path / "recorded").mkdir()
    load(_recorded(raw), tmp_path / "recorded" / "data")
    assert ninefold("gate", "backtest", *options, *of(tmp_path / "recorded" / "data")).stdout == done.stdout
    done = ninefold("gate", "backtest", *options, *of(raw))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ninefold: shop/checkout: it has no recordings in this time range: --recompute ")
    files = {"slo.yaml": DAILY.replace('job="checkout"', 'job="chekcout"')}
    done = ninefold("gate", "backtest", *options, "--recompute", *of(raw), files=files)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == "ninefold: shop/checkout: it has no events in this time range: does its indicator select any?\n"
    )


def test_corrections_and_composites_are_recomputed_as_their_rules_are(ninefold: Command, tmp_path: Path) -> None:
    """What a correction leaves out closes no gate; a composite burns as the one of its components that burns."""
    raw = data_of(TRAFFIC, 4 * DAY, END, tmp_path / "raw")
    options = ["-f", *FILES, "more.yaml", "--since", "1d", "--until", at(8), "--json", "--recompute", *of(raw)]
    correction = """
        apiVersion: ninefold.dev/v1alpha1
        kind: Correction
        metadata: {name: upkeep, namespace: shop}
        spec:
          reason: Upkeep.
          objectives: {names: [checkout]}
          once: {start: "2026-09-18T00:00:00Z", end: "2026-09-21T00:00:00Z"}
    """
    corrected = ninefold("gate", "backtest", *options, files={**FILES, "slo.yaml": DAILY, "more.yaml": correction})
    assert (corrected.returncode, corrected.stderr) == (0, "")
    assert json.loads(corrected.stdout)["gates"][0]["closings"] == []
    whole = """
        apiVersion: ninefold.dev/v1alpha1
        kind: ServiceLevelObjective
        metadata: {name: whole, namespace: shop}
        spec:
          service: whole
          objective: "99.9"
          window: {rolling: 1d}
          indicator:
            composite: {mode: Serial, components: [{objective: checkout}, {objective: sound}], trafficOf: checkout}
    """
    sound = DAILY.replace("name: checkout,", "name: sound,").replace('"5.."', '"404"')
    named = POLICY.replace("service: checkout", "names: [NAME]")
    files = {**FILES, "slo.yaml": f"{DAILY}---\n{sound}", "more.yaml": whole}
    found = {}
    for name in ("checkout", "whole"):
        done = ninefold("gate", "backtest", *options, files={**files, "policy.yaml": named.replace("NAME", name)})
        assert (done.returncode, done.stderr) == (0, "")
        found[name] = closings(json.loads(done.stdout)["gates"][0])
    assert found["whole"] == found["checkout"] != []


def _recorded(raw: Path) -> Iterator[str]:
    case = BacktestCase(ServiceLevelObjective.parse(yaml.safe_load(DAILY)), [])
    scenario = Scenario([case])
    grid = Grid((END - 4 * DAY) * 1000, MINUTE * 1000, 4 * DAY // MINUTE + 1)

    async def answers(url: str) -> dict[str, Vector]:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await ask(prometheus, scenario.questions(), grid, lambda done, of: None)

    with serving(raw, str(binary("prometheus"))) as url:
        recordings = scenario.outcome(case, grid, asyncio.run(answers(url))).recordings
    names = dict.fromkeys(rule.name for rule in case.rules if not rule.alert)
    samples = {labels: present(values) for name in names for labels, values in recordings.named(name).items()}
    yield from Past(samples, recordings).openmetrics()


def test_a_cluster_says_what_is_replayed(
    ninefold: Command,
    data: Path,
    cluster: devcluster.Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(cluster)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    cluster.kubectl("apply", "--server-side", "-f", "-", input=_of(namespace, POLICY, GATE))
    options = ["gate", "backtest", "-n", namespace, *window(), "--json"]
    done = ninefold(*options, *of(data))
    selects = f"ErrorBudgetPolicy {namespace}/checkout selects no present ServiceLevelObjective"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"ninefold: {selects}: add one, or name a gate\n")
    cluster.kubectl("apply", "--server-side", "-f", "-", input=_of(namespace, SLO))
    for release in releases():
        release["metadata"]["namespace"] = namespace
        cluster.kubectl("create", "-f", "-", input=json.dumps(release))
        patch = json.dumps({"status": release["status"]})
        name = release["metadata"]["name"]
        cluster.kubectl("-n", namespace, "patch", "release", name, "--subresource=status", "--type=merge", "-p", patch)
    load(openmetrics(history(f"{namespace}/checkout")), tmp_path / "data")
    done = ninefold(
        *options, *of(tmp_path / "data"), "--against", "strict.yaml", files={"strict.yaml": _of(namespace, STRICT)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["gates"][0]["gate"] == f"{namespace}/checkout"
    assert [
        (one["closings"][0]["begin"], one["releases"]["stopped"], one["releases"]["all"])
        for one in (found["gates"][0], found["against"]["gates"][0])
    ] == [(at(2), 1, 4), (at(1), 2, 4)]
    assert (
        json.loads(
            ninefold(*options, *of(tmp_path / "data"), "--releases", "none.yaml", files={"none.yaml": ""}).stdout
        )["gates"][0]["admissions"]
        == []
    )


def _of(namespace: str, *texts: str) -> str:
    return "---\n".join(text.replace("namespace: shop", f"namespace: {namespace}") for text in texts)


def test_what_takes_long_tells_how_far_it_is_but_to_machines(
    ninefold: Command, tsdb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ninefold.cli.shared.progress._PATIENCE", 0.0)
    done = ninefold("gate", "backtest", "-f", *FILES, *tsdb, files=FILES)
    assert "ninefold: asked Prometheus for " in done.stderr
    assert "ninefold: replayed 0 of 9 days\n" in done.stderr
    assert ninefold("gate", "backtest", "-f", *FILES, *tsdb, "--json").stderr == ""


def test_a_source_that_is_left_out_is_told(ninefold: Command, tsdb: list[str]) -> None:
    files = {**FILES, "gate.yaml": f"{GATE}  - clusterReleaseGate: production\n"}
    done = ninefold("gate", "backtest", "-f", *FILES, *tsdb, "--json", files=files)
    left_out = "ReleaseGate shop/checkout: the decisions of ClusterReleaseGate production are left out"
    assert (done.returncode, done.stderr) == (0, f"ninefold: {left_out}\n")


def test_more_than_memory_may_hold_is_refused(
    ninefold: Command, tsdb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ninefold.cli.gate.backtest.steps._MOST", 1000)
    done = ninefold("gate", "backtest", "-f", *FILES, *tsdb, files=FILES)
    assert (done.returncode, done.stdout) == (1, "")
    assert "values are too many: replay less time" in done.stderr


BROKEN_RELEASE = "{apiVersion: ninefold.dev/v1alpha1, kind: Release, metadata: {name: a}, spec: {}}"


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ({}, ["other"], "there is no ReleaseGate other: name one of these: checkout"),
        (
            {"policy.yaml": SLO.replace("checkout,", "other,")},
            [],
            "names ErrorBudgetPolicy checkout, which is missing",
        ),
        ({"slo.yaml": ""}, [], "ErrorBudgetPolicy shop/checkout selects no present ServiceLevelObjective"),
        ({"policy.yaml": "", "gate.yaml": ""}, [], "there is neither a ReleaseGate nor an ErrorBudgetPolicy"),
        ({"gate.yaml": GATE.replace("sources", "source")}, [], "gate.yaml:7: ReleaseGate shop/checkout spec.source"),
        (
            {
                "gate.yaml": GATE.replace(
                    "errorBudgetPolicy: checkout", "freeze: {reason: a, cron: {schedule: x x x x x, duration: 1h}}"
                )
            },
            [],
            "spec.sources[0].freeze.cron.schedule: ",
        ),
        ({}, ["--against", "slo.yaml"], "--against accepts policies and gates"),
        ({}, ["--against", "none.yaml"], "none.yaml: cannot be read"),
        ({"bad.yaml": BROKEN_RELEASE}, ["--releases", "bad.yaml"], "Release a cannot be read: spec.workload"),
        ({}, ["--since", "2026-10-01", "--until", "2026-09-20"], "--since 2026-10-01T00:00:00Z is not before --until"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    ninefold: Command, tsdb: list[str], changed: dict[str, str], options: list[str], words: str
) -> None:
    done = ninefold("gate", "backtest", "-f", *FILES, *tsdb, *options, files={**FILES, **changed})
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_a_prometheus_that_cannot_be_asked(ninefold: Command) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = ninefold("gate", "backtest", "-f", *FILES, "--prometheus-url", url, files=FILES)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ninefold: {url}: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--since", "yesterday"], "is not a time: write 2026-09-01"),
        (["--since", "900d"], "write a time of up to 800d"),
        (["--step", "10m"], "write a step of 1s to 5m"),
        (["--tsdb", "data"], "not allowed with argument"),
    ],
)
def test_a_wrong_option_gets_a_sentence(ninefold: Command, options: list[str], words: str) -> None:
    done = ninefold("gate", "backtest", "-f", "gate.yaml", "--prometheus-url", "http://127.0.0.1:1", *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_without_numpy_it_says_what_to_install(ninefold: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.cli.shared.history.find_spec", lambda name: None)
    done = ninefold("gate", "backtest", "-f", "gate.yaml", "--prometheus-url", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (
        1,
        "ninefold: backtest needs numpy: pip install 'ninefold[backtest]'\n",
    )
