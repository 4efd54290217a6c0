"""What an ErrorBudgetPolicy may say, refused alike by the model and by the API server, with a sentence to act on."""

from __future__ import annotations

import json
from typing import Any

import pytest

import devcluster
from devcluster.errors import CommandError
from ninefold.kube.crd import crd
from ninefold.kube.errors import Stalled
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

SPENT = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted"}

REFUSED = [
    ({"objectives": {}}, "set exactly one of service, names or matchLabels"),
    ({"objectives": {"service": "a", "names": ["b"]}}, "set exactly one of service, names or matchLabels"),
    ({"objectives": {"matchLabels": {"not a key": "x"}}}, "write the keys of labels, such as app"),
    ({"objectives": {"matchLabels": {"app": ""}}}, "matchLabels.app"),
    ({"rules": [{"when": {}, "state": "Caution"}]}, "set exactly one of budgetLeftBelow or burnRate"),
    ({"rules": [{"when": {"budgetLeftBelow": "25 %"}, "state": "Caution"}]}, 'write a percentage from "0" to "100"'),
    ({"rules": [{"when": {"budgetLeftBelow": "101"}, "state": "Caution"}]}, 'write a percentage from "0" to "100"'),
    ({"rules": [{"when": {"budgetLeftBelow": "99.5"}, "state": "Caution"}]}, "must not pass 100"),
    ({"rules": [SPENT], "recovery": {"margin": "100", "for": "soon"}}, "write a duration such as"),
    (
        {"rules": [{"when": {"burnRate": {"above": "fast", "over": "1h"}}, "state": "Caution"}]},
        "write a number as a decimal string",
    ),
]


def manifest(namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": ErrorBudgetPolicy.api.api_version,
        "kind": "ErrorBudgetPolicy",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"objectives": {"service": "checkout"}, "rules": [SPENT], **spec},
    }


@pytest.mark.parametrize(("spec", "sentence"), REFUSED)
def test_the_model_refuses_with_a_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as error:
        ErrorBudgetPolicy.parse(manifest("shop", spec))
    assert sentence in error.value.message


def test_the_api_server_refuses_with_the_same_sentences(cluster: devcluster.Cluster, namespace: str) -> None:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(ErrorBudgetPolicy)))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{ErrorBudgetPolicy.api.name}")
    for spec, sentence in REFUSED:
        with pytest.raises(CommandError) as error:
            cluster.kubectl("create", "-f", "-", input=json.dumps(manifest(namespace, spec)))
        assert sentence in str(error.value), spec
    cluster.kubectl("create", "-f", "-", input=json.dumps(manifest(namespace, {})))
