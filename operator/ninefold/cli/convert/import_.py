"""`ninefold import`: converts objectives of Sloth, Pyrra or OpenSLO to ServiceLevelObjectives.

Prints only what `ninefold lint` accepts, and reports every change to standard error. Exit code: 0 everything converted,
possibly in another form, 1 no objective was converted, something was lost with --strict, or a file is unreadable, 2 a
usage error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ninefold.cli.convert import report
from ninefold.cli.convert.report import ReportItem
from ninefold.cli.lint.command import check
from ninefold.cli.shared import files, resources, series
from ninefold.cli.shared.files import Document
from ninefold.cli.shared.findings import Finding
from ninefold.cli.shared.parser import Parser
from ninefold.cli.shared.resources import Found, Resources
from ninefold.integrations import openslo, pyrra, sloth
from ninefold.integrations.translation.report import ImportTarget, Made, Remark, Translation
from ninefold.kube import yamltext
from ninefold.reliability.servicelevelobjective.fields import NOT_A_GROUP, RESERVED
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


class Dialect(NamedTuple):
    """A translator: whether a document is in its dialect, and the translation of documents."""

    recognizes: Callable[[Mapping[str, Any]], bool]
    translate: Callable[[Sequence[Mapping[str, Any]], ImportTarget], Translation]


DIALECTS = {
    "sloth": Dialect(sloth.recognizes, sloth.translate),
    "pyrra": Dialect(pyrra.recognizes, pyrra.translate),
    "openslo": Dialect(openslo.recognizes, openslo.translate),
}


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    documents, unreadable = files.unfolded(options.filename, recursive=options.recursive)
    documents = [part for document in documents for part in _apart(document)]
    names = list(DIALECTS) if options.source == "auto" else [options.source]
    made, items = translated(documents, names, options.namespace)
    manifests = [result.manifest for result, _ in made]
    sys.stdout.write(yamltext.stream(manifests) if manifests else "")
    sys.stdout.flush()
    items += _without_series(options, made)
    if not manifests and not unreadable:
        unreadable.append(_none_made(options, items))
    as_json = options.report == "json"
    return report.report(len(manifests), items, unreadable, as_json=as_json, strict=options.strict)


def parser() -> argparse.ArgumentParser:
    """Of the options."""
    parser = Parser(prog="ninefold import", description=__doc__)
    files.add_arguments(parser)
    parser.add_argument(
        "--from",
        dest="source",
        choices=("auto", *DIALECTS),
        default="auto",
        help="the dialect of the files; auto detects it for each document (default: auto)",
    )
    report.add_arguments(parser)
    series.add_arguments(parser)
    return parser


def _none_made(options: argparse.Namespace, items: Sequence[ReportItem]) -> Finding:
    """Why no objective is printed."""
    if any(item.severity == "Lost" for item in items):
        sentence = "no objective was converted: fix what is lost, and import again"
    else:
        known = "Sloth, Pyrra or OpenSLO" if options.source == "auto" else f"the dialect {options.source}"
        sentence = f"there is no objective of {known} here: name the files that hold objectives, or a directory with -R"
    return Finding(sentence, ", ".join(files.STDIN_NAME if name == files.STDIN else name for name in options.filename))


def _without_series(options: argparse.Namespace, made: Sequence[tuple[Made, Document]]) -> Iterator[ReportItem]:
    """Selectors that match nothing in the named Prometheus, by the part of the document that they come from."""
    found = _parsed([result.manifest for result, _ in made], options.namespace).found
    for finding in series.findings(options, found):
        if not finding.object:
            # It is about Prometheus itself.
            yield ReportItem("Lost", finding.file, 0, "", "", finding.message, "no selector was checked", "check again")
            continue
        result, document = made[int(finding.file)]
        remark = Remark(
            "Lost" if finding.severity == "error" else "Changed",
            result.document,
            result.path,
            f"{finding.path}: {finding.message}",
            "it does not measure what it should" if finding.severity == "error" else "it is measured unchanged",
            "correct the selector" if finding.severity == "error" else "check the selector",
        )
        yield ReportItem.of(remark, document)


def translated(
    documents: Sequence[Document], names: Sequence[str], namespace: str
) -> tuple[list[tuple[Made, Document]], list[ReportItem]]:
    """The manifests that pass every check, each with its document, in order, and the report."""
    target = ImportTarget(namespace, frozenset(RESERVED), frozenset(NOT_A_GROUP), report.usual_tiers)
    made: list[tuple[Made, Document]] = []
    items: list[ReportItem] = []
    for name, own in _sorted(documents, names).items():
        if name is None:
            items += [_passed_over(document, names) for document in own]
            continue
        items += [item for document in own for item in _repeated(document)]
        translation = DIALECTS[name].translate([document.manifest for document in own], target)
        items += [ReportItem.of(remark, own[remark.document]) for remark in translation.remarks]
        made += [(result, own[result.document]) for result in translation.made]
    made, twice = _once(made)
    items += twice
    refused, doubtful = checked([result.manifest for result, _ in made], namespace)
    items += [_doubt(*made[index], finding) for index, finding in doubtful]
    for index, message in refused.items():
        result, document = made[index]
        remark = Remark(
            "Lost",
            result.document,
            result.path,
            f"ServiceLevelObjective {result.manifest['metadata'].get('name')} would be refused: {message}",
            "it is not printed",
            "fix it, and import again",
        )
        items.append(ReportItem.of(remark, document))
    return [pair for index, pair in enumerate(made) if index not in refused], items


def _once(made: Sequence[tuple[Made, Document]]) -> tuple[list[tuple[Made, Document]], list[ReportItem]]:
    """The first of several manifests with the same name, and a remark about each other one."""
    first: dict[tuple[str, str], tuple[Made, Document]] = {}
    items = []
    for result, document in made:
        metadata = result.manifest["metadata"]
        other, source = first.setdefault((metadata.get("namespace", ""), metadata.get("name", "")), (result, document))
        if other is not result:
            remark = Remark(
                "Lost",
                result.document,
                result.path,
                f"the objective {metadata.get('name')} already comes from {source.file}:{source.line(other.path)}",
                "it is not printed",
                "rename one of them, and import again",
            )
            items.append(ReportItem.of(remark, document))
    return list(first.values()), items


def _doubt(result: Made, document: Document, finding: Finding) -> ReportItem:
    """A warning of `ninefold lint` about a manifest."""
    remark = Remark(
        "Changed",
        result.document,
        result.path,
        f"{finding.path}: {finding.message}",
        "the meaning is the same as before, but seldom intended",
        "check it",
    )
    return ReportItem.of(remark, document)


def checked(manifests: Sequence[Mapping[str, Any]], namespace: str) -> tuple[dict[int, str], list[tuple[int, Finding]]]:
    """The errors of `ninefold lint` by the index of the manifest, and its warnings about the other manifests.

    Each manifest is printed, read and compiled.
    """
    parsed = _parsed(manifests, namespace)
    findings = [*parsed.findings, *check(parsed.found)]
    refused: dict[int, list[str]] = {}
    for finding in findings:
        if finding.severity == "error":
            sentence = f"{finding.path}: {finding.message}" if finding.path else finding.message
            refused.setdefault(int(finding.file), []).append(sentence)
    absent = {str(manifests[index]["metadata"].get("name")) for index in refused}
    refused = {**_without_a_part(parsed.found, absent), **refused}
    warned = [(int(finding.file), finding) for finding in findings if finding.severity == "warning"]
    return (
        {index: "; ".join(sentences) for index, sentences in refused.items()},
        [(index, finding) for index, finding in warned if index not in refused],
    )


def _parsed(manifests: Sequence[Mapping[str, Any]], namespace: str) -> Resources:
    """The manifests as read after printing; the index of a manifest replaces its file name."""
    texts = (files.from_text(yamltext.document(manifest), str(index)) for index, manifest in enumerate(manifests))
    return resources.parse([document for documents in texts for document in documents], namespace)


def _without_a_part(found: Sequence[Found], absent: Collection[str]) -> dict[int, list[str]]:
    """Composites that would refer to an objective that is not printed."""
    refused: dict[int, list[str]] = {}
    for entry in found:
        composite = (
            entry.resource.spec.indicator.composite if isinstance(entry.resource, ServiceLevelObjective) else None
        )
        missing = [part.objective for part in composite.components if part.objective in absent] if composite else []
        if missing:
            refused[int(entry.document.file)] = [f"its component {missing[0]} is not printed"]
    return refused


def _apart(document: Document) -> Iterator[Document]:
    """The documents of a list, since OpenSLO tools write several documents as one list."""
    if not isinstance(document.manifest, list):
        yield document
        return
    for item, node in zip(document.manifest, document.node.value, strict=True):
        yield Document(item, document.file, node)


def _sorted(documents: Sequence[Document], names: Sequence[str]) -> dict[str | None, list[Document]]:
    """The documents by dialect, in order of first appearance; None for documents without a dialect."""
    found: dict[str | None, list[Document]] = {}
    for document in documents:
        found.setdefault(_dialect(document, names), []).append(document)
    return found


def _dialect(document: Document, names: Sequence[str]) -> str | None:
    if not isinstance(document.manifest, Mapping):
        return None
    return next((name for name in names if DIALECTS[name].recognizes(document.manifest)), None)


def _passed_over(document: Document, names: Sequence[str]) -> ReportItem:
    remark = Remark(
        "Changed",
        0,
        (),
        f"the document is not one of {', '.join(names)}",
        "it is skipped",
        "no action is needed if it holds no objective",
    )
    return ReportItem.of(remark, document)


def _repeated(document: Document) -> Iterator[ReportItem]:
    place = (document.file, report.title(document.manifest))
    for key, line in document.repeated():
        yield ReportItem(
            "Lost", place[0], line, place[1], "", f"{key} occurs twice", "the last value counts", "keep one of them"
        )
