"""`ninefold releases`: shows the record of releases, newest first, and the DORA metrics computed from it.

Read-only. Exit code: 0 success, 1 the cluster did not answer, 2 a usage error.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ninefold.cli.shared import cluster, table
from ninefold.cli.shared.parser import Parser
from ninefold.kube.api import Manifest
from ninefold.kube.arguments import count
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.release import dora
from ninefold.release.release.resource import Release


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    found = cluster.shown(options, lambda cluster, namespace: cluster.list(Release.api, namespace=namespace))
    if found is None:
        return 1
    now = datetime.now(UTC)
    records = [record for record in found if options.service in (None, record["spec"]["service"])]
    if options.json:
        print(json.dumps(as_dict(records, now), indent=2, ensure_ascii=False))
        return 0
    namespace = cluster.namespace(options)
    text = as_text(records, now, limit=options.limit, namespaces=not namespace, colour=cluster.colour())
    print(text or f"There is no record of a release {cluster.where(namespace)}.")
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold releases", description=__doc__)
    cluster.add_arguments(parser)
    parser.add_argument("--service", help="only the releases of this service")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="how many releases to list (default: 20)")
    parser.add_argument("--json", action="store_true", help="print JSON with all releases")
    return parser


def as_text(records: Sequence[Manifest], now: datetime, *, limit: int, namespaces: bool, colour: bool = False) -> str:
    """A table of the newest releases, and one of every service's metrics. Empty if there is no record."""
    if not records:
        return ""
    listed = [table.row(Release, record, now, namespaces) for record in _newest(records)[:limit]]
    head = ["SERVICE", "TEAM", "SINCE", "DEPLOYMENTS", "A DAY", "LEAD TIME", "FAILED", "RESTORED IN", "REWORK"]
    of_services = [[*(["NAMESPACE"] if namespaces else []), *head]]
    for service, figures in dora.by_service(records, now).items():
        of_services.append([*([service.namespace] if namespaces else []), *_cells(service, figures, now)])
    return "\n".join(
        [*table.aligned([table.head(Release, namespaces), *listed], colour), "", *table.aligned(of_services, colour)]
    )


def as_dict(records: Sequence[Manifest], now: datetime) -> dict[str, Any]:
    """The same for machines: times in RFC 3339, lengths in seconds, shares from 0 to 1, null for unknown values."""
    return {
        "releases": table.as_dict({Release: records})["objects"],
        "dora": [
            {**asdict(service), **asdict(figures), "since": rfc3339(figures.since)}
            for service, figures in dora.by_service(records, now).items()
        ],
    }


def _newest(records: Sequence[Manifest]) -> list[Manifest]:
    return sorted(
        records, key=lambda record: (record["metadata"]["creationTimestamp"], record["spec"]["sequence"]), reverse=True
    )


def _cells(service: dora.ServiceKey, figures: dora.DoraFigures, now: datetime) -> list[str]:
    def number(value: float | None, form: str = "{:.2g}") -> str:
        return "-" if value is None else form.format(value)

    def length(seconds: float | None, of: int) -> str:
        return "-" if seconds is None else f"{rough(seconds)} ({of})"

    return [
        service.service,
        service.team or "-",
        table.age(figures.since, now),
        str(figures.deployments),
        number(figures.deployments_per_day),
        length(figures.lead_time, figures.lead_times),
        number(figures.change_failure, "{:.0%}"),
        length(figures.restore, figures.restored),
        number(figures.rework, "{:.0%}"),
    ]
