"""`ninefold render` prints what the controller would apply, or says what to change."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml
from tests.cli.conftest import Command
from tests.cli.samples import CORRECTION, DASHBOARD, GATE, POLICY, SLO
from tests.processes import ROOT

from ninefold.kube.store import Store
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.output.manifests import Output, render
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

MODEL = ServiceLevelObjective.parse(yaml.safe_load(SLO))


def test_it_prints_what_the_controller_plans(ninefold: Command) -> None:
    done = ninefold("render", "-f", "slo.yaml", files={"slo.yaml": SLO})
    assert (done.returncode, done.stderr) == (0, "")
    assert list(yaml.safe_load_all(done.stdout)) == render(MODEL, Output())


def test_a_config_map_shows_its_rules_as_text(ninefold: Command) -> None:
    done = ninefold("render", "-f", "-", "--rules", "ConfigMap", "--rule-labels", "a=b,c=d", stdin=SLO)
    assert list(yaml.safe_load_all(done.stdout)) == render(MODEL, Output("ConfigMap", {"a": "b", "c": "d"}))
    assert "shop.checkout.rules.yaml: |\n    groups:\n" in done.stdout


def test_json_is_one_list(ninefold: Command) -> None:
    other = SLO.replace("name: checkout,", "name: other,")
    done = ninefold("render", "-f", "a.yaml", "b.yaml", "-o", "json", files={"a.yaml": SLO, "b.yaml": other})
    result = json.loads(done.stdout)
    assert (result["kind"], len(result["items"])) == ("List", 2)


def test_plain_rule_files_for_a_prometheus_without_an_operator(ninefold: Command, tmp_path: Path) -> None:
    done = ninefold("render", "-f", "slo.yaml", "--plain", "rules", files={"slo.yaml": SLO})
    assert done.stdout == "rules/shop.checkout.rules.yaml\n"
    groups = yaml.safe_load((tmp_path / done.stdout.strip()).read_text())["groups"]
    assert [group["name"] for group in groups] == ["ninefold/shop/checkout"]


def test_rules_know_the_corrections_of_the_same_files(ninefold: Command) -> None:
    other = SLO.replace("name: checkout,", "name: other,").replace("service: checkout", "service: other")
    done = ninefold("render", "-f", "-", stdin="---\n".join([SLO, CORRECTION, other]))
    assert (done.returncode, done.stderr) == (0, "")
    corrected, plain = yaml.safe_load_all(done.stdout)
    assert "slo:correction:active" in json.dumps(corrected)
    assert [plain] == render(ServiceLevelObjective.parse(yaml.safe_load(other)), Output())


def test_a_dashboard_of_the_objectives_in_the_same_files(ninefold: Command) -> None:
    stream = "---\n".join([DASHBOARD, SLO, SLO.replace("name: checkout,", "name: other,").replace("shop", "else")])
    done = ninefold("render", "-f", "-", stdin=stream)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rules = yaml.safe_load_all(done.stdout)
    wanted = Dashboard.parse(yaml.safe_load(DASHBOARD))
    controller = DashboardController(tiers)
    store = Store()
    for manifest in (SLO, SLO.replace("name: checkout,", "name: other,").replace("shop", "else")):
        store.put(ServiceLevelObjective.api, yaml.safe_load(manifest))
    observed = asyncio.run(controller.observe(wanted, store, NOW))
    assert (first,) == controller.plan(wanted, observed, NOW).children
    assert [rule["kind"] for rule in rules] == ["PrometheusRule"] * 2


def test_a_fleet_leads_to_the_dashboards_in_the_same_files(ninefold: Command) -> None:
    fleet = DASHBOARD.replace("service: checkout", "fleet: {}").replace("name: checkout", "name: all")
    done = ninefold("render", "-f", "-", stdin=f"{fleet}---\n{DASHBOARD}---\n{SLO}")
    overview, service, _ = yaml.safe_load_all(done.stdout)
    assert json.loads(service["data"]["shop.checkout.json"])["uid"] in overview["data"]["shop.all.json"]


def test_plain_dashboards_for_a_grafana_outside_of_kubernetes(ninefold: Command, tmp_path: Path) -> None:
    delivery = "  delivery: {grafanaDashboard: {instanceSelector: {matchLabels: {a: b}}}}\n"
    done = ninefold("render", "-f", "-", "--plain", "out", stdin=f"{DASHBOARD}{delivery}---\n{SLO}")
    assert done.stdout == "out/shop.checkout.json\nout/shop.checkout.rules.yaml\n"
    assert json.loads((tmp_path / "out/shop.checkout.json").read_text())["title"] == "checkout in shop: service levels"


def test_other_kinds_are_passed_over_and_ours_without_children_are_checked(ninefold: Command) -> None:
    stream = "---\n".join([SLO, POLICY, GATE, "apiVersion: v1\nkind: ConfigMap\n"])
    done = ninefold("render", "-f", "-", stdin=stream)
    assert done.returncode == 0
    assert len(list(yaml.safe_load_all(done.stdout))) == 1
    assert done.stderr == "stdin:36: note: ConfigMap (v1) is not a kind of Ninefold and is skipped\n"


def test_the_namespace_of_objects_that_name_none(ninefold: Command) -> None:
    nameless = SLO.replace(", namespace: shop", "")
    names = []
    for option in ([], ["-n", "shop"]):
        done = ninefold("render", "-f", "-", *option, stdin=nameless)
        names.append(yaml.safe_load(done.stdout)["metadata"]["namespace"])
    assert names == ["default", "shop"]


def test_one_fault_and_nothing_is_printed(ninefold: Command) -> None:
    broken = SLO.replace("name: checkout,", "name: broken,").replace("total: http", "total: http{")
    done = ninefold("render", "-f", "-", stdin=f"{SLO}---\n{broken}")
    assert (done.returncode, done.stdout) == (1, "")
    place = "stdin:24: ServiceLevelObjective shop/broken spec.indicator.ratio.total: this is not PromQL"
    assert done.stderr.startswith(place)


def test_wrong_calls(ninefold: Command) -> None:
    assert ninefold("render").returncode == 2
    done = ninefold("render", "-f", "-", "--rule-labels", "a", stdin=SLO)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'a' is not of the form name=value,name=value" in done.stderr


def test_grafanas_sdk_is_loaded_for_dashboards_alone(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text(SLO)
    (tmp_path / "dashboard.yaml").write_text(DASHBOARD)
    program = (
        "import sys; from ninefold.cli import main; main(sys.argv[1:]); print('grafana_foundation_sdk' in sys.modules)"
    )
    for command in ("render", "lint"):
        for files, loaded in ((["slo.yaml"], "False"), (["slo.yaml", "dashboard.yaml"], "True")):
            done = subprocess.run(
                [sys.executable, "-c", program, command, "-f", *files],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.splitlines()[-1] == loaded, (command, files)


def test_it_starts_without_the_machinery() -> None:
    program = "import sys, ninefold.cli.render.command, ninefold.cli.lint.command; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {
        "kopf",
        "kubernetes",
        "aiohttp",
        "httpx",
        "asyncio",
        "prometheus_client",
        "grafana_foundation_sdk",
    } & set(modules)


def test_the_cost_of_objectives_and_of_all_of_them(ninefold: Command) -> None:
    grouped = SLO.replace("name: checkout,", "name: regions,").replace("spec:", "spec:\n  groupBy: [region, tier]", 1)
    done = ninefold("render", "-f", "-", "--cost", stdin=f"{SLO}---\n{grouped}")
    assert (done.returncode, done.stderr) == (0, "")
    head, one, two, total, further, *_ = done.stdout.splitlines()
    assert head.split() == ["OBJECTIVE", "RULES", "SERIES", "SAMPLES"]
    assert (one.split()[0], two.split()[0]) == ("shop/checkout", "shop/regions")
    assert total.split()[1:] == [str(int(a) + int(b)) for a, b in zip(one.split()[1:], two.split()[1:], strict=True)]
    assert further.startswith("shop/regions: for one group; each further region and tier adds 30 series and ")

    printed = json.loads(ninefold("render", "-f", "-", "--cost", "--json", stdin=f"{SLO}---\n{grouped}").stdout)
    assert [each["slo_id"] for each in printed["objectives"]] == ["shop/checkout", "shop/regions"]
    assert printed["total"] == {
        name: sum(each[name] for each in printed["objectives"]) for name in ("rules", "series", "samples")
    }
    assert printed["objectives"][1]["eachFurtherGroup"]["series"] == 30


def test_groups_are_as_short_as_it_is_told(ninefold: Command) -> None:
    done = ninefold("render", "-f", "-", "--rules-per-group", "20", stdin=SLO)
    names = [group["name"] for group in yaml.safe_load(done.stdout)["spec"]["groups"]]
    assert names == ["ninefold/shop/checkout", "ninefold/shop/checkout/2"]
    assert ninefold("render", "-f", "-", "--rules-per-group", "0", stdin=SLO).returncode == 2
