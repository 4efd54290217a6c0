"""`ninefold lint`: the faults that the API server, a controller or the other files would show."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Command
from tests.cli.samples import GATE, POLICY, SLO

ALL = "---\n".join([SLO, POLICY, GATE])


def test_resources_that_fit_together(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=ALL)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "3 resources, 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('objective: "99.9"', "objective: 99.9", '6: {} spec.objective: write it in quotes: "99.9"'),
        ('objective: "99.9"', 'objective: "100"', "6: {} spec.objective: write an objective above 0 and below 100"),
        ("rolling: 30d", "calendar: 30d", "7: {} spec.window.rolling: Field required"),
        ("rolling: 30d", "rolling: 30d, until: now", "7: {} spec.window.until: unknown field"),
        ("  service: checkout\n", "  service: a\n  service: b\n", "6: {}: service is written twice: keep one"),
        ("    ratio:", "    boolean: {selector: up}\n    ratio:", "8: {} spec.indicator: set exactly one of ratio, "),
        ("bad: http", "bad: (http", "10: {} spec.indicator.ratio.bad: this is not PromQL: "),
        ("bad: http", "bad: 1 + http", "10: {} spec.indicator.ratio.bad: write a selector such as "),
        ("spec:\n", "extra: 1\nspec:\n", "4: {} extra: unknown field"),
        ("namespace: shop", "namespace: shop, label: {}", "3: {} metadata.label: unknown field"),
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
    assert "there is no such kind; the kinds of ninefold.dev are ServiceLevelObjective, Err" in done.stdout


def test_an_alert_that_can_never_fire(ninefold: Command) -> None:
    tiers = '\n    tiers:\n    - {burnRate: "2000", long: 1h, short: 5m, severity: Page}\n'
    done = ninefold("lint", "-f", "-", stdin=SLO.split("  alerting")[0] + f"  alerting:{tiers}")
    assert "stdin:14: ServiceLevelObjective shop/checkout spec.alerting.tiers[0]: a burn rate of 2000 " in done.stdout
    assert done.returncode == 1


def test_the_same_object_twice(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "a.yaml", "b.yaml", files={"a.yaml": SLO, "b.yaml": f"# again\n{SLO}"})
    assert done.stdout.startswith(
        "b.yaml:2: ServiceLevelObjective shop/checkout: this object stands in a.yaml:1 already"
    )
    assert done.returncode == 1


def test_references_that_lead_out_of_the_files_are_warnings(ninefold: Command) -> None:
    for text, warning in (
        (GATE, "stdin:8: warning: ReleaseGate shop/checkout spec.sources[0].errorBudgetPolicy: no ErrorBudgetPolicy "),
        (POLICY, "stdin:5: warning: ErrorBudgetPolicy shop/checkout spec.objectives: no ServiceLevelObjective of "),
        (
            POLICY.replace("{service: checkout}", "{names: [a, checkout]}") + "---\n" + SLO,
            "stdin:5: warning: ErrorBudgetPolicy shop/checkout spec.objectives.names[0]: no ServiceLevelObjective a ",
        ),
    ):
        done = ninefold("lint", "-f", "-", stdin=text)
        assert done.returncode == 0, "what is not in these files may be in the cluster"
        assert done.stdout.startswith(warning)
        assert done.stdout.count("\n") == 1


def test_a_burn_rate_that_no_objective_records(ninefold: Command) -> None:
    done = ninefold("lint", "-f", "-", stdin=ALL.replace("over: 1h", "over: 2d"))
    assert done.returncode == 1
    place = "stdin:23: ErrorBudgetPolicy shop/checkout spec.rules[1].when.burnRate.over: "
    assert done.stdout.startswith(f"{place}checkout does not record a burn rate over 2d: choose one of 5m, 30m, 1h")


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
