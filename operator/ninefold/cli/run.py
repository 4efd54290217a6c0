"""`ninefold run`: the operator."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvloop
from prometheus_client import disable_created_metrics

from ninefold.cli.collectors import collectors
from ninefold.cli.controllers import DELIVERED, FOLLOWERS
from ninefold.cli.options import access, add_access, add_rule_options, http_url, labels
from ninefold.cli.parser import Parser
from ninefold.cli.prometheis import Unusable, read
from ninefold.domain.measurements.poller import REMEDY, MeasurementPoller
from ninefold.domain.measurements.sources import DEFAULT, Source, Sources
from ninefold.integrations.credentials import Unfit
from ninefold.integrations.prometheus import Prometheus
from ninefold.kube import logs
from ninefold.kube.api import Key
from ninefold.kube.client import ApiError, connect
from ninefold.kube.clock import SystemClock
from ninefold.kube.controller import AnyController
from ninefold.kube.fields import seconds
from ninefold.kube.metrics import Metrics
from ninefold.kube.rbac import LEASE_NAME, NAMESPACE_OF_OPERATOR
from ninefold.kube.runtime import Options, Runtime
from ninefold.kube.secretfile import SecretFile
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.release.answering.endpoints import Answering
from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController
from ninefold.release.override.controller import OverrideController
from ninefold.release.release.controller import ReleaseController
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.correction.controller import CorrectionController
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.servicelevelobjective.contract import tiers
from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController
from ninefold.reliability.servicelevelobjective.output import OutputChoice


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    # A second series a counter, for when it began: Prometheus does not use it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    logs.set_up(options.log_level, options.log_format)
    try:
        return uvloop.run(_run(options))
    except Unusable as error:
        print(f"ninefold run: {error}", file=sys.stderr)
        return 2


def _unanswered(figures: MeasurementPoller) -> str | None:
    """Why a Prometheus says nothing; None while it answers."""
    error = figures.snapshot.error
    return f"{error}; {REMEDY}" if error else None


def parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ninefold run", description=__doc__)
    cluster = parser.add_argument_group("cluster (the pod's own, or that of KUBECONFIG)")
    cluster.add_argument("--leader-elect", action="store_true", help="act only while holding a Lease")
    cluster.add_argument(
        "--lease-namespace",
        default=os.environ.get("POD_NAMESPACE", NAMESPACE_OF_OPERATOR),
        help="where the Lease is kept (default: $POD_NAMESPACE, else ninefold-system)",
    )
    cluster.add_argument(
        "--workers", type=int, default=16, metavar="N", help="objects reconciled at the same time (16)"
    )
    cluster.add_argument(
        "--sweep-interval", type=_duration, default=600, metavar="TIME", help="full listing every TIME (default: 10m)"
    )
    prometheus = parser.add_argument_group("Prometheus")
    prometheus.add_argument(
        "--prometheus-url",
        required=True,
        type=http_url,
        metavar="URL",
        help="for example http://prometheus-operated.monitoring:9090",
    )
    # A mounted file may come later.
    add_access(prometheus, Path)
    prometheus.add_argument(
        "--prometheus-config", type=Path, metavar="FILE", help="further Prometheis, and what each is for (YAML)"
    )
    prometheus.add_argument(
        "--poll-interval", type=_duration, default=15, metavar="TIME", help="ask for all figures every TIME (15s)"
    )
    prometheus.add_argument(
        "--rules",
        choices=("auto", "PrometheusRule", "ConfigMap"),
        default="auto",
        help="what to write rules into; auto: PrometheusRule where its CRD exists, else ConfigMap",
    )
    prometheus.add_argument(
        "--rule-labels", type=labels, default={}, metavar="K=V,...", help="labels for the objects that hold rules"
    )
    add_rule_options(prometheus)
    gates = parser.add_argument_group("gates, for delivery tools (closed to questions over HTTP without a file)")
    gates.add_argument("--gate-token-file", type=Path, metavar="FILE", help="bearer tokens that may ask, one a line")
    gates.add_argument("--gate-hmac-key-file", type=Path, metavar="FILE", help="keys of Flagger's webhooks, one a line")
    gates.add_argument(
        "--hold",
        type=_tools,
        action="extend",
        default=[],
        metavar="TOOL,...",
        help=f"hold what their objects would apply while a gate is closed: {', '.join(FOLLOWERS)} (default: none)",
    )
    process = parser.add_argument_group("process")
    process.add_argument(
        "--bind", type=_address, default=("127.0.0.1", 8080), metavar="HOST:PORT", help="probes, metrics, gates"
    )
    process.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    process.add_argument("--log-format", choices=("json", "text"), default="json")
    return parser


async def _run(options: argparse.Namespace) -> int:
    metrics = Metrics()
    try:
        cluster = await connect(metrics)
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
        return 2
    sources = _sources(options)
    controllers: list[AnyController] = [
        ServiceLevelObjectiveController(
            sources,
            OutputChoice(options.rules, options.rule_labels, options.rules_per_group, options.aliases == "sloth"),
            share_indicators=options.share_indicators,
        ),
        CorrectionController(),
        ErrorBudgetPolicyController(sources),
        ReleaseGateController(),
        ClusterReleaseGateController(),
        OverrideController(),
        ReleaseController(sources, [api for tool in dict.fromkeys(options.hold) for api in DELIVERED[tool]]),
        DashboardController(tiers),
    ]
    host, port = options.bind
    runtime = Runtime(
        controllers,
        cluster,
        metrics,
        Options(
            workers=options.workers,
            host=host,
            port=port,
            lease=Key(options.lease_namespace, LEASE_NAME) if options.leader_elect else None,
            sweep_interval=float(options.sweep_interval),
        ),
        services=[source.figures.run for source in sources.all],
        followers=[follower() for tool in dict.fromkeys(options.hold) for follower in FOLLOWERS[tool]],
    )
    runtime.offer(_answering(runtime, options).endpoints())
    sources.bind(runtime.store)
    for source in sources.all:
        name = "prometheus" if source.name == DEFAULT else f"prometheus {source.name}"
        runtime.note(name, partial(_unanswered, source.figures))
    for collector in collectors(runtime.store, sources):
        metrics.registry.register(collector)
    try:
        return await runtime.run()
    finally:
        for source in sources.all:
            await source.prometheus.close()
        await cluster.close()


def _sources(options: argparse.Namespace) -> Sources:
    """The Prometheus of the command line and those of the file. Raises Unusable."""
    interval = float(options.poll_interval)
    try:
        prometheus = Prometheus(access(options, options.prometheus_url))
    except Unfit as error:
        raise Unusable(f"the credentials for Prometheus: {error}") from None
    further = read(options.prometheus_config, interval) if options.prometheus_config else []
    return Sources([Source(prometheus, MeasurementPoller(prometheus, interval)), *further])


def _answering(runtime: Runtime, options: argparse.Namespace) -> Answering:
    clock = SystemClock()
    tokens, keys = (SecretFile(path, clock) for path in (options.gate_token_file, options.gate_hmac_key_file))
    # Nobody can ask without a secret, so nothing needs to be fresh.
    asked = bool(tokens.path or keys.path)
    age = runtime.keep_fresh(ReleaseGate.api) if asked else lambda: float("inf")
    return Answering(runtime.store, age, tokens, keys, clock)


def _tools(text: str) -> list[str]:
    tools = [tool.strip() for tool in text.split(",")]
    if unknown := [tool for tool in tools if tool not in FOLLOWERS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(FOLLOWERS)}")
    return tools


def _duration(text: str) -> int:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form HOST:PORT")
    return host or "0.0.0.0", int(port)  # noqa: S104 - ":8080" means every address, as in Go
