"""`ninefold import` and `ninefold export`: what is printed, what is reported, and the exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from tests.cli.conftest import Command
from tests.cli.samples import GATE, SLO
from tests.integrations.dialects import damaged
from tests.integrations.test_openslo import LATENCY, exported

from ninefold.cli.convert.import_ import DIALECTS, checked, translated
from ninefold.cli.shared.files import from_text

DATA = Path(__file__).parents[2] / "integrations" / "data"
DIALECT_FILES = ("sloth-plain", "sloth-crd", "sloth-windows", "pyrra", "openslo")
SLOTH = """\
version: prometheus/v1
service: checkout
slos:
- name: availability
  objective: 99.9
  sli:
    events:
      error_query: sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))
      total_query: sum(rate(http_requests_total[{{.window}}]))
  alerting: {name: CheckoutAvailability}
"""
OPENSLO = """\
- apiVersion: openslo/v1
  kind: SLO
  metadata: {name: cart}
  spec:
    service: cart
    indicator:
      metadata: {name: cart}
      spec:
        ratioMetric:
          counter: true
          good: {metricSource: {type: Prometheus, spec: {query: good_total}}}
          total: {metricSource: {type: Prometheus, spec: {query: all_total}}}
    timeWindow: [{duration: 4w, isRolling: true}]
    budgetingMethod: Occurrences
    objectives: [{target: 0.99}]
"""


@pytest.mark.parametrize("name", DIALECT_FILES)
def test_the_manifests_and_the_report_are_as_reviewed(ninefold: Command, name: str) -> None:
    """Where a change of them is meant: write the files anew from what is printed, and read the difference."""
    shutil.copy(DATA / f"{name}.yaml", f"{name}.yaml")
    done = ninefold("import", "-f", f"{name}.yaml")
    assert done.returncode == 0
    assert list(yaml.safe_load_all(done.stdout)) == list(
        yaml.safe_load_all((DATA / f"{name}.imported.yaml").read_text())
    )
    assert done.stderr == (DATA / f"{name}.report.txt").read_text()


@pytest.mark.parametrize("name", DIALECT_FILES)
def test_what_is_printed_is_accepted_by_our_own_parser(ninefold: Command, name: str) -> None:
    printed = ninefold("import", "-f", str(DATA / f"{name}.yaml")).stdout
    manifests = list(yaml.safe_load_all(printed))
    assert manifests
    assert checked(manifests, "default")[0] == {}


def test_all_carried_is_fine_and_something_lost_fails_only_a_strict_call(ninefold: Command) -> None:
    assert ninefold("import", "--strict", "-f", "-", stdin=SLOTH).returncode == 0, "changed is not lost"
    lossy = SLOTH.replace("alerting: {", 'alerting: {annotations: {a: "{{ query }}"}, ')
    assert ninefold("import", "-f", "-", stdin=lossy).returncode == 0
    done = ninefold("import", "--strict", "-f", "-", stdin=lossy)
    assert done.returncode == 1
    assert "name: checkout-availability" in done.stdout, "what can be carried is printed all the same"
    assert done.stderr.endswith("1 objective, 1 lost, 2 changed\n")


def test_what_lint_warns_of_is_told(ninefold: Command) -> None:
    """It was as wrong before, so that it is not lost."""
    done = ninefold("import", "--strict", "-f", "-", stdin=SLOTH.replace("99.9", "0.999"))
    assert done.returncode == 0
    assert "stdin:4: Changed: prometheus/v1 checkout slos[0]: spec.objective: an objective of 0.999 % le" in done.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no objective of Sloth, Pyrra or OpenSLO here: name the files that hold objectives"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n", "there is no objective of Sloth, Pyrra or OpenSLO here"),
        ("apiVersion: openslo/v1\nkind: Service\nmetadata: {name: p}\nspec: {}\n", "no objective was converted: fix"),
        (SLOTH.replace("99.9", "100"), "no objective was converted: fix what is lost, and import again"),
    ],
)
def test_files_without_an_objective_fail(ninefold: Command, text: str, sentence: str) -> None:
    done = ninefold("import", "-f", "-", stdin=text)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"stdin: {sentence}" in done.stderr
    assert "0 objectives" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["import"], ["import", "-f", "-", "--from", "nobl9"], ["export", "-f", "-"], ["import", "-f", "-", "--to", "x"]],
)
def test_a_wrong_call(ninefold: Command, words: list[str]) -> None:
    assert ninefold(*words).returncode == 2


def test_an_unreadable_input_fails_and_does_not_hide_the_others(ninefold: Command) -> None:
    files = {"a.yaml": "{", "b.yaml": SLOTH}
    done = ninefold("import", "-f", "a.yaml", "nope.yaml", "b.yaml", files=files)
    assert done.returncode == 1
    assert "a.yaml:2: this is not YAML" in done.stderr
    assert "nope.yaml: cannot be read" in done.stderr
    assert "name: checkout-availability" in done.stdout


def test_the_report_for_machines(ninefold: Command) -> None:
    sli = "sli:\n    plugin: {id: p/v1}\n  was:"
    done = ninefold(
        "import",
        "--report",
        "json",
        "-f",
        "slo.yaml",
        "a.yaml",
        files={"slo.yaml": SLOTH.replace("sli:", sli), "a.yaml": "{"},
    )
    report = json.loads(done.stderr)
    assert report["objectives"] == 0
    assert [finding["file"] for finding in report["unreadable"]] == ["a.yaml"]
    (lost,) = [item for item in report["items"] if item["severity"] == "Lost"]
    assert lost == {
        "severity": "Lost",
        "file": "slo.yaml",
        "line": 7,
        "object": "prometheus/v1 checkout",
        "field": "slos[0].sli.plugin",
        "lost": "the SLI plugin p/v1 is not converted",
        "meaning": "the SLO is not converted",
        "instead": "write spec.indicator.ratio: `sloth generate` prints the two queries that the plugin makes, in the "
        "rule slo:sli_error:ratio_rate5m",
    }


def test_each_dialect_is_told_by_its_documents_and_the_rest_is_passed_over(ninefold: Command) -> None:
    files = {
        "a.yaml": SLOTH,
        "b.yaml": OPENSLO,
        "c.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
        "d.yaml": "- 1\n",
    }
    done = ninefold("import", "-f", ".", files=files)
    names = [manifest["metadata"]["name"] for manifest in yaml.safe_load_all(done.stdout)]
    assert names == ["checkout-availability", "cart"]
    assert "c.yaml:1: Changed: Pod p: the document is not one of sloth, pyrra, openslo; it is skipped" in done.stderr
    assert "d.yaml:1: Changed: document: the document is not one of" in done.stderr
    done = ninefold("import", "--from", "openslo", "-f", "a.yaml", "b.yaml")
    assert [manifest["metadata"]["name"] for manifest in yaml.safe_load_all(done.stdout)] == ["cart"]
    assert "a.yaml:1: Changed: prometheus/v1 checkout: the document is not one of openslo" in done.stderr


def test_the_namespace_is_that_of_the_document_or_of_the_call(ninefold: Command) -> None:
    done = ninefold("import", "-n", "money", "-f", "-", stdin=SLOTH)
    assert yaml.safe_load(done.stdout)["metadata"]["namespace"] == "money"
    pyrra = next(yaml.safe_load_all((DATA / "pyrra.yaml").read_text()))
    done = ninefold("import", "-n", "money", "-f", "-", stdin=yaml.safe_dump(pyrra))
    assert yaml.safe_load(done.stdout)["metadata"]["namespace"] == "shop"


def test_what_would_be_refused_is_reported_and_not_printed(ninefold: Command) -> None:
    broken = SLOTH.replace("sum(rate(http_requests_total[", "sum(rate(http_requests_total)[")
    done = ninefold("import", "-f", "-", stdin=broken)
    assert done.stdout == ""
    sentence = (
        "ServiceLevelObjective checkout-availability would be refused: spec.indicator.ratio.total: this is not PromQL"
    )
    assert f"stdin:4: Lost: prometheus/v1 checkout slos[0]: {sentence}" in done.stderr
    wide = SLOTH.replace("objective: 99.9", "objective: 99.999999999")
    done = ninefold("import", "-f", "-", stdin=wide)
    assert done.stdout == ""
    assert "would be refused: spec.objective: write a percentage as a decimal string" in done.stderr


def test_a_composite_whose_component_would_be_refused_is_not_printed_either(ninefold: Command) -> None:
    slos = list(yaml.safe_load_all((DATA / "openslo.yaml").read_text()))
    (journey,) = [each for each in slos if each["metadata"]["name"] == "cart-journey"]
    metrics = journey["spec"]["objectives"][1]["indicator"]["spec"]["ratioMetric"]
    metrics["bad"]["metricSource"]["spec"]["query"] = "nosuch(rate(x[5m]))"
    done = ninefold("import", "-f", "-", stdin=yaml.safe_dump_all(slos))
    assert "name: cart-journey-answers\n" in done.stdout
    assert "name: cart-journey\n" not in done.stdout
    assert "cart-journey would be refused: its component cart-journey-errors is not printed" in done.stderr


def test_two_objectives_of_one_name_are_not_both_printed(ninefold: Command) -> None:
    done = ninefold("import", "-f", "a.yaml", "b.yaml", files={"a.yaml": SLOTH, "b.yaml": SLOTH})
    assert done.stdout.count("name: checkout-availability") == 1
    assert (
        "b.yaml:4: Lost: prometheus/v1 checkout slos[0]: the objective checkout-availability already comes from "
        "a.yaml:4; it is not printed; rename one of them, and import again\n"
    ) in done.stderr


def test_a_key_that_stands_twice_is_reported(ninefold: Command) -> None:
    done = ninefold("import", "-f", "-", stdin=SLOTH.replace("service: checkout", "service: a\nservice: checkout"))
    assert "stdin:3: Lost: prometheus/v1 checkout: service occurs twice; the last value counts; keep one" in done.stderr


def test_every_dialect_says_of_its_other_kinds_that_it_does_not_know_them() -> None:
    for name, api in (("sloth", "sloth.slok.dev/v2"), ("pyrra", "pyrra.dev/v1"), ("openslo", "openslo.com/v2alpha")):
        document = from_text(f"apiVersion: {api}\nkind: SLO\nmetadata: {{name: a}}\nspec: {{a: b}}\n", "in.yaml")
        made, items = translated(document, list(DIALECTS), "default")
        assert made == []
        assert next(str(item) for item in items if item.severity == "Lost").startswith(
            f"in.yaml:1: Lost: SLO a: SLO of {api} is unknown; it is not converted; "
        ), name


ALL = [document for name in DIALECT_FILES for document in yaml.safe_load_all((DATA / f"{name}.yaml").read_text())]


@settings(max_examples=60)
@given(damaged([*ALL, exported(LATENCY)[0]]))
def test_whatever_stands_in_the_documents_what_is_printed_is_accepted(given: list[Any]) -> None:
    documents = from_text(yaml.safe_dump_all(given), "in.yaml")
    made, items = translated(documents, list(DIALECTS), "default")
    assert checked([one.manifest for one, _ in made], "default")[0] == {}
    assert all(str(item) for item in items)


def test_an_export_is_imported_as_what_it_was(ninefold: Command) -> None:
    exported = ninefold("export", "--to", "openslo", "-f", "slo.yaml", files={"slo.yaml": SLO})
    assert exported.returncode == 0
    assert [each["kind"] for each in yaml.safe_load_all(exported.stdout)] == ["DataSource", "SLO"]
    assert "slo.yaml:3: Changed: ServiceLevelObjective shop/checkout metadata.namespace: " in exported.stderr
    assert "slo.yaml:12: Lost: ServiceLevelObjective shop/checkout spec.alerting.minimumErrors: " in exported.stderr
    back = ninefold("import", "--strict", "-f", "-", stdin=exported.stdout)
    assert yaml.safe_load(back.stdout) == yaml.safe_load(SLO)
    assert (back.returncode, back.stderr) == (0, "1 objective, 0 lost, 0 changed\n")


def test_an_export_says_what_it_leaves_out(ninefold: Command) -> None:
    assert ninefold("export", "--to", "openslo", "--strict", "-f", "-", stdin=SLO).returncode == 1
    done = ninefold("export", "--to", "openslo", "-f", "-", stdin=GATE)
    assert (done.returncode, done.stdout) == (0, "")
    assert "stdin:1: Lost: ReleaseGate shop/checkout: OpenSLO has no ReleaseGate" in done.stderr
    done = ninefold("export", "--to", "openslo", "-f", "-", stdin=SLO.replace('"99.9"', '"100"'))
    assert done.returncode == 1
    assert "stdin:6: ServiceLevelObjective shop/checkout spec.objective: write an objective above 0" in done.stderr
    done = ninefold("export", "--to", "openslo", "-f", "-", stdin=SLO.replace("bad: http", "bad: 1 + http"))
    assert done.stdout == ""
    assert "an import would not convert it" in done.stderr
