"""Simulates the sidecar of real Prometheus installations: copies rule files from ConfigMaps into Prometheus' directory.

Run as `python -m devcluster.rules DIRECTORY PROMETHEUS_URL` with KUBECONFIG set; Cluster.sync_rules() does so.
"""

import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from kubernetes import client, config, watch

from devcluster.waiting import patient

LABEL = "ninefold.dev/rules=true"
#: seconds: ConfigMaps that change together are loaded together
GATHER = 0.2
#: seconds until a reload without an answer is tried again
AGAIN = 1.0

log = logging.getLogger("devcluster.rules")


class Folder:
    """Its own directory, emptied at the start; knows which ConfigMap each file came from."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)
        for (
            file
        ) in directory.iterdir():  # their ConfigMaps may be deleted; Prometheus reloads only after the first list
            file.unlink()
        self._files: dict[tuple[str, str], dict[str, str]] = {}

    def show(self, namespace: str, name: str, data: dict[str, str]) -> bool:
        """Write the files of `data` (key -> rule file) for this ConfigMap; returns whether a file changed."""
        wanted = {f"{namespace}_{name}_{key.removesuffix('.yaml')}.yaml": text for key, text in data.items()}
        present = self._files.get((namespace, name), {})
        if wanted == present:
            return False
        for file in present.keys() - wanted.keys():
            (self._directory / file).unlink(missing_ok=True)
        for file, text in wanted.items():
            work = self._directory / f".{file}"
            work.write_text(text)
            work.rename(self._directory / file)
        self._files[namespace, name] = wanted
        return True

    def keep(self, owners: set[tuple[str, str]]) -> bool:
        """Remove the files of all ConfigMaps except `owners`; returns whether a file changed."""
        changed = [self.show(*gone, {}) for gone in self._files.keys() - owners]
        return any(changed)


def sync(directory: Path, prometheus: str) -> None:
    """Follow the labelled ConfigMaps of all namespaces until the process ends; `prometheus` is its base URL."""
    config.load_kube_config()  # type: ignore[no-untyped-call]
    changed = threading.Event()
    threading.Thread(target=_reload, args=(prometheus, changed), daemon=True).start()
    folder = Folder(directory)
    while True:
        try:
            _follow(folder, changed)
        except Exception as error:
            log.warning("listing again: %s", error)
            time.sleep(AGAIN)


def _follow(folder: Folder, changed: threading.Event) -> None:
    """List, then watch until the watch ends."""
    core: Any = client.CoreV1Api()
    watcher: Any = watch.Watch()  # type: ignore[no-untyped-call]
    listed = core.list_config_map_for_all_namespaces(label_selector=LABEL)
    present = {(item.metadata.namespace, item.metadata.name): item.data or {} for item in listed.items}
    shown = [folder.show(*owner, data) for owner, data in present.items()]
    if folder.keep(set(present)) or any(shown):
        changed.set()
    version = listed.metadata.resource_version
    for event in watcher.stream(
        core.list_config_map_for_all_namespaces, label_selector=LABEL, resource_version=version, timeout_seconds=300
    ):
        item = event["object"]
        data = {} if event["type"] == "DELETED" else item.data or {}
        if folder.show(item.metadata.namespace, item.metadata.name, data):
            changed.set()


def _reload(prometheus: str, changed: threading.Event) -> None:
    web = httpx.Client(base_url=prometheus, trust_env=False)
    while True:
        changed.wait()
        time.sleep(GATHER)
        changed.clear()
        try:
            answer = web.post("/-/reload", timeout=patient(30))
        except httpx.TransportError as error:
            log.warning("Prometheus does not answer: %s", error)
            time.sleep(AGAIN)
            changed.set()
            continue
        if answer.status_code == 200:
            log.info("reloaded")
        else:
            log.error("Prometheus refuses the rules: %s", answer.text.strip())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    sync(Path(sys.argv[1]), sys.argv[2])
