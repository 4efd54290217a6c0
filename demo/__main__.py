"""`python -m demo`: Ninefold's main task on an embedded control plane. See docs/demo.md."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import devcluster
from demo.shop import USUAL, Shop
from demo.steps import Failed, Screen, Steps, report, table
from demo.story import Story
from devcluster.starting import running

NAME = "demo"
"""The name of the cluster that --keep leaves running."""


def main() -> int:
    """The exit code: 0 if every step really happened."""
    options = _parser().parse_args()
    # As for Ctrl-C: everything that was started is taken down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    steps = Steps(Screen())
    try:
        _write(options.json, steps, ok=False)  # a file that cannot be written fails at once
        ok = _run(steps, keep=options.keep)
    except KeyboardInterrupt:
        steps.screen.plain("Stopped; everything is taken down.")
        return 130
    except (OSError, devcluster.DevclusterError) as error:
        steps.screen.plain(f"The demo cannot run: {error}")
        return 1
    _write(options.json, steps, ok=ok)
    return 0 if ok else 1


def _write(file: Path | None, steps: Steps, *, ok: bool) -> None:
    if file:
        file.write_text(json.dumps(report(steps.done, ok=ok), indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running, and print the addresses")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON for programs")
    return parser


def _run(steps: Steps, *, keep: bool) -> bool:
    screen = steps.screen
    if keep and NAME in running():
        raise devcluster.DevclusterError(f"the cluster of an earlier --keep still runs; `{_down()}` takes it down")
    screen.say("Start Kubernetes, Prometheus and Alertmanager; missing programs are built first, once.")
    cluster = devcluster.start(
        own=True,
        prometheus=True,
        alertmanager=True,
        scrape_interval="1s",
        evaluation_interval="1s",
        detach=keep,
        name=NAME if keep else None,
    )
    stays = False
    try:
        shop = Shop(cluster)
        ok = _show(shop, steps)
        stays = keep
    finally:
        if not stays:
            cluster.stop()
    if stays:
        shop.load(USUAL)
        screen.plain("\nThe cluster keeps running:")
        for line in shop.addresses:
            screen.plain(f"  {line}")
        screen.plain(f"Take it down with: {_down()}")
    return ok


def _show(shop: Shop, steps: Steps) -> bool:
    screen, failure = steps.screen, ""
    try:
        Story(shop, steps).run()
    except (Failed, devcluster.DevclusterError) as error:
        failure = str(error)
    screen.plain(f"\nMeasured ({screen.elapsed:.0f} s in total; an effect is timed from its cause):")
    for line in table(steps.done):
        screen.plain(line)
    if failure:
        screen.plain(f"\nNot every step happened. {failure}")
        screen.plain(f"Logs: {_logs(shop.cluster)}")
        return False
    screen.plain("\nEvery step happened. Next: docs/quickstart.md measures your own service.")
    return True


def _logs(cluster: devcluster.Cluster) -> Path:
    """A copy of the logs and of the API server's objects that outlives the cluster."""
    place = Path(tempfile.mkdtemp(prefix="ninefold-demo-"))
    shutil.copytree(cluster.directory / "logs", place, dirs_exist_ok=True)
    kinds = "slo,ebp,gate,deployments,replicasets,pods,configmaps,events"
    (place / "objects.yaml").write_text(cluster.kubectl("-n", "shop", "get", kinds, "-o", "yaml", check=False))
    return place


def _down() -> str:
    return f"{sys.executable} -m devcluster down --name {NAME}"


if __name__ == "__main__":
    sys.exit(main())
