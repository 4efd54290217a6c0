"""`ninefold backtest` on a real Prometheus and on its data directory: what it prints, and how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.cli.samples import GATE, SLO
from tests.integrations.server import PrometheusServer
from tests.processes import ROOT, free_port
from tests.reliability.backtest.raw import data_of
from tests.reliability.servicelevelobjective.history import DAY, END, HOUR, MINUTE, Uneven

from devcluster.binaries import binary

DAILY = SLO.replace("rolling: 30d", "rolling: 1d").replace("minimumErrors: 5, ", "")
TRAFFIC = Uneven(unit=DAY // 15)
"""A fortnight in a day; two days of it are kept."""
TO = "2026-09-21T00:00Z"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_of(TRAFFIC, 2 * DAY + HOUR, END, tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def url(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("prometheus")
    # A copy, since it adds what it scrapes.
    with PrometheusServer(directory, shutil.copytree(data, directory / "data")) as server:
        yield server.url


@pytest.fixture
def tsdb(data: Path) -> list[str]:
    """Options that name the data directory."""
    return ["--tsdb", str(data), "--prometheus-binary", str(binary("prometheus"))]


def judgements(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["judgements"]
    return found


def test_people_read_what_would_have_happened(ninefold: Command, tsdb: list[str]) -> None:
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "1", stdin=DAILY)
    assert (done.returncode, done.stderr) == (0, "")
    head, *rest = done.stdout.splitlines()
    assert head == (
        "shop/checkout: 99.9 % over 1d, from 2026-09-20 00:00 to 2026-09-21 00:00 UTC (1d, 100 % of it with data)"
    )
    assert [line.split()[0] for line in rest if line[2:].isupper()] == ["TIER", "FIRED", "INCIDENT", "TARGET"]
    assert "  99.9     present" in done.stdout
    assert "  Suggestion: " in done.stdout


def test_machines_read_the_same_from_a_server_and_the_figures_are_true(
    ninefold: Command, tsdb: list[str], url: str
) -> None:
    options = ["-f", "slo.yaml", "--to", TO, "--days", "1", "--json", "--targets", "99,99.9"]
    served = ninefold("backtest", *options, "--prometheus-url", url, files={"slo.yaml": DAILY})
    assert (served.returncode, served.stderr) == (0, "")
    assert ninefold("backtest", *options, *tsdb).stdout == served.stdout
    (one,) = judgements(served.stdout)
    assert (one["slo_id"], one["group"], one["begin"], one["end"]) == (
        "shop/checkout",
        {},
        "2026-09-20T00:00:00Z",
        "2026-09-21T00:00:00Z",
    )
    truth = TRAFFIC.error_ratio(DAY)
    assert one["error_ratio"] == pytest.approx(truth, rel=2e-3)
    assert one["budget_spent"] == pytest.approx(truth / 0.001, rel=2e-3)
    assert one["window_coverage"] == [pytest.approx(1, abs=0.03)] * 2
    assert [target["objective"] for target in one["targets"]] == ["99", "99.9"]
    assert one["summary"]["pages"] >= 2
    assert one["missed"] == 0


def test_corrections_in_the_files_take_out_what_they_would_have_taken_out(ninefold: Command, tsdb: list[str]) -> None:
    """The quiet stretch in which half of the requests fail, and the 7 minutes after it."""
    correction = """
        apiVersion: ninefold.dev/v1alpha1
        kind: Correction
        metadata: {name: upkeep, namespace: shop}
        spec:
          reason: Upkeep.
          objectives: {names: [checkout]}
          once: {start: "2026-09-20T12:48:00Z", end: "2026-09-20T14:24:00Z"}
    """
    options = [*tsdb, "--days", "1", "--json", "--targets", "99.9"]
    (plain,) = judgements(ninefold("backtest", "-f", "-", *options, stdin=DAILY).stdout)
    done = ninefold("backtest", "-f", "-", *options, stdin=f"{DAILY}---\n{dedent(correction)}")
    assert (done.returncode, done.stderr) == (0, "")
    (corrected,) = judgements(done.stdout)
    unit, ages = TRAFFIC.unit, range(MINUTE // 2, DAY, MINUTE)
    counted = [age for age in ages if not 6 * unit - 7 * MINUTE <= age < 7 * unit]
    truth = sum(map(TRAFFIC.failing_requests, counted)) / sum(map(TRAFFIC.requests, counted))
    assert corrected["error_ratio"] == pytest.approx(truth, rel=2e-3)
    begins = [{incident["begin"] for incident in one["incidents"]} for one in (plain, corrected)]
    assert {time[:13] for time in begins[0] - begins[1]} == {"2026-09-20T12"}
    assert corrected["coverage"] == plain["coverage"]


def test_a_pipeline_fails_on_what_it_was_told_to(ninefold: Command, tsdb: list[str]) -> None:
    options = ["-f", "slo.yaml", *tsdb, "--days", "1", "--targets", "99.9"]
    done = ninefold("backtest", *options, "--fail-on", "pages-per-week>2", "missed>0", files={"slo.yaml": DAILY})
    assert done.returncode == 1
    assert done.stderr.startswith("ninefold: shop/checkout: pages-per-week is ")
    assert done.stderr.count("\n") == 1
    assert ninefold("backtest", *options, "--fail-on", "pages-per-week>1000").returncode == 0


def test_less_history_than_asked_for_is_used_and_told(ninefold: Command, tsdb: list[str]) -> None:
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "20", stdin=DAILY)
    assert done.returncode == 0
    assert done.stderr == "ninefold: shop/checkout: there is a history of 2.0 days, not of 20.0 days\n"
    assert "from 2026-09-18 23:0" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_error(tsdb: list[str]) -> None:
    command = f"{sys.executable} -m ninefold backtest -f - {' '.join(tsdb)} --days 1 --targets 99.9 | true"
    done = subprocess.run(["bash", "-c", command], input=DAILY, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("matcher", ['status="500"', 'code="599"'])
def test_no_target_is_suggested_where_nothing_can_have_been_bad(
    ninefold: Command, tsdb: list[str], matcher: str
) -> None:
    wrong = DAILY.replace('code=~"5.."', matcher)
    assert wrong != DAILY
    (one,) = judgements(ninefold("backtest", "-f", "-", *tsdb, "--days", "1", "--json", stdin=wrong).stdout)
    assert (one["error_ratio"], one["suggestion"]["objective"]) == (0, None)
    assert one["suggestion"]["reason"].startswith("spec.indicator.ratio.bad ")


def test_no_target_is_suggested_from_minutes(ninefold: Command, tsdb: list[str]) -> None:
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "0.027", stdin=DAILY)
    assert "Suggestion: no target, since there are only 3" in done.stdout
    assert "a suggestion needs at least 12h" in done.stdout


def test_an_objective_without_history_is_named_and_the_others_are_judged(ninefold: Command, tsdb: list[str]) -> None:
    other = DAILY.replace("name: checkout,", "name: other,").replace('job="checkout"', 'job="chekcout"')
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "1", "--json", stdin=f"{DAILY}---\n{other}---\n{GATE}")
    assert done.returncode == 1
    assert done.stderr == (
        "ninefold: shop/other: spec.indicator.ratio.total: no series of http_requests_total has "
        'job="chekcout" (values: checkout)\n'
        "ninefold: shop/other: it has no events in this time range: does its indicator select any?\n"
    )
    assert [one["slo_id"] for one in judgements(done.stdout)] == ["shop/checkout"]


def test_the_past_is_written_and_made_into_blocks(ninefold: Command, tsdb: list[str], tmp_path: Path) -> None:
    options = ["-f", "slo.yaml", *tsdb, "--days", "1", "--targets", "99.9", "--backfill", "past"]
    done = ninefold("backtest", *options, files={"slo.yaml": DAILY})
    lines = (tmp_path / "past" / "recordings.om").read_text().splitlines()
    assert lines[-1] == "# EOF"
    told = next(line for line in done.stderr.splitlines() if "promtool" in line)
    assert told.endswith(
        "promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration=24h past/recordings.om past/blocks"
    )
    assert f"wrote {len(lines) - 1:,} samples" in done.stderr
    assert not (tmp_path / "past" / "blocks").exists()
    done = ninefold("backtest", *options, "--promtool", str(binary("promtool")))
    assert done.returncode == 0
    assert list((tmp_path / "past" / "blocks").glob("*/meta.json"))
    done = ninefold("backtest", *options, "--promtool", "false")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ninefold: false ended with 1: ")
    done = ninefold("backtest", *options, "--promtool", "no-such-promtool")
    assert done.returncode == 1
    assert "ninefold: no-such-promtool cannot be run: No such file or directory" in done.stderr


def test_more_than_memory_may_hold_is_refused(
    ninefold: Command, tsdb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ninefold.cli.backtest.steps._MOST", 1000)
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "1", stdin=DAILY)
    assert (done.returncode, done.stdout) == (1, "")
    assert "are too many: evaluate fewer days, or use a longer --step" in done.stderr


def test_what_takes_long_tells_how_far_it_is_but_to_machines(
    ninefold: Command, tsdb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ninefold.cli.shared.progress._PATIENCE", 0.0)
    options = ["-f", "slo.yaml", *tsdb, "--days", "1"]
    done = ninefold("backtest", *options, files={"slo.yaml": DAILY})
    assert "ninefold: asked Prometheus for " in done.stderr
    assert "ninefold: evaluated the rules of 0 of 1 objectives\n" in done.stderr
    assert ninefold("backtest", *options, "--json").stderr == ""


def test_faults_in_files_are_told_as_everywhere(ninefold: Command, tsdb: list[str]) -> None:
    done = ninefold("backtest", "-f", "-", *tsdb, stdin=DAILY.replace("http_requests_total{job", "sum({job"))
    assert done.returncode == 1
    assert done.stderr.startswith("stdin:11: ServiceLevelObjective shop/checkout spec.indicator.ratio.")
    done = ninefold("backtest", "-f", "-", *tsdb, stdin=GATE)
    assert (done.returncode, done.stderr) == (1, "ninefold: these files hold no ServiceLevelObjective\n")


def test_a_prometheus_that_cannot_be_asked(ninefold: Command, tmp_path: Path) -> None:
    done = ninefold("backtest", "-f", "-", "--prometheus-url", f"http://127.0.0.1:{free_port()}", stdin=DAILY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ninefold: http://127.0.0.1:")
    for odd in ("nonsense", "http://[", "ftp://prometheus:9090", "http://", "http://prometheus:port"):
        done = ninefold("backtest", "-f", "-", "--prometheus-url", odd, stdin=DAILY)
        assert (done.returncode, done.stdout) == (2, "")
        assert (
            f"--prometheus-url: {odd!r} is not an address: write an address such as http://prometheus-op" in done.stderr
        )
    done = ninefold("backtest", "-f", "-", "--tsdb", str(tmp_path), "--prometheus-binary", "false", stdin=DAILY)
    assert (done.returncode, done.stderr) == (
        1,
        f"ninefold: {tmp_path} is not a Prometheus data directory: it holds neither blocks nor a wal\n",
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--days", "0"], "write a number of days"),
        (["--days", "many"], "invalid"),
        (["--from", "yesterday"], "is not a time: write 2026-09-01"),
        (["--step", "10m"], "write a step of 1s to 5m"),
        (["--step", "1"], "is not a duration"),
        (["--targets", "99,100"], "write an objective above 0 and below 100"),
        (["--kept", "101"], "write a percentage"),
        (["--fail-on", "pages>1"], "write one of pages-per-week, "),
        (["--tsdb", "data"], "not allowed with argument"),
        (["--prometheus-ca-file", "missing.pem"], "there is no file missing.pem"),
    ],
)
def test_a_wrong_option_gets_a_sentence(ninefold: Command, options: list[str], words: str) -> None:
    done = ninefold("backtest", "-f", "slo.yaml", "--prometheus-url", "http://127.0.0.1:1", *options)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_time_that_ends_before_it_begins(ninefold: Command, url: str) -> None:
    options = ["--prometheus-url", url, "--from", "2026-09-21", "--to", "2026-09-20"]
    done = ninefold("backtest", "-f", "-", *options, stdin=DAILY)
    assert (done.returncode, done.stderr) == (
        1,
        "ninefold: --from 2026-09-21T00:00:00Z is not before --to 2026-09-20T00:00:00Z\n",
    )


def test_the_example_in_the_documents_is_what_it_prints(ninefold: Command, tmp_path: Path) -> None:
    data = data_of(Uneven(), 61 * DAY, END, tmp_path / "months")
    options = ["--tsdb", str(data), "--prometheus-binary", str(binary("prometheus"))]
    done = ninefold("backtest", "-f", "-", *options, stdin=SLO.replace("minimumErrors: 5, ", ""))
    page = (ROOT / "docs" / "backtest.md").read_text()
    example = page[page.index("    $ ninefold") : page.index("## How it works")]
    shown = [line.removeprefix("    ") for line in example.splitlines()[1:]]
    assert "\n".join(shown).strip() == done.stdout.strip()


def test_without_numpy_it_says_what_to_install(ninefold: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.cli.shared.history.find_spec", lambda name: None if name == "numpy" else sys)
    done = ninefold("backtest", "-f", "-", "--prometheus-url", "http://127.0.0.1:1", stdin=DAILY)
    assert (done.returncode, done.stderr) == (
        1,
        "ninefold: backtest needs numpy: pip install 'ninefold[backtest]'\n",
    )


def test_the_operator_and_the_other_commands_do_without_numpy() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "import ninefold.cli.run.command, ninefold.cli.render.command, ninefold.cli.lint.command\n"
        "import ninefold.cli.status.command, ninefold.cli.backtest.command"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_selectors_that_matched_nothing_in_that_time_are_named(ninefold: Command, tsdb: list[str]) -> None:
    wrong = DAILY.replace('code=~"5.."', 'status=~"5.."')
    assert wrong != DAILY
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "1", stdin=wrong)
    assert "ninefold: shop/checkout: spec.indicator.ratio.bad: http_requests_total has no label status" in done.stderr
    assert 'write code=~"5..", which matches' in done.stderr
    absent = DAILY.replace("http_requests_total", "http_request_total")
    done = ninefold("backtest", "-f", "-", *tsdb, "--days", "1", stdin=absent)
    assert done.returncode == 1
    assert "no series has the name http_request_total (names like it: http_requests_total)" in done.stderr
