"""Of an SLI our indicator. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ninefold.integrations.openslo.catalog import Catalog, described
from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node

PROMQL = ("prometheus", "thanos", "mimir", "cortex", "victoriametrics", "amp", "grafana")
"""Types of metric sources, in lower case, whose queries are PromQL."""

_WHILE_BAD = {"lte": "badAbove", "lt": "badAbove", "gte": "badBelow", "gt": "badBelow"}


def indicator(owner: Node, objective: Node, method: str, catalog: Catalog) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`; `owner` is the spec or the objective that names the SLI."""
    sli = _sli(owner, catalog)
    spec = sli.child("spec")
    described(sli, "SLI")
    if "thresholdMetric" in spec:
        return {"indicator": {"gauge": _gauge(spec.child("thresholdMetric"), objective, catalog)}}
    for name in ("op", "value"):
        if name in objective:
            objective.changed(name, f"{name} has no effect on a ratio", "the ratio alone decides", "leave it out")
    if "ratioMetric" not in spec:
        raise sli.refused(
            None,
            "the SLI has neither thresholdMetric nor ratioMetric",
            "nothing is made of the SLO",
            "write one of them",
        )
    return _ratio(spec.child("ratioMetric"), method, catalog)


def _sli(owner: Node, catalog: Catalog) -> Node:
    if "indicator" in owner:
        return owner.child("indicator")
    name = owner.text("indicatorRef")
    found = catalog.find("SLI", name) if name else None
    if found is None:
        raise owner.refused(
            "indicatorRef",
            f"the SLI {name} is not in the input" if name else "there is no indicator",
            "nothing is made of the SLO",
            "import the document that holds the SLI together with this one",
        )
    return found


def _gauge(metric: Node, objective: Node, catalog: Catalog) -> dict[str, Any]:
    query = _query(metric, catalog)
    if queries.has_window(query):
        query = query.replace("$window", "5m")
        metric.changed(
            None, "a level has no window", "ranges in its query are 5m", "write another range if that is not meant"
        )
    op, value = objective.text("op"), objective.number("value")
    if op not in _WHILE_BAD:
        raise objective.refused(
            "op",
            "a thresholdMetric needs op and value",
            "nothing is made of the objective",
            "write op: one of lte, lt, gte, gt",
        )
    if op in ("lt", "gt"):
        objective.changed(
            "op",
            f"a value of exactly {value or 0} counts as good",
            f"Ninefold compares like {op}e",
            "write a value beside it if that matters",
        )
    return {"query": query, _WHILE_BAD[op]: ours.decimal(value or Decimal(0))}


def _ratio(metric: Node, method: str, catalog: Catalog) -> dict[str, Any]:
    counter = metric.flag("counter")
    if "raw" in metric:
        return {"indicator": {"errorRatio": {"query": _raw(metric, catalog)}}}
    part = "bad" if "bad" in metric else "good"
    if "total" not in metric or part not in metric:
        raise metric.refused(
            None,
            "a ratio needs total, and good or bad",
            "nothing is made of the SLO",
            "write them, or raw and rawType",
        )
    if "bad" in metric and "good" in metric:
        metric.changed("good", "good is not needed beside bad", "bad and total decide", "leave it out")
    written = {name: _query(metric.child(name), catalog) for name in (part, "total")}
    if not counter and not any(map(queries.is_rated, written.values())):
        return _levels(metric, part, written)
    if not counter and "counter" in metric:
        metric.changed(
            "counter", "the queries take rates, so they count", "they are a ratio of events", "write counter: true"
        )
    counted = {name: _counted(metric.child(name), query) for name, query in written.items()}
    groups = {labels for _, labels in counted.values()}
    if len(groups) != 1:
        metric.lost(
            None,
            "the two queries keep different labels apart",
            "there is one budget for all series",
            "write the labels into spec.groupBy, and aggregate both queries by them",
        )
        groups = {()}
    ratio = {name: query for name, (query, _) in counted.items()}
    by = list(groups.pop())
    if method == "RatioTimeslices":
        return {"indicator": {"errorRatio": {"query": _of_slices(part, ratio, by)}}, "groupBy": by}
    return {"indicator": {"ratio": ratio}, "groupBy": by}


def _counted(node: Node, query: str) -> tuple[str, tuple[str, ...]]:
    """A query as our ratio takes it, and the labels that it keeps apart. Raises NotCarried."""
    if queries.selector(query) is not None:
        return query, ()
    if found := queries.summed(query):
        node.changed(
            None,
            f"{query} is a sum of counters",
            "Ninefold takes the rate of each counter, then the sum: a counter that restarts is no drop",
            "nothing need be done",
        )
        return found
    counted = queries.with_window(query)
    if not queries.has_window(counted):
        raise node.refused(
            None,
            "the query neither selects counters nor takes their rate",
            "nothing is made of the SLO",
            "write a selector, or PromQL with [$window] for its range",
        )
    if counted != query:
        node.changed(
            None,
            f"the ranges of {query} are [$window], and increase is rate",
            "Ninefold chooses the range",
            "nothing need be done",
        )
    return counted, queries.grouping(counted) or ()


def _levels(metric: Node, part: str, written: Mapping[str, str]) -> dict[str, Any]:
    """A ratio of values that go up and down: the mean of the ratio over time."""
    metric.changed(
        "counter",
        "the ratio of values that are no counters is an errorRatio",
        "each second counts the same",
        "write counter: true if they are counters",
    )
    return {"indicator": {"errorRatio": {"query": f"avg_over_time(({_share(part, written)})[$window:1m])"}}}


def _of_slices(part: str, ratio: Mapping[str, str], by: Sequence[str]) -> str:
    """The error ratio of a slice; the mean over all slices is what RatioTimeslices means."""
    rates = {name: query if queries.has_window(query) else f"rate({query}[$window])" for name, query in ratio.items()}
    return _share(part, rates, f"sum by ({', '.join(by)}) " if by else "sum")


def _share(part: str, ratio: Mapping[str, str], summed: str = "sum") -> str:
    """The share of bad events; no series for the part are no such events."""
    total = f"{summed}({ratio['total']})"
    share = f"({summed}({ratio[part]}) or 0 * {total}) / {total}"
    return share if part == "bad" else f"1 - {share}"


def _raw(metric: Node, catalog: Catalog) -> str:
    query, kind = _query(metric.child("raw"), catalog), metric.text("rawType")
    if kind not in ("success", "failure"):
        raise metric.refused(
            "rawType",
            f"rawType is {kind or 'missing'}",
            "it cannot be told whether the ratio is of good or of bad events",
            "write success or failure",
        )
    ranged = queries.with_window(query)
    if ranged != query:
        metric.changed(
            "raw", f"the ranges of {query} are [$window]", "Ninefold chooses the range", "nothing need be done"
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
    found = [spec.text(name) for name in ("query", "promql") if name in spec]
    if len(found) != 1:
        raise source.refused(
            "spec", "the metric source has no query", "nothing is made of the SLO", "write spec.query in PromQL"
        )
    return queries.from_template(found[0])


def _check_type(source: Node, catalog: Catalog) -> None:
    """Raises NotCarried unless the queries are PromQL, as far as that can be told."""
    kind, reference = source.text("type"), source.text("metricSourceRef")
    if reference:
        found = catalog.find("DataSource", reference)
        if found is None:
            source.changed(
                "metricSourceRef",
                f"the DataSource {reference} is not in the input",
                "the operator asks the Prometheus that it was started with",
                "check that it holds the series",
            )
        else:
            kind = kind or _data_source(found)
            _data_source(found)
    if not kind:
        source.changed("type", "no type is named", "the query is taken for PromQL", "write type: Prometheus")
    elif kind.lower() not in PROMQL:
        raise source.refused(
            "type",
            f"the queries of {kind} are not PromQL",
            "nothing is made of the SLO",
            "export the metrics to Prometheus, and write the query in PromQL",
        )


def _data_source(node: Node) -> str:
    """The type of a DataSource."""
    described(node, "DataSource")
    spec = node.child("spec")
    if spec.raw("connectionDetails"):
        spec.changed(
            "connectionDetails",
            "connection details are not carried",
            "the operator asks the Prometheus that it was started with",
            "start it with --prometheus-url, --prometheus-token-file and --prometheus-ca-file",
        )
    return spec.text("type")
