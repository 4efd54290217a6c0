"""The examples in manifests/delivery/: what they ask is what is answered, field by field."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from tests.processes import ROOT

from devcluster.waiting import patient
from ninefold.kube.clock import SystemClock
from ninefold.kube.secretfile import SecretFile
from ninefold.kube.store import Store
from ninefold.release.gate_api.answer import Answer, answer
from ninefold.release.gate_api.endpoints import Answering
from ninefold.release.gate_api.prometheus import evaluate
from ninefold.release.gate_api.question import question

FOLDER = ROOT / "manifests" / "delivery"
EXAMPLES = [file for file in sorted(FOLDER.glob("*.yaml")) if not file.name.startswith(("argocd", "flux"))]
"""Those that ask over HTTP; the others name a gate in an annotation, or read it."""
SERVICE = "ninefold.ninefold-system.svc:8080"
FIELDS = set(Answer("Allow", "", "").as_dict())


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def documents(file: Path) -> list[Any]:
    return list(yaml.safe_load_all(file.read_text()))


def test_there_is_an_example_for_each_tool() -> None:
    names = " ".join(file.name for file in EXAMPLES)
    assert all(tool in names for tool in ("argo-rollouts", "flagger", "kargo", "gitops-promoter", "github"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_url_leads_to_a_page_and_every_question_is_understood(file: Path) -> None:
    clock = SystemClock()
    none = SecretFile(None, clock)
    pages = {page.path for page in Answering(Store(), lambda: 0, none, none, clock).endpoints()}
    found = [urlsplit(text) for text in strings(documents(file)) if text.startswith(f"http://{SERVICE}")]
    assert found or file.name.startswith("github") or file.name == "argo-rollouts-example.yaml"
    for url in found:
        assert url.path in pages or (url.path == "" and file.name == "flagger-metric.yaml")
        if url.query:
            question(parse_qsl(url.query.replace("{{args.image}}", "").replace("{{args.paced}}", "false")))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_condition_reads_fields_that_there_are(file: Path) -> None:
    read = re.findall(r"\b(?:result|response\.body|Response\.Body)\.(\w+)", file.read_text())
    assert set(read) <= FIELDS
    assert read or file.name.startswith(("github", "flagger")) or file.name == "argo-rollouts-example.yaml"


def test_the_query_of_the_metric_is_answered() -> None:
    (template,) = documents(FOLDER / "flagger-metric.yaml")
    query = template["spec"]["query"].replace("{{ namespace }}", "shop").replace("{{ target }}", "checkout")
    clock = SystemClock()
    assert evaluate(query, "", Store(), 0.0, clock.now()) == {"resultType": "vector", "result": []}


def test_the_parameters_of_kargo_are_understood() -> None:
    (stage,) = documents(FOLDER / "kargo.yaml")
    (step,) = stage["spec"]["promotionTemplate"]["spec"]["steps"]
    pairs = [(each["name"], each["value"]) for each in step["config"]["queryParams"]]
    assert answer(Store(), question(pairs), 0.0, datetime.now(UTC)).decision == "Unknown"


class Gate:
    """Answers one decision after the other, and goes on with the last; an integer is a status of its own."""

    def __init__(self, *answers: str | int) -> None:
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                now = left.pop(0) if len(left) > 1 else left[0]
                asked = "namespace=shop&gate=checkout&revision=images.example.com/shop/checkout:0123abc"
                right = self.path == f"/v1/decision?{asked}" and self.headers["Authorization"] == "Bearer token"
                body = json.dumps({"decision": now, "message": f"It is {now}."}).encode()
                self.send_response((now if isinstance(now, int) else 200) if right else 418)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def step(self, wait: float) -> subprocess.CompletedProcess[str]:
        """Run the step of the GitHub example as GitHub would."""
        (workflow,) = documents(FOLDER / "github-environment.yaml")
        step = workflow["jobs"]["production"]["steps"][0]
        assert step["shell"] == "python"
        mine = {"NINEFOLD_URL": self.url, "NINEFOLD_TOKEN": "token", "WAIT_SECONDS": str(wait)}
        given = {name: value.replace("${{ github.sha }}", "0123abc") for name, value in step["env"].items()}
        environment = {**os.environ, **given, **mine}
        program = step["run"].replace("time.sleep(15)", "time.sleep(0.1)")
        try:
            return subprocess.run(
                [sys.executable, "-c", program],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=patient(60),
            )
        finally:
            self._server.shutdown()
            self._server.server_close()


def test_the_step_for_github_waits_until_the_gate_opens_also_while_nobody_answers() -> None:
    done = Gate("Hold", 503, "Unknown", "Allow").step(wait=30)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["Hold", "Unknown", "Unknown", "Allow"]


@pytest.mark.parametrize(("said", "sentence"), [("Hold", "did not open in time"), (401, "401:"), (400, "400:")])
def test_the_step_for_github_fails_when_waiting_does_not_help(said: str | int, sentence: str) -> None:
    done = Gate(said).step(wait=0.3)
    assert done.returncode == 1
    assert sentence in done.stderr
