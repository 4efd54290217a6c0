"""Converts an OpenSLO SLI to an indicator. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ninefold.integrations.openslo.catalog import Catalog, described
from ninefold.integrations.translation import events, ours, queries
from ninefold.integrations.translation.events import EventQuery
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.groups import Groups
from ninefold.integrations.translation.labels import common
from ninefold.integrations.translation.report import ImportTarget

PROMQL = ("prometheus", "thanos", "mimir", "cortex", "victoriametrics", "amp", "grafana")
"""Types of metric sources, in lower case, whose queries are PromQL."""

_WHILE_BAD = {"lte": "badAbove", "lt": "badAbove", "gte": "badBelow", "gt": "badBelow"}


class Asking(NamedTuple):
    """How an SLO computes its ratio, and the properties of the import target."""

    method: str
    seconds: int
    """The length of a slice, or of the recorded interval if time is not sliced."""
    target: ImportTarget


def indicator(owner: Node, objective: Node, asking: Asking, catalog: Catalog) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`; `owner` is the spec or the objective that names the SLI."""
    sli = _sli(owner, catalog)
    spec = sli.child("spec")
    described(sli, "SLI")
    if "thresholdMetric" in spec and "ratioMetric" in spec:
        raise sli.refused(
            None, "the SLI has thresholdMetric and ratioMetric", "the SLO is not converted", "keep one of them"
        )
    if "thresholdMetric" in spec:
        return {"indicator": {"gauge": _gauge(spec.child("thresholdMetric"), objective, catalog)}}
    for name in ("op", "value"):
        if name in objective:
            objective.changed(name, f"{name} has no effect on a ratio", "the ratio alone decides", "leave it out")
    if "ratioMetric" not in spec:
        raise sli.refused(
            None,
            "the SLI has neither thresholdMetric nor ratioMetric",
            "the SLO is not converted",
            "write one of them",
        )
    return _ratio(spec.child("ratioMetric"), asking, catalog)


def _sli(owner: Node, catalog: Catalog) -> Node:
    if "indicator" in owner:
        return owner.child("indicator")
    name = owner.text("indicatorRef")
    sli = catalog.find("SLI", name) if name else None
    if sli is None:
        raise owner.refused(
            "indicatorRef",
            f"the SLI {name} is not in the input" if name else "there is no indicator",
            "the SLO is not converted",
            "import the document that holds the SLI together with this one",
        )
    return sli


def _gauge(metric: Node, objective: Node, catalog: Catalog) -> dict[str, Any]:
    query = _query(metric, catalog)
    if queries.has_window(query):
        query = query.replace("$window", "5m")
        metric.changed(
            None, "a level has no window", "ranges in its query are 5m", "write another range if you want one"
        )
    op, value = objective.text("op"), objective.number("value")
    if op not in _WHILE_BAD or value is None:
        raise objective.refused(
            "op" if value is not None else "value",
            "a thresholdMetric needs op and value",
            "the objective is not converted",
            "write op, one of lte, lt, gte and gt, and the value that it compares with",
        )
    if op in ("lt", "gt"):
        objective.changed(
            "op",
            f"a value of exactly {value} counts as good",
            f"Ninefold compares like {op}e",
            "write a slightly different value if that matters",
        )
    return {"query": query, _WHILE_BAD[op]: ours.decimal(value)}


def _ratio(metric: Node, asking: Asking, catalog: Catalog) -> dict[str, Any]:
    counter = metric.flag("counter")
    if "raw" in metric:
        _unused(metric, "raw", ("good", "bad", "total"))
        return {"indicator": {"errorRatio": {"query": _raw(metric, catalog)}}}
    part = "bad" if "bad" in metric else "good"
    if "total" not in metric or part not in metric:
        raise metric.refused(
            None,
            "a ratio needs total, and good or bad",
            "the SLO is not converted",
            "write them, or raw and rawType",
        )
    _unused(metric, "bad and total", ("rawType", *(("good",) if part == "bad" else ())))
    written = {name: _query(metric.child(name), catalog) for name in (part, "total")}
    if not counter and not any(map(queries.is_rated, written.values())):
        return _levels(metric, part, written)
    if not counter and "counter" in metric:
        metric.changed(
            "counter",
            "the queries take rates, so they count events",
            "they are a ratio of events",
            "write counter: true",
        )
    ratio, by = _counted(metric, written, asking.seconds)
    groups = Groups(metric, by, asking.target)
    ratio = {name: groups.counted(query) for name, query in ratio.items()}
    if asking.method == "RatioTimeslices":
        return {"indicator": {"errorRatio": {"query": _of_slices(part, ratio, groups.names)}}, "groupBy": groups.names}
    return {"indicator": {"ratio": ratio}, "groupBy": groups.names}


def _unused(metric: Node, by: str, names: Sequence[str]) -> None:
    for name in names:
        if name in metric:
            metric.changed(name, f"{name} is not needed with {by}", f"only {by} count", "leave it out")


def _counted(metric: Node, written: Mapping[str, str], seconds: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """The queries in the form of an indicator.ratio, and the labels by which both group series. Raises NotCarried."""
    read = {name: _summed(metric.child(name), query) for name, query in written.items()}
    asked = {name: EventQuery(metric.child(name), None, query) for name, (query, by) in read.items() if by is None}
    read |= {name: (query, queries.grouping(query) or ()) for name, query in events.counted(asked, seconds).items()}
    by = common([(labels or (),) for _, labels in read.values()])
    if by is None:
        metric.lost(
            None,
            "the two queries group by different labels",
            "all series have one budget",
            "write the labels into spec.groupBy, and aggregate both queries by them",
        )
    return {name: query for name, (query, _) in read.items()}, by or ()


def _summed(node: Node, query: str) -> tuple[str, tuple[str, ...] | None]:
    """A selector of counters and the labels of its sum; for other PromQL, the query with [$window] and None."""
    if queries.selector(query) is not None:
        return query, ()
    if sum_of := queries.summed(query):
        node.changed(
            None,
            f"{query} is a sum of counters",
            "Ninefold takes the rate of each counter, then the sum: a counter's restart does not count as a drop",
            "no action is needed",
        )
        return sum_of
    ranged = queries.with_window(query)
    if not queries.has_window(ranged):
        raise node.refused(
            None,
            "the query neither selects counters nor takes their rate",
            "the SLO is not converted",
            "write a selector, or PromQL with [$window] for its range",
        )
    if ranged != query:
        node.changed(
            None, f"the ranges of {query} become [$window]", "Ninefold chooses the range", "no action is needed"
        )
    return ranged, None


def _levels(metric: Node, part: str, written: Mapping[str, str]) -> dict[str, Any]:
    """A ratio of values that go up and down: the mean of the ratio over time."""
    metric.changed(
        "counter",
        "the ratio of values that are not counters becomes an errorRatio",
        "each second has the same weight",
        "write counter: true if they are counters",
    )
    return {"indicator": {"errorRatio": {"query": f"avg_over_time(({_share(part, written)})[$window:1m])"}}}


def _of_slices(part: str, ratio: Mapping[str, str], by: Sequence[str]) -> str:
    """The error ratio of a slice; RatioTimeslices is the mean over all slices."""
    rates = {name: query if queries.has_window(query) else f"rate({query}[$window])" for name, query in ratio.items()}
    return _share(part, rates, f"sum by ({', '.join(by)}) " if by else "sum")


def _share(part: str, ratio: Mapping[str, str], summed: str = "sum") -> str:
    """The share of bad events; a part without series counts as no events."""
    total = f"{summed}({ratio['total']})"
    share = f"({summed}({ratio[part]}) or 0 * {total}) / {total}"
    return share if part == "bad" else f"1 - {share}"


def _raw(metric: Node, catalog: Catalog) -> str:
    query, kind = _query(metric.child("raw"), catalog), metric.text("rawType")
    if kind not in ("success", "failure"):
        raise metric.refused(
            "rawType",
            f"rawType is {kind or 'missing'}",
            "it is unknown whether the ratio is of good or of bad events",
            "write success or failure",
        )
    ranged = queries.with_window(query)
    if queries.has_window(ranged):
        events.share(EventQuery(metric, "raw", ranged))
    if ranged != query:
        metric.changed(
            "raw", f"the ranges of {query} become [$window]", "Ninefold chooses the range", "no action is needed"
        )
    elif queries.selector(query) is not None:
        ranged = f"avg_over_time({query}[$window])"
    elif not queries.has_window(query):
        ranged = f"avg_over_time(({query})[$window:1m])"
    return ranged if kind == "failure" else f"1 - ({ranged})"


def _query(metric: Node, catalog: Catalog) -> str:
    source = metric.child("metricSource")
    spec = source.child("spec")
    _check_type(source, catalog)
    texts = [spec.text(name) for name in ("query", "promql") if name in spec]
    if len(texts) != 1:
        raise source.refused(
            "spec", "the metric source has no query", "the SLO is not converted", "write spec.query in PromQL"
        )
    written = queries.from_template(texts[0])
    query = queries.read_once(written)
    if queries.is_shifted(written):
        events.shifted(EventQuery(source.child("spec"), None, written))
    elif query != written:
        source.child("spec").changed(
            None,
            "{{.window}} outside of a range becomes 5m",
            "Ninefold chooses the range",
            "write a range as [{{.window}}]",
        )
    return query


def _check_type(source: Node, catalog: Catalog) -> None:
    """Raises NotCarried if the queries are known not to be PromQL."""
    kind, reference = source.text("type"), source.text("metricSourceRef")
    if reference:
        source_document = catalog.find("DataSource", reference)
        if source_document is None:
            source.changed(
                "metricSourceRef",
                f"the DataSource {reference} is not in the input",
                "the operator queries the Prometheus of its options",
                "check that it holds the series",
            )
        else:
            kind = kind or _data_source(source_document)
            _data_source(source_document)
    if not kind:
        source.changed("type", "there is no type", "the query is read as PromQL", "write type: Prometheus")
    elif kind.lower() not in PROMQL:
        raise source.refused(
            "type",
            f"the queries of {kind} are not PromQL",
            "the SLO is not converted",
            "export the metrics to Prometheus, and write the query in PromQL",
        )


def _data_source(node: Node) -> str:
    """The type of a DataSource."""
    described(node, "DataSource")
    spec = node.child("spec")
    if spec.raw("connectionDetails"):
        spec.changed(
            "connectionDetails",
            "connection details are not converted",
            "the operator queries the Prometheus of its options",
            "start the operator with --prometheus-url, --prometheus-token-file and --prometheus-ca-file",
        )
    return spec.text("type")
