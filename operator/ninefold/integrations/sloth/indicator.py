"""Of an SLI our indicator. Pure."""

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
            f"the SLI plugin {name} is not carried" + (f", with options {options}" if options else ""),
            "nothing is made of the SLO",
            "write spec.indicator.ratio: `sloth generate` prints the two queries that the plugin makes, "
            "in the rule slo:sli_error:ratio_rate5m",
        )
    if "raw" in sli and "events" in sli:
        raise sli.refused(None, "there are two SLIs", "Sloth refuses that, too; nothing is made of it", "keep one")
    if "raw" in sli:
        return _raw(sli, raw, names.raw, target)
    if "events" not in sli:
        raise sli.refused(None, "there is no SLI", "nothing is made of the SLO", "write sli.events")
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
            "the ratio is recorded over 5m, and each second of longer windows counts the same",
            "Sloth does so for budgets; in its alerts windows with more traffic count for more",
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
            "Sloth refuses it, too; nothing is made of the SLO",
            "write [{{.window}}] for its range",
        )
    if not queries.has_window(query):
        where = "only an offset" if queries.is_shifted(written) else "no range and no part of a name or matcher"
        raise node.refused(
            name,
            f"{{{{.window}}}} is {where}",
            "Ninefold cannot choose the range; nothing is made of the SLO",
            "write [{{.window}}] for the range of the query",
        )
    if queries.is_shifted(written):
        events.shifted(EventQuery(node, name, written))
    elif query != written:
        node.changed(
            name,
            "{{.window}} outside of a range is 5m",
            "longer windows are the mean of what is recorded over 5m; that is the same for rates and sums of rates",
            "write the range as [{{.window}}] where it is none",
        )
    return query


def _groups(sli: Node, written: Mapping[str, str]) -> list[str]:
    """Sloth keeps a budget for each series that a query yields; ours says so in groupBy."""
    found = {name: queries.kept(query) for name, query in written.items() if queries.meant(query) is not None}
    known = [kept for kept in found.values() if kept is not None]
    if len(known) < len(found):
        sli.lost(
            None,
            f"it cannot be told by which labels {_some(found)} series apart",
            "where Sloth had a budget for each of several series, there is one for all of them",
            "write these labels into spec.groupBy, and aggregate by them",
        )
        return []
    labels = common(known) if known else ()
    if labels is None:
        sli.lost(
            None,
            "; ".join(f"{name} keeps series apart by {_listed(kept)}" for name, kept in found.items() if kept),
            "Sloth compares only series with the same labels; here there is one budget for all of them",
            "aggregate by the same labels everywhere, and write them into spec.groupBy",
        )
        return []
    if labels:
        sli.changed(
            None,
            f"the queries keep {', '.join(labels)} apart",
            "groupBy says so: each value has a budget and alerts of its own",
            "nothing need be done",
        )
    return list(labels)


def _some(found: Mapping[str, Kept | None]) -> str:
    unknown = [name for name, kept in found.items() if kept is None]
    return f"{' and '.join(unknown)} {'keeps' if len(unknown) == 1 else 'keep'}"


def _listed(kept: Kept) -> str:
    return " or ".join(", ".join(labels) or "no label" for labels in kept)
