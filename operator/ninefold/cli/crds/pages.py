"""The parts of the documentation that are generated from the code: the kinds, the reasons, the metrics.

A page holds such a part between `<!-- generated: NAME -->` and `<!-- end -->`; people write the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from ninefold.cli.crds.reasons import GivenReason, reasons
from ninefold.cli.run.collectors import collectors
from ninefold.domain.kind import Kind
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kinds import KINDS
from ninefold.kube.metrics import Metrics
from ninefold.kube.store import Store

_PARTS = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(root: Path) -> Mapping[Path, str]:
    """The text of every page under `root` that has such parts, by its path."""
    found = {}
    for file in sorted(root.glob("docs/**/*.md")):
        text = file.read_text(encoding="utf-8")
        if _PARTS.search(text):
            found[file.relative_to(root)] = _PARTS.sub(lambda part: f"{part[1]}{_MADE[part[2]]()}{part[3]}", text)
    return found


def page_of(kind: Kind) -> str:
    """The page of a kind, from docs/."""
    stage = kind.model.__module__.split(".")[1]
    return f"{stage}/{kind.model.__name__.lower()}.md"


def _kinds() -> str:
    rows = [f"| {_name(kind)} | {_about(kind)} | {_writers(kind)} |" for kind in KINDS]
    return _table(("Kind, short name", "What it is", "Written by"), rows)


def _name(kind: Kind) -> str:
    short = ", ".join(f"`{name}`" for name in kind.model.short_names)
    return f"[{kind.api.kind}]({page_of(kind)}) {short}"


def _about(kind: Kind) -> str:
    return " ".join((kind.model.__doc__ or "").split())


def _writers(kind: Kind) -> str:
    if kind.record:
        return "the operator"
    return "admins" if kind.admin_only else "users who may write workloads"


def _reasons() -> str:
    return _table(("Reason", "Of", "Shows as", "Sentence"), [_reason(reason) for reason in reasons(KINDS)])


def _reason(reason: GivenReason) -> str:
    kinds = ", ".join(name or "several" for name in reason.kinds)
    sentences = "<br>".join(sentence.replace("|", "\\|").replace("<", "&lt;") for sentence in reason.sentences)
    return f"| `{reason.name}` | {kinds} | {', '.join(reason.shows)} | {sentences} |"


_COLUMNS = ("Metric", "Type", "Labels", "Meaning")
_PROCESS = "| `process_"


def _metrics() -> Iterator[str]:
    """A row for each metric that the operator registers."""
    prometheus = Prometheus(ConnectionOptions("http://127.0.0.1:1"))
    sources = PrometheusSources([PrometheusSource(prometheus, MeasurementPoller(prometheus))])
    for collector in collectors(Store(), sources):
        for family in collector.collect():
            yield _metric(family.name, family.type, getattr(family, "_labelnames", ()), family.documentation)


def _instruments() -> Iterator[str]:
    """A row for each instrument of the machinery."""
    for instrument in vars(Metrics()).values():
        if isinstance(instrument, MetricWrapperBase):
            yield _metric(instrument._name, instrument._type, instrument._labelnames, instrument._documentation)


def _metric(name: str, kind: str | None, labels: tuple[str, ...], help_text: str) -> str:
    full = f"{name}_total" if kind == "counter" else name
    return f"| `{full}` | {kind} | {', '.join(f'`{label}`' for label in labels) or 'none'} | {help_text} |"


def _table(columns: tuple[str, ...], rows: list[str]) -> str:
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"{row}\n" for row in rows)


_MADE: dict[str, Callable[[], str]] = {
    "kinds": _kinds,
    "reasons": _reasons,
    "product": lambda: _table(_COLUMNS, [row for row in _metrics() if not row.startswith(_PROCESS)]),
    "machinery": lambda: _table(_COLUMNS, list(_instruments())),
    "process": lambda: _table(_COLUMNS, [row for row in _metrics() if row.startswith(_PROCESS)]),
}
