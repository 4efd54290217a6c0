"""The API server refuses what the model refuses, with the same words, and takes every shape that is right."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests import direct
from tests.builders.servicelevelobjective import manifest
from tests.installing import install
from tests.processes import wait_for
from tests.reliability.servicelevelobjective.test_resource import RATIO, TIER, WRONG, composite

import devcluster
from ninefold.kube.crd import crd
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.seldom_meant import INTENDED, POLICY, warning_manifests

BY_SCHEMA = ("write it in quotes", "unknown field", "at most 4096 characters")
"""What the schema refuses: in the API server's own words."""


@pytest.fixture(scope="module")
def served(cluster: devcluster.Cluster) -> devcluster.Cluster:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(ServiceLevelObjective)))
    cluster.kubectl("wait", "--for=condition=Established", "crd/servicelevelobjectives.ninefold.dev")
    return cluster


def create(cluster: devcluster.Cluster, namespace: str, **spec: Any) -> dict[str, Any]:
    made = manifest()
    made["metadata"] = {"name": "tried", "namespace": namespace}
    made["spec"].update(spec)
    return direct.create(cluster, made, dry=True)


def test_what_the_model_refuses(served: devcluster.Cluster, namespace: str) -> None:
    for spec, sentence in WRONG:
        with pytest.raises(devcluster.CommandError) as refused:
            create(served, namespace, **spec)
        if not any(words in sentence for words in BY_SCHEMA):
            assert sentence in str(refused.value), spec


@pytest.mark.parametrize(
    "spec",
    [
        {"window": {"rolling": "400d"}, "objective": "99.99999", "description": "x" * 1024},
        {"window": {"rolling": "60m"}, "indicator": {"ratio": {"good": "g", "total": "t"}}},
        {"indicator": {"latency": {"histogram": "h" * 4096, "threshold": "2.5s"}}},
        {"indicator": {"boolean": {"selector": "up"}}, "suspend": True},
        {
            "alerting": {
                "name": "checkout: too many errors (prod) é",
                "labels": {f"l{number}": "{{ $labels.a | humanize }}" * 30 for number in range(16)},
                "page": {"labels": {"routing_key": "k"}, "annotations": {"n": "{{$externalLabels.b}}"}, "runbook": "r"},
                "ticket": {"name": "t" * 128, "disabled": True},
            }
        },
        {"window": {"calendar": {"period": "Quarter", "timeZone": "America/Argentina/Buenos_Aires"}}},
        {"indicator": {"errorRatio": {"query": "q[$window]", "traffic": "t"}}, "groupBy": ["region", "tier"]},
        {"indicator": RATIO, "groupBy": [f"label_{number}" + "x" * 120 for number in range(16)]},
        {"indicator": {"latency": {"histogram": "h", "threshold": "300", "buckets": "Native"}}},
        {"indicator": {"gauge": {"query": "q", "badBelow": "-0.5"}}, "timeSlices": {"target": "95", "length": "1h"}},
        {"indicator": composite("Weighted", a="0.5", trafficOf="b"), "dependsOn": ["a", "b"]},
        {
            "agreement": {
                "objective": "99.5",
                "window": {"calendar": {"period": "Month"}},
                "credits": [{"below": "99.5", "percent": "10"}, {"below": "99", "percent": "25"}],
            }
        },
        {
            "alerting": {
                "pageWithin": "5m",
                "budgetAtPage": "2.5",
                "resetWithin": "10m",
                "minimumErrors": 5,
                "confidence": "99.9",
                "minimumTraffic": "0.5/m",
                "scrapeInterval": "15s",
                "dashboard": "https://dashboards.example/checkout",
            }
        },
        {"indicator": RATIO, "alerting": {"tiers": [{**TIER, "for": "2m"}] * 8, "minimumErrors": 5}},
        {
            "alerting": {
                "labels": {f"l{number}": "v" * 1000 for number in range(16)},
                "annotations": {f"a{number}": "{{ $value | humanize }}" * 40 for number in range(16)},
                "runbook": "https://runbooks.example/checkout",
            }
        },
    ],
)
def test_what_the_model_takes(served: devcluster.Cluster, namespace: str, spec: dict[str, Any]) -> None:
    accepted = create(served, namespace, **spec)
    assert (
        ServiceLevelObjective.parse(accepted, strict=False).spec == ServiceLevelObjective.parse(manifest(**spec)).spec
    )


def test_its_columns_show_the_figures(served: devcluster.Cluster, namespace: str) -> None:
    made = manifest()
    made["metadata"] = {"name": "shown", "namespace": namespace}
    served.kubectl("create", "-f", "-", input=json.dumps(made))
    status = {
        "data": "Healthy",
        "current": "99.94",
        "budget": {"left": "38.2 %", "total": "0.1 %"},
        "burn": {"1h": "0.62x"},
    }
    patch = ("patch", "slo", "shown", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    served.kubectl("--namespace", namespace, *patch)
    head, row = served.kubectl("--namespace", namespace, "get", "sre").strip().splitlines()
    assert head.split()[:6] == ["NAME", "OBJECTIVE", "CURRENT", "BUDGET", "LEFT", "BURN"]
    assert row.split()[1:7] == ["99.9", "99.94", "38.2", "%", "0.62x", "Healthy"]


@pytest.fixture(scope="module")
def doubting(served: devcluster.Cluster) -> Iterator[devcluster.Cluster]:
    install(served, *warning_manifests())
    yield served
    served.kubectl("delete", "validatingadmissionpolicybinding", POLICY)
    served.kubectl("delete", "validatingadmissionpolicy", POLICY)


def warned(cluster: devcluster.Cluster, namespace: str, annotations: dict[str, str] | None = None, **spec: Any) -> str:
    """What kubectl prints to whoever creates it."""
    made = manifest()
    made["metadata"] = {"name": "tried", "namespace": namespace, "annotations": annotations or {}}
    made["spec"].update(spec)
    command = [str(cluster.binary("kubectl")), "create", "--dry-run=server", "-f", "-"]
    environment = {**os.environ, **cluster.environment}
    done = subprocess.run(command, input=json.dumps(made), capture_output=True, text=True, check=True, env=environment)
    return done.stderr


def test_the_api_server_warns_of_what_is_seldom_meant(doubting: devcluster.Cluster, namespace: str) -> None:
    low = "spec.objective: an objective of 0.999 % lets most events fail: write percent"
    wait_for("the policy to be in force", lambda: low in warned(doubting, namespace, objective="0.999"), 30)
    assert warned(doubting, namespace, {INTENDED: "it is a lottery"}, objective="0.999") == ""
    assert warned(doubting, namespace, objective="50") == ""
    assert warned(doubting, namespace) == ""
    flat = {"tiers": [{"burnRate": "0.933", "long": "3d", "short": "6h", "severity": "Ticket"}]}
    assert "fires while the objective is met" in warned(doubting, namespace, alerting=flat)
    assert warned(doubting, namespace, alerting={"tiers": [{**flat["tiers"][0], "burnRate": "1"}]}) == ""
    same = {"ratio": {"good": "a_total", "total": " a_total"}}
    assert "good and total are the same, so no event is ever bad" in warned(doubting, namespace, indicator=same)
    assert warned(doubting, namespace, indicator={"boolean": {"selector": "up"}}) == ""
