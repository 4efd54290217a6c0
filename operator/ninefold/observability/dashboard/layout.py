"""Places panels on the page: lines of 24 columns, rows that open and close, and stable ids. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from ninefold.observability.dashboard.panels import Panel

COLUMNS = 24
_IDS = 1 << 31


@dataclass(frozen=True, slots=True)
class Line:
    """Panels of equal width next to each other; the last panel also takes the remaining columns."""

    height: int
    panels: Sequence[Panel]

    def placed(self) -> Iterator[Panel]:
        width = COLUMNS // len(self.panels)
        *others, last = self.panels
        for panel in others:
            yield panel.height(self.height).span(width)
        yield last.height(self.height).span(COLUMNS - width * len(others))


class Page:
    """Adds lines to a dashboard. Grafana's SDK computes the positions, as long as each line is full."""

    def __init__(self, dashboard: Dashboard, datasource: DataSourceRef) -> None:
        self._dashboard = dashboard
        self._datasource = datasource
        self._taken: set[int] = set()

    def add(self, key: str, lines: Iterable[Line]) -> None:
        """Adds lines that are always visible; the id of a panel is made from `key` and the panel's title."""
        for panel in self._finished(key, lines):
            self._dashboard.with_panel(panel)

    def row(self, key: str, title: str, lines: Iterable[Line], *, closed: bool) -> None:
        """Adds lines under a heading. While the row is closed, Grafana sends no queries for them."""
        row = Row(title).id(self._id(key))
        if closed:
            for panel in self._finished(key, lines):
                row.with_panel(panel)
        self._dashboard.with_row(row)
        if not closed:
            self.add(key, lines)

    def _finished(self, key: str, lines: Iterable[Line]) -> Iterator[Panel]:
        for line in lines:
            for panel in line.placed():
                title = panel.build().title
                yield panel.id(self._id(f"{key}/{title}")).datasource(self._datasource)

    def _id(self, name: str) -> int:
        """Returns an id made from the name, so that a link to a panel stays valid when panels are added."""
        number = zlib.crc32(name.encode()) % _IDS or 1
        while number in self._taken:
            number = number % (_IDS - 1) + 1
        self._taken.add(number)
        return number
