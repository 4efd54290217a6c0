"""`ninefold run` before it runs: what it cannot do without is a sentence and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.waiting import patient
from tests.processes import ROOT


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = {"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "operator")}
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


@pytest.mark.parametrize("url", ["ftp://x", "prometheus:9090", "http://ann:secret@:9090"])
def test_what_is_no_address_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    done = run(tmp_path, "--prometheus-url", url)
    assert done.returncode == 2
    shown = "this" if "@" in url else repr(url)
    assert f"--prometheus-url: {shown} is no address: write an address such as http://prometheus-oper" in done.stderr
    assert "secret" not in done.stderr
