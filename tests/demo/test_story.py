"""`make demo`, run as a person runs it."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes import wait_for

from devcluster.waiting import patient

ROOT = Path(__file__).parents[2]
MARK = "NINEFOLD_DEMO_MARK"
STEPS = [
    "operator running",
    "traffic healthy",
    "gate learns",
    "bad release",
    "burn",
    "alert firing",
    "gate closed",
    "change refused",
    "page firing",
    "operator killed, still refused",
    "rollback allowed",
    "operator back",
    "recovery",
    "gate open",
    "page ended",
    "change passes",
]


def demo(*arguments: str, mark: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator"), MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread here
    )


def left_over(mark: str) -> list[str]:
    """What still runs of all that was started, directly or not."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


@pytest.mark.timeout(1800)  # on a cold cache the binaries are built first
def test_every_step_happens_and_tells_its_evidence(tmp_path: Path) -> None:
    mark, file = secrets.token_hex(8), tmp_path / "demo.json"
    process = demo("--json", str(file), mark=mark)
    text, _ = process.communicate()
    assert process.returncode == 0, text
    assert left_over(mark) == []
    found = json.loads(file.read_text())
    steps = {step["name"]: step for step in found["steps"]}
    assert found["ok"]
    assert list(steps) == STEPS
    assert all(step["ok"] and step["seconds"] >= 0 and step["evidence"] for step in steps.values())
    for name in ("change refused", "operator killed, still refused"):
        refusal = steps[name]["evidence"]
        assert 'deployments.apps "checkout" is forbidden' in refusal
        assert re.search(r"checkout-availability has spent \d+ % of its 1-hour error budget", refusal)
        assert "A rollback to checkout:v41 passes." in refusal
        assert refusal.endswith("deployment/checkout has checkout:v42")
    assert "ended with -9" in steps["operator killed, still refused"]["evidence"]
    assert "ErrorBudgetBurn 6x/5m (page) is active" in steps["page firing"]["evidence"]
    assert "decides Allow" in steps["gate open"]["evidence"]


@pytest.mark.timeout(240)
def test_ctrl_c_takes_everything_down() -> None:
    mark = secrets.token_hex(8)
    process = demo(mark=mark)

    def started() -> bool:
        assert process.poll() is None, process.communicate()[0]
        return any("ninefold run" in each for each in left_over(mark))

    wait_for("the operator to be started", started, 90)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=patient(110))
    assert process.returncode == 130, text
    assert "everything is taken down" in text
    assert left_over(mark) == []
