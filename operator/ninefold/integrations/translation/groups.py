"""Labels that group an objective, some of which are labels that Ninefold itself writes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.integrations.translation import queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget


class Groups:
    """Labels that group series, under their names in Ninefold.

    A label that Ninefold itself writes is renamed exported_<label>, as Prometheus does on a conflict.
    """

    def __init__(self, node: Node, labels: Sequence[str], target: ImportTarget) -> None:
        self.names = list(labels)
        self._renamed: list[tuple[str, str]] = []
        for index, label in enumerate(labels):
            if label not in target.ungroupable:
                continue
            while self.names[index] in (*target.ungroupable, *self.names[:index], *self.names[index + 1 :]):
                self.names[index] = f"exported_{self.names[index]}"
            self._renamed.append((label, self.names[index]))
            node.changed(
                None,
                f"the label {label} becomes {self.names[index]}",
                f"Ninefold's own series and alerts use {label} for something else",
                f"match {self.names[index]} in routes and dashboards",
            )

    @property
    def sum(self) -> str:
        """The PromQL sum by these labels."""
        return f"sum by ({', '.join(self.names)})" if self.names else "sum"

    def __bool__(self) -> bool:
        """Whether any label is renamed."""
        return bool(self._renamed)

    def counted(self, query: str) -> str:
        """The query, or the rate of a selector of counters, with renamed labels."""
        return self.exported(queries.rated(query)) if self else query

    def exported(self, query: str) -> str:
        """PromQL with renamed labels."""
        return queries.exported(query, self._renamed)
