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

from ninefold.cli.run.collectors import collectors
from ninefold.cli.run.prometheis import Unusable, read
from ninefold.cli.shared.options import access, add_access, http_url
from ninefold.cli.shared.parser import Parser
from ninefold.domain.kind import Parts
from ninefold.domain.measurements.poller import REMEDY, MeasurementPoller
from ninefold.domain.measurements.sources import DEFAULT, PrometheusSource, PrometheusSources
from ninefold.integrations.credentials import Unfit
from ninefold.integrations.prometheus import Prometheus
from ninefold.kinds import KINDS
from ninefold.kube import logs
from ninefold.kube.api import Key
from ninefold.kube.arguments import duration
from ninefold.kube.client import ApiError, connect
from ninefold.kube.metrics import Metrics
from ninefold.kube.rbac import LEASE_NAME, NAMESPACE_OF_OPERATOR
from ninefold.kube.runtime import Runtime, RuntimeOptions
from ninefold.release.tools import TOOLS


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    # Without a second series per counter for its creation time: Prometheus does not use it.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    logs.set_up(options.log_level, options.log_format)
    try:
        return uvloop.run(_run(options))
    except Unusable as error:
        print(f"ninefold run: {error}", file=sys.stderr)
        return 2


def _unanswered(figures: MeasurementPoller) -> str | None:
    """Why a Prometheus does not answer; None while it answers."""
    error = figures.snapshot.error
    return f"{error}; {REMEDY}" if error else None


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold run", description=__doc__)
    cluster = parser.add_argument_group("cluster (the pod's cluster, or that of KUBECONFIG)")
    cluster.add_argument("--leader-elect", action="store_true", help="act only while holding a Lease")
    cluster.add_argument(
        "--lease-namespace",
        default=os.environ.get("POD_NAMESPACE", NAMESPACE_OF_OPERATOR),
        help="the namespace of the Lease (default: $POD_NAMESPACE, or ninefold-system)",
    )
    cluster.add_argument(
        "--workers", type=int, default=16, metavar="N", help="objects reconciled at the same time (default: 16)"
    )
    cluster.add_argument(
        "--sweep-interval", type=duration, default=600, metavar="TIME", help="full listing every TIME (default: 10m)"
    )
    prometheus = parser.add_argument_group("Prometheus")
    prometheus.add_argument(
        "--prometheus-url",
        required=True,
        type=http_url,
        metavar="URL",
        help="for example http://prometheus-operated.monitoring:9090",
    )
    # A mounted file may appear later.
    add_access(prometheus, Path)
    prometheus.add_argument(
        "--prometheus-config", type=Path, metavar="FILE", help="further Prometheis, and the namespaces of each (YAML)"
    )
    prometheus.add_argument(
        "--poll-interval",
        type=duration,
        default=15,
        metavar="TIME",
        help="read all measurements every TIME (default: 15s)",
    )
    for kind in KINDS:
        if kind.run_options:
            kind.run_options(parser)
    holding = parser.add_argument_group("delivery tools")
    holding.add_argument(
        "--hold",
        type=_tools,
        action="extend",
        default=[],
        metavar="TOOL,...",
        help=f"hold back what these tools deliver while a gate is closed: {', '.join(TOOLS)} (default: none)",
    )
    process = parser.add_argument_group("process")
    process.add_argument(
        "--bind",
        type=_address,
        default=("127.0.0.1", 8080),
        metavar="HOST:PORT",
        help="the address of probes, metrics and gates",
    )
    process.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="the least that is logged (default: info)",
    )
    process.add_argument(
        "--log-format", choices=("json", "text"), default="json", help="text is for people (default: json)"
    )
    return parser


async def _run(options: argparse.Namespace) -> int:
    metrics = Metrics()
    try:
        cluster = await connect(metrics)
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
        return 2
    sources = _sources(options)
    tools = [TOOLS[name] for name in dict.fromkeys(options.hold)]
    parts = Parts(options, sources, [api for tool in tools for api in tool.delivers])
    host, port = options.bind
    runtime = Runtime(
        [kind.new_controller(parts) for kind in KINDS],
        cluster,
        metrics,
        RuntimeOptions(
            workers=options.workers,
            host=host,
            port=port,
            lease=Key(options.lease_namespace, LEASE_NAME) if options.leader_elect else None,
            sweep_interval=float(options.sweep_interval),
        ),
        services=[source.figures.run for source in sources.all],
        followers=[follower() for tool in tools for follower in tool.followers()],
    )
    for kind in KINDS:
        if kind.pages:
            runtime.offer(kind.pages(runtime, options))
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


def _sources(options: argparse.Namespace) -> PrometheusSources:
    """The Prometheus of the command line and those of the file. Raises Unusable."""
    interval = float(options.poll_interval)
    try:
        prometheus = Prometheus(access(options, options.prometheus_url))
    except Unfit as error:
        raise Unusable(f"the credentials for Prometheus: {error}") from None
    further = read(options.prometheus_config, interval) if options.prometheus_config else []
    return PrometheusSources([PrometheusSource(prometheus, MeasurementPoller(prometheus, interval)), *further])


def _tools(text: str) -> list[str]:
    tools = [tool.strip() for tool in text.split(",")]
    if unknown := [tool for tool in tools if tool not in TOOLS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(TOOLS)}")
    return tools


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form HOST:PORT")
    return host or "0.0.0.0", int(port)  # noqa: S104 - ":8080" means every address, as in Go
