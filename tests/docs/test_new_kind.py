"""docs/new-kind.md adds a kind by its own folder and one line: the kind that it shows is made and served."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster.waiting import patient
from tests.processes import ROOT, free_port, wait_for

PAGE = (ROOT / "docs/new-kind.md").read_text()
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SAMPLE = re.search(r"^```yaml-reminder\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def bare() -> Iterator[devcluster.Cluster]:
    """A control plane of its own: kubectl remembers for a while which kinds a shared one serves."""
    with devcluster.start(own=True) as started:
        yield started


def test_the_kind_on_the_page_is_served(bare: devcluster.Cluster, tmp_path: Path) -> None:
    cluster, namespace = bare, bare.namespace()
    source = tmp_path / "operator"
    shutil.copytree(ROOT / "operator", source, ignore=shutil.ignore_patterns("__pycache__", "gomod"))
    for name, text in FILES.items():
        (source / "ninefold" / name).parent.mkdir(exist_ok=True)
        (source / "ninefold" / name).write_text(text)
    (source / "ninefold/observability/reminder/__init__.py").touch()
    kinds = source / "ninefold/observability/kinds.py"
    assert kinds.read_text().count('    "dashboard",\n') == 1
    kinds.write_text(kinds.read_text().replace('    "dashboard",\n', '    "dashboard",\n    "reminder",\n'))
    environment = {**os.environ, **cluster.environment, "PYTHONPATH": str(source)}

    def ninefold(*arguments: str) -> str:
        command = [sys.executable, "-m", "ninefold", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert SAMPLE
    sample = tmp_path / "reminder.yaml"
    sample.write_text(SAMPLE[1].replace("namespace: shop", f"namespace: {namespace}"))
    assert "reminders.ninefold.dev" in ninefold("crds")
    assert json.loads(ninefold("lint", "-f", str(sample), "--json")) == {"checked": 1, "findings": []}
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=ninefold("crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd/reminders.ninefold.dev")
    cluster.kubectl("apply", "-f", str(sample))
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "ninefold", "run", "--prometheus-url", "http://127.0.0.1:1", "--bind", address]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    try:
        wait_for(
            "the reminder", lambda: "Rotate the signing keys." in cluster.kubectl("-n", namespace, "get", "events")
        )
        wait_for("its row", lambda: re.search(r"rotate-keys +\S+ +True +True", ninefold("status", "-n", namespace)))
    finally:
        process.terminate()
        process.wait(patient(30))
