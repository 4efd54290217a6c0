"""Versions of Sloth's documents, and how each form spells its fields. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ninefold.integrations.translation.foreign import Node

PLAIN = "prometheus/v1"
API = "sloth.slok.dev/v1"


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """How the two forms of the same fields are spelled."""

    plugins: str
    error: str
    total: str
    raw: str
    page: str
    ticket: str


SNAKE = DocumentNames("slo_plugins", "error_query", "total_query", "error_ratio_query", "page_alert", "ticket_alert")
CAMEL = DocumentNames("sloPlugins", "errorQuery", "totalQuery", "errorRatioQuery", "pageAlert", "ticketAlert")


def check_kind(node: Node, wanted: str) -> None:
    version, kind = node.text("apiVersion"), node.text("kind")
    if (version, kind) != (API, wanted):
        raise node.refused(None, f"{kind} of {version} is unknown", "it is not converted", f"write a {wanted} of {API}")
