"""The operator's own metrics, one registry per process. docs/metrics.md lists them; a test compares both."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All instruments of the machinery. Kinds and integrations register their own on `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconcile_seconds = Histogram(
            "ninefold_reconcile_seconds",
            "Duration of one reconciliation, by kind and outcome (Ready, NotReady, Stalled, Waiting, Failed, Gone).",
            ("kind", "outcome"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.errors = Counter(
            "ninefold_reconcile_errors_total",
            "Reconciliations that ended with an error, by kind and reason.",
            ("kind", "reason"),
            registry=self.registry,
        )
        self.api_requests = Counter(
            "ninefold_api_requests_total",
            "Requests to the API server, by verb, resource and HTTP status.",
            ("verb", "resource", "code"),
            registry=self.registry,
        )
        self.http_requests = Counter(
            "ninefold_http_requests_total",
            "Requests to the operator, such as those of delivery tools, by path and HTTP status of the answer.",
            ("path", "code"),
            registry=self.registry,
        )
        self.watch_events = Counter(
            "ninefold_watch_events_total",
            "Events that the watches reported, by resource.",
            ("resource",),
            registry=self.registry,
        )
        self.objects = Gauge(
            "ninefold_objects", "Objects in the store, by resource.", ("resource",), registry=self.registry
        )
        self.ghosts = Counter(
            "ninefold_sweep_ghosts_total",
            "Objects whose deletion no watch reported and that a sweep removed, by resource.",
            ("resource",),
            registry=self.registry,
        )
        self.queue_depth = Gauge("ninefold_queue_depth", "Keys waiting to be reconciled.", registry=self.registry)
        self.queue_oldest = Gauge(
            "ninefold_queue_oldest_seconds",
            "Time since the oldest key was queued or its reconciliation began.",
            registry=self.registry,
        )
        self.retries = Counter(
            "ninefold_queue_retries_total", "Keys put back after an error, by kind.", ("kind",), registry=self.registry
        )
        self.effects = Counter(
            "ninefold_effects_total",
            "Attempts at effects outside the cluster, by kind, action and outcome (Succeeded, Retrying, Failed).",
            ("kind", "action", "outcome"),
            registry=self.registry,
        )
        self.leader = Gauge("ninefold_leader", "1 while this replica holds the Lease and acts.", registry=self.registry)
        self.loop_lag = Gauge(
            "ninefold_loop_lag_seconds", "Delay of the event loop's last timer.", registry=self.registry
        )
        self.last_read = Gauge(
            "ninefold_last_read_timestamp_seconds",
            "When the API server last answered a sweep completely, as Unix time.",
            registry=self.registry,
        )
