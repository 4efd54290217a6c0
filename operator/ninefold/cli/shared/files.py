"""Manifests in files: YAML or JSON, several documents per file, lists unfolded, each with its location for messages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ninefold.cli.shared.findings import Finding

STDIN, STDIN_NAME = "-", "stdin"
ENDINGS = (".yaml", ".yml", ".json")


class _Loader(yaml.CSafeLoader):
    """Reads YAML like Kubernetes: text that looks like a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file."""

    manifest: Mapping[str, Any]
    file: str
    node: yaml.Node

    def line(self, path: Sequence[str | int] = ()) -> int:
        """The line of the field, from 1; for a missing field, the line where it belongs."""
        node, line = self.node, self.node.start_mark.line
        for part in path:
            found = _member(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Every key that occurs twice in an object of the document, and the line of the second."""
        nodes, met = [self.node], set[int]()
        while nodes:
            node = nodes.pop()
            # An alias leads to the same node again, possibly within itself.
            if id(node) in met:
                continue
            met.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                nodes += node.value
            if isinstance(node, yaml.MappingNode):
                seen = set()
                for key, value in node.value:
                    if key.value in seen:
                        yield key.value, key.start_mark.line + 1
                    seen.add(key.value)
                    nodes.append(value)


def add_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The options that say which files to read."""
    parser.add_argument(
        "-f",
        "--filename",
        action="extend",
        nargs="+",
        default=[],
        required=required,
        metavar="FILE",
        help="files, directories (their .yaml, .yml and .json files) or - for standard input",
    )
    parser.add_argument("-R", "--recursive", action="store_true", help="also read subdirectories")
    parser.add_argument(
        "-n",
        "--namespace",
        default="default",
        help="the namespace of objects that name none, as kubectl apply -n would set it (default: default)",
    )


def read(names: Sequence[str], *, recursive: bool = False) -> tuple[list[Document], list[Finding]]:
    """Every object of the files, in order, and a finding for each file or document that is not an object."""
    objects: list[Document] = []
    documents, findings = unfolded(names, recursive=recursive)
    for document in documents:
        if _is_object(document.manifest):
            objects.append(document)
        else:
            findings.append(Finding("this is not an object: write apiVersion and kind", document.file, document.line()))
    return objects, findings


def unfolded(names: Sequence[str], *, recursive: bool = False) -> tuple[list[Document], list[Finding]]:
    """Every document of the files, with lists unfolded, and a finding for each file that is not YAML."""
    documents: list[Document] = []
    findings: list[Finding] = []
    for name in names:
        for file, content in _contents(name, recursive, findings):
            try:
                for document in _documents(file, content):
                    documents += _unfold(document)
            except yaml.YAMLError as error:
                findings.append(_broken(file, error))
    return documents, findings


def from_text(text: str, file: str) -> list[Document]:
    """The documents in a text; `file` names it in messages. Raises yaml.YAMLError."""
    return list(_documents(file, text.encode()))


def _contents(name: str, recursive: bool, findings: list[Finding]) -> Iterator[tuple[str, bytes]]:
    if name == STDIN:
        yield STDIN_NAME, sys.stdin.buffer.read()
        return
    path = Path(name)
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.glob("**/*" if recursive else "*") if file.suffix in ENDINGS)
        if not files:
            findings.append(Finding(f"there is no {', '.join(ENDINGS)} file in this directory", str(path)))
    for file in files:
        try:
            yield str(file), file.read_bytes()
        except OSError as error:
            findings.append(Finding(f"cannot be read: {error.strerror}", str(file)))


def _documents(file: str, content: bytes) -> Iterator[Document]:
    loader = _Loader(content)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # noqa: S101 - check_node() said that there is one
            yield Document(loader.construct_document(node), file, node)
    finally:
        loader.dispose()


def _unfold(document: Document) -> Iterator[Document]:
    """The objects of a document: none if it is empty, the items of a list."""
    manifest = document.manifest
    if manifest is None:
        return
    items = manifest.get("items") if _is_object(manifest) else None
    if not isinstance(items, list) or not manifest["kind"].endswith("List"):
        yield document
        return
    listed = _member(document.node, "items")
    assert listed is not None  # noqa: S101 - it was constructed from this node
    for item, node in zip(items, listed[1].value, strict=True):
        yield from _unfold(Document(item, document.file, node))


def _is_object(manifest: Any) -> bool:
    return isinstance(manifest, dict) and all(isinstance(manifest.get(name), str) for name in ("apiVersion", "kind"))


def _member(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    """The line and the node of a member; None if there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _broken(file: str, error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return Finding(f"this is not YAML: {problem}", file, mark.line + 1 if mark else None)
