"""The documents of an input by kind and name, so that references between them can be followed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import NotCarried, Remark

API = "openslo/v1"
KINDS = ("SLO", "SLI", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "Service")


class Catalog:
    """Documents that refer to each other."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], remarks: list[Remark]) -> None:
        self.slos: list[Node] = []
        self._referable: dict[tuple[str, str], Node] = {}
        self._used: set[tuple[str, str]] = set()
        self._asked: set[tuple[str, str]] = set()
        self._served: set[tuple[str, str]] = set()
        self._nodes = [Node(document, remarks, index) for index, document in enumerate(documents)]
        for node in self._nodes:
            self._add(node)

    def find(self, kind: str, name: str) -> Node | None:
        """The document of that kind and name; None if the input has none."""
        node = self._referable.get((kind, name))
        if node is not None:
            self._used.add((kind, name))
            self._asked.add((kind, name))
        return node

    def served(self) -> None:
        """Note that an objective is complete: all documents that it refers to were read as a whole."""
        self._served |= self._asked
        self._asked.clear()

    def give_up(self, part: Node, refusal: NotCarried, *, whole: bool = True) -> None:
        """Drop a part of an SLO, either a whole objective or one of its alert policies.

        If the reason is in another document, that document is not read further either.
        """
        part.give_up(refusal)
        if whole:
            self._asked.clear()
        document, path = refusal.remark.document, refusal.remark.path
        if document != part.document or path[: len(part.path)] != part.path:
            self._nodes[document].skip()

    def close(self) -> None:
        """Report documents without references, and fields that were not read."""
        for (kind, name), node in self._referable.items():
            if (kind, name) not in self._used:
                node.give_up(
                    node.refused(
                        None,
                        f"no SLO of the input refers to the {kind} {name}",
                        "it is not converted",
                        "import it together with the SLOs that use it",
                    )
                )
            elif (kind, name) not in self._served:
                node.skip()  # The SLOs that refer to it were given up, maybe before it was read.
            elif kind == "Service":
                described(node, "Service")
            node.close()
        for node in self.slos:
            node.close()

    def _add(self, node: Node) -> None:
        version, kind, name = node.text("apiVersion"), node.text("kind"), node.child("metadata").text("name")
        if version != API or kind not in KINDS:
            node.give_up(
                node.refused(
                    None,
                    f"{kind} of {version} is unknown",
                    "it is not converted",
                    f"write it as one of {', '.join(KINDS)} of {API}",
                )
            )
        elif kind == "SLO":
            self.slos.append(node)
        elif self._referable.setdefault((kind, name), node) is not node:
            node.give_up(
                node.refused(None, f"the {kind} {name} occurs twice", "the first one is used", "keep one of them")
            )


def described(node: Node, kind: str) -> None:
    """Read the descriptive fields of an object other than an SLO: Ninefold has no field for them."""
    metadata, spec = node.child("metadata"), node.child("spec")
    name, written = metadata.text("name"), node.text("kind")
    if written not in ("", kind):
        node.lost("kind", f"this must be a {kind}, not a {written}", f"it is read as a {kind}", f"write kind: {kind}")
    names = [name for name in ("displayName", "labels", "annotations") if name in metadata]
    for field in names:
        metadata.raw(field)
    if spec.text("description"):
        names.append("description")
    if names:
        node.lost(
            None,
            f"{', '.join(names)} of the {kind} {name} {_be(names)} not converted",
            "Ninefold has no object for it",
            "write what users should read into spec.description",
        )


def _be(fields: Sequence[str]) -> str:
    return "is" if list(fields) in (["displayName"], ["description"]) else "are"
