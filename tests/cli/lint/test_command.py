"""`ninefold lint`: the faults that the API server, a controller or the other files would show."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from tests.cli.conftest import Command
from tests.cli.samples import CORRECTION, DASHBOARD, GATE, POLICY, SLO
from tests.integrations.server import PrometheusServer
from tests.processes import free_port, wait_for
from tests.web import plain

ALL = "---\n".join([SLO, POLICY, GATE, DASHBOARD, CORRECTION])


def test_resources_that_fit_together(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=ALL)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "5 resources, 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('objective: "99.9"', "objective: 99.9", '6: {} spec.objective: write it in quotes: "99.9"'),
        ('objective: "99.9"', 'objective: "100"', "6: {} spec.objective: write an objective above 0 and below 100"),
        ("rolling: 30d", "calendar: 30d", "7: {} spec.window.calendar: write a map of fields here"),
        ("rolling: 30d", "rolling: 30d, until: now", "7: {} spec.window.until: unknown field"),
        ("  service: checkout\n", "  service: a\n  service: b\n", "6: {}: service occurs twice: keep one"),
        ("    ratio:", "    boolean: {selector: up}\n    ratio:", "8: {} spec.indicator: set exactly one of ratio, "),
        ("bad: http", "bad: (http", "10: {} spec.indicator.ratio.bad: this is not PromQL: "),
        ("bad: http", "bad: 1 + http", "10: {} spec.indicator.ratio.bad: write a selector such as "),
        ("spec:\n", "extra: 1\nspec:\n", "4: {} extra: unknown field"),
        ("namespace: shop", "namespace: shop, label: {}", "3: {} metadata.label: unknown field"),
        ("service: checkout", "servce: checkout", "5: {} spec.servce: unknown field: did you mean service?"),
        ("rolling: 30d", "roling: 30d", "7: {} spec.window.roling: unknown field: did you mean rolling?"),
        (
            "namespace: shop",
            "namespace: shop, lables: {}",
            "3: {} metadata.lables: unknown field: did you mean labels?",
        ),
        (
            'http_requests_total{job="checkout", code=~"5.."}',
            "sum(rate(a[$__rate_interval]))",
            "10: {} spec.indicator.ratio.bad: $__rate_interval is a variable of Grafana, which has no value here: "
            "write the range as [$window], in sum(",
        ),
        ("v1alpha1", "v1", "1: {} apiVersion: write ninefold.dev/v1alpha1"),
    ],
)
def test_what_is_refused(ninefold: Command, old: str, new: str, finding: str) -> None:
    done = ninefold("lint", "-f", "slo.yaml", files={"slo.yaml": SLO.replace(old, new, 1)})
    assert done.returncode == 1
    assert ("slo.yaml:" + finding.format("ServiceLevelObjective shop/checkout")) in done.stdout


def test_names_and_kinds(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=SLO.replace("name: checkout", "name: Checkout"))
    assert "stdin:3: ServiceLevelObjective shop/Checkout metadata.name: write the name of an object" in done.stdout
    done = ninefold("lint", "-f", "-", stdin=SLO.replace("ServiceLevelObjective", "ServiceLevelObjectives"))
    assert "there is no such kind: did you mean ServiceLevelObjective?\n" in done.stdout
    done = ninefold("lint", "-f", "-", stdin=SLO.replace("ServiceLevelObjective", "Prometheus"))
    assert "there is no such kind; the kinds of ninefold.dev are ServiceLevelObjective, Cor" in done.stdout


def test_files_are_named_with_or_without_an_option(ninefold: Command) -> None:
    files = {"slo.yaml": SLO, "policy.yaml": POLICY}
    for words in (["slo.yaml", "policy.yaml"], ["-f", "slo.yaml", "policy.yaml"], ["slo.yaml", "-f", "policy.yaml"]):
        done = ninefold("lint", *words, files=files)
        assert (done.returncode, done.stderr) == (0, "2 resources, 0 errors, 0 warnings\n"), words


def test_an_alert_that_can_never_fire(ninefold: Command) -> None:
    tiers = '\n    tiers:\n    - {burnRate: "2000", long: 1h, short: 5m, severity: Page}\n'
    done = ninefold("lint", "-f", "-", stdin=SLO.split("  alerting")[0] + f"  alerting:{tiers}")
    assert "stdin:14: ServiceLevelObjective shop/checkout spec.alerting.tiers[0]: a burn rate of 2000 " in done.stdout
    assert done.returncode == 1


def test_an_alert_that_fires_while_the_objective_is_kept(ninefold: Command) -> None:
    tiers = '\n    tiers:\n    - {burnRate: "0.933", long: 3d, short: 6h, severity: Ticket}\n'
    done = ninefold("lint", "-f", "-", stdin=SLO.split("  alerting")[0] + f"  alerting:{tiers}")
    assert done.stdout == (
        "stdin:14: warning: ServiceLevelObjective shop/checkout spec.alerting.tiers[0].burnRate: a burn rate of 0.933 "
        "fires while the objective is met: a constant burn below 1 never spends the budget; write 1\n"
    )
    assert done.returncode == 0


def test_an_objective_written_as_a_share(ninefold: Command) -> None:
    share = SLO.replace('"99.9"', '"0.999"')
    done = ninefold("lint", "-f", "-", stdin=share)
    assert (done.returncode, done.stdout) == (
        0,
        "stdin:6: warning: ServiceLevelObjective shop/checkout spec.objective: an objective of 0.999 % lets most "
        "events fail: write percent, such as 99.9, or set the annotation ninefold.dev/low-objective if it is "
        "intended\n",
    )
    meant = share.replace("shop}", 'shop, annotations: {ninefold.dev/low-objective: "yes"}}', 1)
    assert ninefold("lint", "-f", "-", stdin=meant).stdout == ""


BUCKETS = "is counted in each of several buckets, and they hold the same events: choose one by le="


@pytest.mark.parametrize(
    ("good", "doubtful"),
    [
        ("h_bucket", True),
        ('h_bucket{le=~"0.3|0.5"}', True),
        ('h_bucket{le!="+Inf"}', True),
        ("sum(rate(h_bucket[$window]))", True),
        ('sum(rate(h_count[$window])) - sum(rate(h_bucket{le=~".+"}[$window]))', True),
        ('h_bucket{le="0.3"}', False),
        ('h_bucket{le=~"1|1.0"}', False),
        ('h_bucket{le=~"0.3.*"}', False),
        ("histogram_fraction(-Inf, 0.3, sum by (le) (rate(h_bucket[$window])))", False),
        ("h_buckets", False),
    ],
)
def test_a_histogram_of_which_several_buckets_are_counted(ninefold: Command, good: str, doubtful: bool) -> None:
    made = yaml.safe_load(SLO)
    made["spec"]["indicator"] = {"ratio": {"good": good, "total": "h_count"}}
    done = ninefold("lint", "-f", "-", stdin=yaml.safe_dump(made))
    assert done.returncode == 0, done.stdout
    assert (f"spec.indicator.ratio.good: h_bucket {BUCKETS}" in done.stdout) == doubtful


def test_good_events_that_are_all_events(ninefold: Command) -> None:
    made = yaml.safe_load(SLO)
    made["spec"]["indicator"] = {"ratio": {"good": "r_total", "total": "r_total"}}
    done = ninefold("lint", "-f", "-", stdin=yaml.safe_dump(made))
    assert "spec.indicator.ratio.good: good and total are the same, so no event is ever bad" in done.stdout


def test_the_same_object_twice(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "a.yaml", "b.yaml", files={"a.yaml": SLO, "b.yaml": f"# again\n{SLO}"})
    assert done.stdout.startswith("b.yaml:2: ServiceLevelObjective shop/checkout: this object is already in a.yaml:1")
    assert done.returncode == 1


def test_references_that_lead_out_of_the_files_are_warnings(ninefold: Command) -> None:
    for text, warning in (
        (GATE, "stdin:8: warning: ReleaseGate shop/checkout spec.sources[0].errorBudgetPolicy: no ErrorBudgetPolicy "),
        (POLICY, "stdin:5: warning: ErrorBudgetPolicy shop/checkout spec.objectives: no ServiceLevelObjective of "),
        (
            POLICY.replace("{service: checkout}", "{names: [a, checkout]}") + "---\n" + SLO,
            "stdin:5: warning: ErrorBudgetPolicy shop/checkout spec.objectives.names[0]: no ServiceLevelObjective a ",
        ),
        (CORRECTION, "stdin:5: warning: Correction shop/upkeep spec.objectives: no ServiceLevelObjective of "),
        (
            CORRECTION.replace("{service: checkout}", "{names: [checkout, a]}") + "---\n" + SLO,
            "stdin:5: warning: Correction shop/upkeep spec.objectives.names[1]: no ServiceLevelObjective a of ",
        ),
        (
            DASHBOARD,
            "stdin:5: warning: Dashboard shop/checkout spec.service: no ServiceLevelObjective of namespace shop ",
        ),
        (
            f"{DASHBOARD}  objectives: {{names: [checkout, a]}}\n---\n{SLO}",
            "stdin:6: warning: Dashboard shop/checkout spec.objectives.names[1]: no ServiceLevelObjective a of ",
        ),
        (
            DASHBOARD.replace("service: checkout", "fleet: {}")
            + "---\n"
            + SLO.replace("namespace: shop", "namespace: x"),
            "stdin:4: warning: Dashboard shop/checkout spec: no ServiceLevelObjective of namespace shop in ",
        ),
    ):
        done = ninefold("lint", "-f", "-", stdin=text)
        assert done.returncode == 0, "what is not in these files may be in the cluster"
        assert done.stdout.startswith(warning)
        assert done.stdout.count("\n") == 1


def test_a_correction_that_never_is(ninefold: Command) -> None:
    never = CORRECTION.replace("FREQ=DAILY", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
    for command in ("lint", "render"):
        done = ninefold(command, "-f", "-", stdin=f"{SLO}---\n{never}")
        assert done.returncode == 1
        said = done.stdout if command == "lint" else done.stderr
        assert said.startswith("stdin:20: Correction shop/upkeep spec.recurring.rrule: this never occurs: FREQ=DAILY")


def test_a_burn_rate_that_no_objective_records(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=ALL.replace("over: 1h", "over: 2d"))
    assert done.returncode == 1
    place = "stdin:23: ErrorBudgetPolicy shop/checkout spec.rules[1].when.burnRate.over: "
    assert done.stdout.startswith(f"{place}checkout does not record a burn rate over 2d: choose one of 5m, 30m, 1h")


def test_a_second_window_that_no_objective_records(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=ALL.replace("over: 1h", "over: 1h, and: 7m"))
    assert done.returncode == 1
    place = "stdin:23: ErrorBudgetPolicy shop/checkout spec.rules[1].when.burnRate.and: "
    assert done.stdout.startswith(f"{place}checkout does not record a burn rate over 7m: choose one of 5m, 30m, 1h")


@pytest.mark.parametrize(
    ("window", "within", "warning"),
    [
        ("30d", "3d", ""),
        ("30d", "30d", ""),
        ("30d", "31d", "the window of checkout is 30d, and no forecast reaches beyond it: write less"),
        (
            "1h",
            "15m",
            "for checkout the forecast rests on one window alone, 5m: a short spike is enough; prefer burnRate",
        ),
    ],
)
def test_an_end_of_the_budget_that_cannot_be_foretold(
    ninefold: Command, window: str, within: str, warning: str
) -> None:
    rule = 'burnRate: {above: "14.4", over: 1h}'
    text = ALL.replace(rule, f"exhaustedWithin: {within}").replace("rolling: 30d", f"rolling: {window}")
    done = ninefold("lint", "-f", "-", stdin=text)
    assert done.returncode == 0
    place = "stdin:23: warning: ErrorBudgetPolicy shop/checkout spec.rules[1].when.exhaustedWithin: "
    assert done.stdout == (f"{place}{warning}\n" if warning else "")


def test_more_objectives_than_a_policy_watches(ninefold: Command) -> None:
    slos = [SLO.replace("name: checkout", f"name: checkout-{number}") for number in range(513)]
    done = ninefold("lint", "-f", "-", stdin="---\n".join([POLICY, *slos]))
    assert done.returncode == 1
    assert "spec.objectives: 513 objectives are selected, and a policy watches 512: select fewer" in done.stdout


def test_a_dashboard_that_no_object_can_hold(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=DASHBOARD.replace("name: checkout", f"name: {'c' * 245}") + "---\n" + SLO)
    assert done.returncode == 1
    assert done.stdout.startswith(f"stdin:3: Dashboard shop/{'c' * 245} metadata.name: choose a shorter name")


def test_json_for_machines(ninefold: Command) -> None:
    done = ninefold("lint", "--json", "-f", "-", stdin=f"{GATE}---\napiVersion: v1\nkind: Pod\n")
    result = json.loads(done.stdout)
    assert result["checked"] == 1
    assert result["findings"] == [
        {
            "message": "no ErrorBudgetPolicy checkout of namespace shop is in these files",
            "file": "stdin",
            "line": 8,
            "object": "ReleaseGate shop/checkout",
            "path": "spec.sources[0].errorBudgetPolicy",
            "severity": "warning",
        }
    ]


JOURNEY = """
apiVersion: ninefold.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: journey, namespace: shop}
spec:
  service: shop
  objective: "99.9"
  window: {rolling: 7d}
  dependsOn: [gone]
  indicator:
    composite: {mode: Serial, components: [{objective: checkout}, {objective: OTHER}]}
"""


def test_a_composite_is_held_against_its_components(ninefold: Command) -> None:
    files = {"slo.yaml": SLO, "journey.yaml": JOURNEY.replace("OTHER", "search")}
    done = ninefold("lint", "-f", "slo.yaml", "journey.yaml", files=files)
    assert done.returncode == 0
    assert "warning: ServiceLevelObjective shop/journey spec.dependsOn[0]: no ServiceLevelObjective gone" in done.stdout
    assert (
        "spec.indicator.composite: no ServiceLevelObjective search of namespace shop is in these files" in done.stdout
    )

    second = SLO.replace("name: checkout,", "name: search,")
    files = {"slo.yaml": f"{SLO}\n---\n{second}", "journey.yaml": JOURNEY.replace("OTHER", "search")}
    done = ninefold("lint", "-f", "slo.yaml", "journey.yaml", files=files)
    assert (
        "spec.objective: components that just keep their objectives make 99.8 % of it: promise no more" in done.stdout
    )

    files = {"slo.yaml": SLO, "journey.yaml": JOURNEY.replace("OTHER", "journey")}
    done = ninefold("lint", "-f", "slo.yaml", "journey.yaml", files=files)
    assert done.returncode == 1
    assert "spec.indicator.composite: journey -> journey: leave one of these components out" in done.stdout


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server:
        query = {"query": "prometheus_http_requests_total"}

        def scraped() -> bool:
            answer = plain.get(f"{server.url}/api/v1/query", params=query).json()
            return bool(answer["data"]["result"])

        wait_for("the first scrape", scraped, 60)
        yield server.url


def test_selectors_are_compared_with_the_series_of_a_prometheus(ninefold: Command, prometheus: str) -> None:
    of = SLO.replace("http_requests_total", "prometheus_http_requests_total").replace('job="checkout"', 'job="self"')
    early = ninefold("lint", "-f", "-", "--prometheus-url", prometheus, stdin=of)
    assert (early.returncode, early.stderr) == (0, "1 resource, 0 errors, 1 warning\n")
    assert early.stdout.startswith(
        "stdin:10: warning: ServiceLevelObjective shop/checkout spec.indicator.ratio.bad: no series of "
        'prometheus_http_requests_total has code=~"5.." (values: 200'
    )
    wrong = ninefold("lint", "-f", "-", "--prometheus-url", prometheus, stdin=of.replace("code=~", "status=~"))
    assert wrong.returncode == 1
    assert "spec.indicator.ratio.bad: prometheus_http_requests_total has no label status" in wrong.stdout
    away = ninefold("lint", "-f", "-", "--prometheus-url", f"http://127.0.0.1:{free_port()}", stdin=of)
    assert (away.returncode, away.stdout.startswith("--prometheus-url: http://127.0.0.1:")) == (1, True)


def test_a_threshold_is_compared_with_the_buckets_that_there_are(ninefold: Command, prometheus: str) -> None:
    of = """\
apiVersion: ninefold.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: answers, namespace: shop}
spec:
  service: prometheus
  objective: "99"
  window: {rolling: 30d}
  indicator:
    latency: {histogram: prometheus_http_request_duration_seconds, threshold: 300ms}
"""
    wrong = ninefold("lint", "-f", "-", "--prometheus-url", prometheus, stdin=of)
    assert wrong.returncode == 1
    assert "write 200ms or 400ms, the nearest that it has" in wrong.stdout
    right = ninefold("lint", "-f", "-", "--prometheus-url", prometheus, stdin=of.replace("300ms", "400ms"))
    assert right.returncode == 0


def test_what_is_imported_is_compared_likewise(ninefold: Command, prometheus: str) -> None:
    sloth = """\
version: prometheus/v1
service: checkout
slos:
- name: availability
  objective: 99.9
  sli:
    events:
      error_query: sum(rate(prometheus_http_requests_total{status="500"}[{{.window}}]))
      total_query: sum(rate(prometheus_http_requests_total[{{.window}}]))
  alerting: {page_alert: {disable: true}, ticket_alert: {disable: true}}
"""
    done = ninefold("import", "-f", "-", "--strict", "--prometheus-url", prometheus, stdin=sloth)
    assert done.returncode == 1
    assert "kind: ServiceLevelObjective" in done.stdout
    line = next(line for line in done.stderr.splitlines() if "spec.indicator.ratio.bad: prom" in line)
    assert line.startswith("stdin:4: Lost: prometheus/v1 checkout slos[0]: "), "the place in what was read"
    assert "has no label status" in line
    assert ninefold("import", "-f", "-", "--strict", stdin=sloth).returncode == 0


def test_credentials_that_cannot_be_used_are_a_finding(ninefold: Command) -> None:
    asked = ("--prometheus-url", "http://127.0.0.1:1", "--prometheus-ca-file", "ca.crt")
    for command in ("lint", "import"):
        done = ninefold(command, "-f", "slo.yaml", *asked, files={"slo.yaml": SLO, "ca.crt": ""})
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    done = ninefold("lint", "-f", "slo.yaml", *asked, files={"slo.yaml": SLO, "ca.crt": ""})
    assert done.stdout == (
        "--prometheus-url: the credentials for Prometheus: a certificate cannot be used: write into ca.crt a "
        "certificate in PEM\n"
    )
