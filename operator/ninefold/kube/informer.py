"""kopf as the informer: one on.event handler per resource that passes events on, and no other part of kopf."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import kopf

from ninefold.kube.api import GROUP, Api
from ninefold.kube.dispatch import Dispatcher
from ninefold.kube.metrics import Metrics


class _Backoffs:
    """Seconds between the attempts at a request, without end: an API server that is away for an hour may come back, and
    kopf ends the operator when the attempts end."""

    def __iter__(self) -> Iterator[float]:
        yield from (1, 1, 2, 3, 5)
        while True:
            yield 8


class Informer:
    """Watches every resource that the dispatcher names and feeds it. Never writes to an object."""

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics) -> None:
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._stop = asyncio.Event()
        self.spawned = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Watch until `stop`; raises kopf's error when kopf cannot continue."""
        registry = kopf.OperatorRegistry()
        settings = kopf.OperatorSettings()
        _configure(settings)
        for api, labels in self._dispatcher.watched.items():
            self._watch(registry, api)
            if labels:
                settings.watching.label_selectors[api.group, api.version, api.plural] = labels
        kopf.on.login(registry=registry)(_login)
        existing = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=settings,
            clusterwide=True,
            standalone=True,
            stop_flag=self._stop,
            ready_flag=self.ready,
        )
        # From here on kopf sets no signal handler any more.
        self.spawned.set()
        await kopf.run_tasks(tasks, ignored=existing)

    def stop(self) -> None:
        self._stop.set()

    def _watch(self, registry: kopf.OperatorRegistry, api: Api) -> None:
        count = self._metrics.watch_events.labels(api.plural)

        async def see(type: str | None, body: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - kopf's name
            count.inc()
            # kopf's body is a live view of the object; the store keeps versions.
            manifest = dict(body)
            if type == "DELETED":
                self._dispatcher.gone(api, manifest)
            else:
                self._dispatcher.seen(api, manifest)

        kopf.on.event(api.group, api.version, api.plural, registry=registry, id=f"watch-{api.name}")(see)


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.posting.enabled = False  # the operator's own recorder records Events, with counts
    settings.persistence.finalizer = f"{GROUP}/kopf"  # never set: on.event handlers need none
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = _Backoffs()
    settings.queueing.worker_limit = None  # a limit below the number of objects can hang kopf's start


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
