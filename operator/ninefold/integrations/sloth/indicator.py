"""Converts a Sloth SLI to an indicator. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninefold.integrations.sloth.service import SlothService
from ninefold.integrations.translation import events, queries
from ninefold.integrations.translation.events import EventQuery
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.groups import Groups
from ninefold.integrations.translation.labels import Kept, common
from ninefold.integrations.translation.report import ImportTarget


def indicator(sli: Node, service: SlothService) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`."""
    names, target = service.names, service.target
    counts, raw, plugin = (sli.child(name) for name in ("events", "raw", "plugin"))
    if "plugin" in sli:
        name, options = plugin.text("id"), plugin.mapping("options")
        raise sli.refused(
            "plugin",
            f"the SLI plugin {name} is not converted" + (f", with options {options}" if options else ""),
            "the SLO is not converted",
            "write spec.indicator.ratio: `sloth generate` prints the two queries that the plugin makes, "
            "in the rule slo:sli_error:ratio_rate5m",
        )
    if "raw" in sli and "events" in sli:
        raise sli.refused(None, "there are two SLIs", "Sloth refuses that too; it is not converted", "keep one")
    if "raw" in sli:
        return _raw(sli, raw, names.raw, target)
    if "events" not in sli:
        raise sli.refused(None, "there is no SLI", "the SLO is not converted", "write sli.events")
    asked = {name: EventQuery(counts, name, _query(counts, name)) for name in (names.error, names.total)}
    counted = events.counted(asked)
    bad, total = counted.values()
    groups = Groups(sli, _groups(sli, counted), target)
    ratio = {"bad": groups.counted(bad), "total": groups.counted(total)}
    return {"indicator": {"ratio": ratio}, "groupBy": groups.names}


def _raw(sli: Node, raw: Node, name: str, target: ImportTarget) -> dict[str, Any]:
    query = _query(raw, name)
    if total := queries.denominator(query):
        raw.changed(
            name,
            "the ratio is recorded over 5m, and each second of longer windows has the same weight",
            "Sloth does so for budgets; in its alerts, times with more traffic have more weight",
            f"write errorRatio.traffic: {total}",
        )
    else:
        events.share(EventQuery(raw, name, query))
    groups = Groups(sli, _groups(sli, {name: query}), target)
    return {"indicator": {"errorRatio": {"query": groups.counted(query)}}, "groupBy": groups.names}


def _query(node: Node, name: str) -> str:
    written = queries.from_template(node.text(name))
    query = queries.read_once(written)
    if "$window" not in written:
        raise node.refused(
            name,
            "the query has no {{.window}}",
            "Sloth refuses it too; the SLO is not converted",
            "write [{{.window}}] for its range",
        )
    if not queries.has_window(query):
        where = "only an offset" if queries.is_shifted(written) else "no range and no part of a name or matcher"
        raise node.refused(
            name,
            f"{{{{.window}}}} is {where}",
            "Ninefold cannot choose the range; the SLO is not converted",
            "write [{{.window}}] for the range of the query",
        )
    if queries.is_shifted(written):
        events.shifted(EventQuery(node, name, written))
    elif query != written:
        node.changed(
            name,
            "{{.window}} outside of a range becomes 5m",
            "longer windows are the mean of recordings over 5m; that is the same for rates and sums of rates",
            "write [{{.window}}] for each range",
        )
    return query


def _groups(sli: Node, written: Mapping[str, str]) -> list[str]:
    """Sloth keeps a budget for each series that a query returns; groupBy does the same."""
    by_query = {name: queries.kept(query) for name, query in written.items() if queries.meant(query) is not None}
    known = [kept for kept in by_query.values() if kept is not None]
    if len(known) < len(by_query):
        sli.lost(
            None,
            f"it is unknown by which labels {_some(by_query)} series",
            "where Sloth had a budget for each of several series, all of them share one budget",
            "write these labels into spec.groupBy, and aggregate by them",
        )
        return []
    labels = common(known) if known else ()
    if labels is None:
        sli.lost(
            None,
            "; ".join(f"{name} groups series by {_listed(kept)}" for name, kept in by_query.items() if kept),
            "Sloth compares only series with the same labels; here all of them share one budget",
            "aggregate by the same labels everywhere, and write them into spec.groupBy",
        )
        return []
    if labels:
        sli.changed(
            None,
            f"the queries group by {', '.join(labels)}",
            "groupBy lists it: each value has its own budget and alerts",
            "no action is needed",
        )
    return list(labels)


def _some(found: Mapping[str, Kept | None]) -> str:
    unknown = [name for name, kept in found.items() if kept is None]
    return f"{' and '.join(unknown)} {'groups' if len(unknown) == 1 else 'group'}"


def _listed(kept: Kept) -> str:
    return " or ".join(", ".join(labels) or "no label" for labels in kept)
