"""The panels of Ninefold's dashboards, built with Grafana's SDK. Pure.

Each panel has a description, a unit, and a text for the case that Prometheus has no value. Single numbers come from
instant queries: over a range Grafana would show the last value that existed as the present value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel | statetimeline.Panel
_Panel = TypeVar("_Panel", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel, statetimeline.Panel)

PERCENT, SECONDS, PER_SECOND, COUNT, TIMES = "percentunit", "s", "reqps", "short", "suffix:x"
AGO = "dateTimeFromNow"
"""The unit that shows milliseconds of Unix time as "3 hours ago"."""

Steps = Sequence[tuple[float | None, str]]
"""Colours, each with the value from which it applies; None for the first colour."""

BUDGET: Steps = ((None, "red"), (0, "orange"), (0.25, "green"))
"""Red is overspent; below a quarter, policies usually begin to restrict releases."""
BURN: Steps = ((None, "green"), (1, "orange"), (6, "red"))
"""Above 1x the budget does not last; at 6x the budget of a month is spent in five days."""
COVERAGE: Steps = ((None, "orange"), (0.9, "green"))
"""Below nine tenths a budget is not reliable yet."""
SOON: Steps = ((None, "red"), (86_400, "orange"), (3 * 86_400, "green"))
"""Red is within a day, orange within three days, green later."""
NONE_WANTED: Steps = ((None, "green"), (1, "red"))
PLAIN: Steps = ((None, "text"),)

DASHES = [8.0, 6.0]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and the name of its series: a legend with {{label}}, or the name of a column."""

    expr: str
    name: str = "__auto"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of values in a table."""

    name: str
    expr: str
    unit: str
    steps: Steps = PLAIN
    states: Sequence[tuple[int, str, str]] = ()
    digits: int | None = None
    """Digits after the decimal point. By default Grafana would show 99.96 % as 100 %."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a panel."""

    title: str
    description: str
    nothing: str = "no data"
    """The text to show if there is no value."""


def number(words: Words, unit: str, *queries: Query, steps: Steps = PLAIN, digits: int | None = None) -> stat.Panel:
    """Returns a panel with present values."""
    panel = _common(stat.Panel(), words, unit)
    panel.targets([_instant(query, place) for place, query in enumerate(queries)])
    panel.thresholds(_thresholds(steps)).color_scheme(_by_threshold())
    panel.graph_mode(kinds.BigValueGraphMode.NONE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["last"]))
    return panel if digits is None else panel.decimals(digits)


def bars(words: Words, unit: str, query: Query, steps: Steps) -> bargauge.Panel:
    """Returns a panel with a bar for each of a few present values."""
    panel = _common(bargauge.Panel(), words, unit).with_target(_instant(query))
    panel.thresholds(_thresholds(steps)).color_scheme(_by_threshold())
    panel.orientation(kinds.VizOrientation.HORIZONTAL).display_mode(kinds.BarGaugeDisplayMode.BASIC)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["last"]))


def graph(words: Words, unit: str, *queries: Query) -> timeseries.Panel:
    """Returns a graph over time. A gap in the data stays a gap."""
    panel = _common(timeseries.Panel(), words, unit)
    panel.targets([_range(query, place) for place, query in enumerate(queries)])
    panel.legend(common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM))
    panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
    return panel.line_width(1).fill_opacity(5).show_points(kinds.VisibilityMode.NEVER)


def with_lines(panel: timeseries.Panel, pattern: str, colour: str) -> timeseries.Panel:
    """Draws the series whose names match as dashed lines: limits next to measurements."""
    return panel.override_by_regexp(
        f"/{pattern}/",
        [
            DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}),
            DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": DASHES}),
            DynamicConfigValue("custom.fillOpacity", 0),
        ],
    )


def with_levels(panel: timeseries.Panel, steps: Steps) -> timeseries.Panel:
    """Draws the thresholds of the colours as lines."""
    style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(_thresholds(steps)).thresholds_style(style)


def logarithmic(panel: timeseries.Panel) -> timeseries.Panel:
    """Makes the scale linear below 1 and logarithmic above, so that both 0.2 and 1000 are readable."""
    scale = common.ScaleDistributionConfig().type(kinds.ScaleDistribution.SYMLOG).log(10).linear_threshold(1)
    return panel.scale_distribution(scale)


def states(words: Words, query: Query, meanings: Sequence[tuple[int, str, str]]) -> statetimeline.Panel:
    """Returns a panel with bars of states over time; a meaning is a value, a word and a colour."""
    panel = _common(statetimeline.Panel(), words, "none").with_target(_range(query))
    panel.mappings([_mapping(meanings)]).color_scheme(_by_threshold()).thresholds(_thresholds(PLAIN))
    panel.line_width(0).fill_opacity(70)
    return panel.show_value(kinds.VisibilityMode.AUTO).merge_values(True).per_page(20)


def states_now(words: Words, query: Query, meanings: Sequence[tuple[int, str, str]]) -> stat.Panel:
    """Returns a panel with the present state."""
    return number(words, "none", query).mappings([_mapping(meanings)])


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels in a table: headings by label, and the labels that only links need."""

    shown: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


def rows(
    words: Words, labels: Labels, columns: Sequence[TableColumn], first: str, descending: bool = False
) -> table.Panel:
    """Returns a table with a row for each set of labels that the columns share, sorted by the column `first`."""
    panel = _common(table.Panel(), words, COUNT).filterable(True)
    for place, column in enumerate(columns):
        panel.with_target(_instant(Query(column.expr, column.name), place).format(PromQueryFormat.TABLE))
    # With a single query Grafana omits its letter.
    values = {f"Value #{_ref(n)}" if columns[1:] else "Value": column.name for n, column in enumerate(columns)}
    panel.with_transformation(DataTransformerConfig("merge", options={}))
    panel.with_transformation(
        DataTransformerConfig(
            "organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: place for place, name in enumerate((*labels.shown, *values))},
                "renameByName": {**labels.shown, **values},
            },
        )
    )
    for column in columns:
        panel.override_by_name(column.name, _look(column))
    for label in labels.hidden:
        panel.override_by_name(label, [DynamicConfigValue("custom.hidden", True)])
    return panel.sort_by([common.TableSortByFieldState().display_name(first).desc(descending)])


def with_link(panel: table.Panel, heading: str, title: str, url: str) -> table.Panel:
    """Makes the cells of a column link to an address."""
    return panel.override_by_name(heading, [DynamicConfigValue("links", [{"title": title, "url": url}])])


def _look(column: TableColumn) -> list[DynamicConfigValue]:
    look = [DynamicConfigValue("unit", column.unit)]
    if column.digits is not None:
        look.append(DynamicConfigValue("decimals", column.digits))
    if column.states:
        look.append(DynamicConfigValue("mappings", [_mapping(column.states)]))
    if column.states or column.steps != PLAIN:
        look.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        look.append(DynamicConfigValue("thresholds", _thresholds(column.steps).build()))
    return look


def _common(panel: _Panel, words: Words, unit: str) -> _Panel:
    return panel.title(words.title).description(words.description).no_value(words.nothing).unit(unit)


def _instant(query: Query, place: int = 0) -> prometheus.Dataquery:
    return _target(query, place).instant()


def _range(query: Query, place: int = 0) -> prometheus.Dataquery:
    return _target(query, place).range()


def _target(query: Query, place: int) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.name).ref_id(_ref(place))


def _ref(place: int) -> str:
    """Returns Grafana's name of a query of a panel: A to Z, then Q26 and so on."""
    return chr(ord("A") + place) if place < 26 else f"Q{place}"


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    levels = [Threshold(value, colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(levels)


def _by_threshold() -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS)


def _mapping(meanings: Sequence[tuple[int, str, str]]) -> ValueMap:
    return ValueMap(
        {
            str(value): ValueMappingResult(text=word, color=colour, index=place)
            for place, (value, word, colour) in enumerate(meanings)
        }
    )
