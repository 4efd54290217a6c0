"""How panels come onto the page: lines of 24 columns, rows that open and close, and ids that stay. Pure."""

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
    """Panels side by side, as wide as each other; the last one has what is over."""

    height: int
    panels: Sequence[Panel]

    def placed(self) -> Iterator[Panel]:
        width = COLUMNS // len(self.panels)
        *others, last = self.panels
        for panel in others:
            yield panel.height(self.height).span(width)
        yield last.height(self.height).span(COLUMNS - width * len(others))


class Page:
    """Adds lines to a dashboard. Grafana's SDK finds the places, as long as each line is full."""

    def __init__(self, dashboard: Dashboard, datasource: DataSourceRef) -> None:
        self._dashboard = dashboard
        self._datasource = datasource
        self._taken: set[int] = set()

    def add(self, key: str, lines: Iterable[Line]) -> None:
        """Lines that are always there; `key` and its title make the id of a panel."""
        for panel in self._finished(key, lines):
            self._dashboard.with_panel(panel)

    def row(self, key: str, title: str, lines: Iterable[Line], *, closed: bool) -> None:
        """Lines under a heading. While it is closed Grafana asks nothing for them."""
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
        """From the name, so that a link to a panel survives a new neighbour."""
        found = zlib.crc32(name.encode()) % _IDS or 1
        while found in self._taken:
            found = found % (_IDS - 1) + 1
        self._taken.add(found)
        return found
