"""`ninefold render` prints what the controller would apply, or says what to change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from ninefold.reliability.servicelevelobjective.output import Output, render
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from tests.cli.conftest import Command
from tests.cli.samples import GATE, POLICY, SLO

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


def test_other_kinds_are_passed_over_and_ours_without_children_are_checked(ninefold: Command) -> None:
    stream = "---\n".join([SLO, POLICY, GATE, "apiVersion: v1\nkind: ConfigMap\n"])
    done = ninefold("render", "-f", "-", stdin=stream)
    assert done.returncode == 0
    assert len(list(yaml.safe_load_all(done.stdout))) == 1
    assert done.stderr == "stdin:36: note: ConfigMap (v1) is not ours and is passed over\n"


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


def test_it_starts_without_the_machinery() -> None:
    program = "import sys, ninefold.cli.render, ninefold.cli.lint; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"kopf", "kubernetes", "aiohttp", "httpx", "asyncio", "prometheus_client"} & set(modules)
