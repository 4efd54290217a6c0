"""What a peer ships beside its binary: the files of its Go module, at the pinned version."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from devcluster import build
from devcluster.recipes import GOMOD, RECIPES


def unpacked(component: str, module: str) -> Path:
    """The directory of `module` as gomod/`component` pins it, checked against its go.sum."""
    go = build.go_for(RECIPES["kustomize-controller"])  # new enough for every peer
    done = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=GOMOD / component,
        env={**os.environ, **build.ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])
