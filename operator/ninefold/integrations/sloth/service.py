"""The properties that all SLOs of one specification share. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ninefold.integrations.sloth.documents import DocumentNames
from ninefold.integrations.sloth.period import SlothPeriod
from ninefold.integrations.translation import ours
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget


@dataclass(frozen=True, slots=True)
class SlothService:
    """The properties that all SLOs of one specification share."""

    name: str
    written: str
    """The service name on Sloth's series."""
    names: DocumentNames
    period: SlothPeriod
    target: ImportTarget
    metadata: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)


def recorded(node: Node, target: ImportTarget) -> dict[str, str]:
    """Labels that Sloth puts on recordings and alerts."""
    labels = ours.alert_labels(node.child("labels"), node.mapping("labels"), target)
    if labels:
        node.changed(
            "labels",
            f"the labels {', '.join(labels)} were on every recorded series",
            "they are on the alerts; the series carry slo_id alone",
            "join slo:info for labels that describe an objective",
        )
    return labels
