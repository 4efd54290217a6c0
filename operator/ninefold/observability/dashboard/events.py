"""Events that every graph shows: alerts that fired, corrections, and closed gates. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery, DataSourceRef

from ninefold.observability.dashboard import queries


class _Events(AnnotationQuery):
    """Series of Prometheus as events. The SDK lacks the fields with which Grafana's Prometheus plugin labels them."""

    def __init__(
        self, name: str, datasource: DataSourceRef, colour: str, expr: str, title: str, text: str, *tags: str
    ) -> None:
        super().__init__(name=name, datasource=datasource, icon_color=colour, expr=expr)
        self._words = {"titleFormat": title, "textFormat": text, "tagKeys": ",".join(tags)}

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._words


class _Built(Builder[AnnotationQuery]):
    def __init__(self, annotation: AnnotationQuery) -> None:
        self._annotation = annotation

    def build(self) -> AnnotationQuery:
        return self._annotation


def events(namespace: str, datasource: DataSourceRef) -> Iterator[Builder[AnnotationQuery]]:
    """Yields the events of the objectives that the variable `ids` names, and of the gates of the namespace."""
    every = queries.among("$ids")
    for severity, colour in (("page", "red"), ("ticket", "orange")):
        title, text = f"{severity.capitalize()}: {{{{burn_tier}}}}", "{{slo_name}}"
        firing = queries.firing(every, severity)
        yield _Built(
            _Events(f"{severity.capitalize()}s", datasource, colour, firing, title, text, "service", "slo_name")
        )
    corrected = queries.correction(every)
    yield _Built(_Events("Corrections", datasource, "blue", corrected, "Not counted", "{{slo_id}}", "slo_id"))
    closed = queries.closed_gates(namespace)
    yield _Built(_Events("Closed gates", datasource, "purple", closed, "Gate {{gate}}: {{decision}}", "", "gate"))
