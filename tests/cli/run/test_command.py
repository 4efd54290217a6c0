"""`ninefold run` before it runs: what it cannot do without is a sentence and exit code 2."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes import ROOT

import devcluster
from devcluster.waiting import patient


def run(tmp_path: Path, *arguments: str, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    hidden = {"KUBECONFIG": str(kubeconfig or tmp_path / "none"), "HOME": str(tmp_path)}
    hidden["PYTHONPATH"] = str(ROOT / "operator")
    command = [sys.executable, "-m", "ninefold", "run", *arguments]
    environment = {**os.environ, **hidden}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=patient(30), check=False)


def test_without_a_cluster_it_says_where_one_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "--prometheus-url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    missing = f"there is no kubeconfig {tmp_path / 'none'}"
    assert last == f"ninefold: {missing}: set KUBECONFIG to a file that names a cluster"
    assert "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_named(tmp_path: Path, cluster: devcluster.Cluster) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        prometheus = ("--prometheus-url", cluster.prometheus.url)
        done = run(tmp_path, *prometheus, "--bind", address, kubeconfig=cluster.kubeconfig)
    (told,) = done.stderr.splitlines()
    entry = json.loads(told)
    assert (done.returncode, entry["level"], entry["address"]) == (1, "critical", address)
    assert entry["message"] == "Cannot listen for probes and metrics: choose a free address"
    assert "address already in use" in entry["error"]


@pytest.mark.parametrize("url", ["ftp://x", "prometheus:9090", "http://ann:secret@:9090"])
def test_what_is_no_address_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    done = run(tmp_path, "--prometheus-url", url)
    assert done.returncode == 2
    shown = "this" if "@" in url else repr(url)
    assert (
        f"--prometheus-url: {shown} is not an address: write an address such as http://prometheus-oper" in done.stderr
    )
    assert "secret" not in done.stderr
