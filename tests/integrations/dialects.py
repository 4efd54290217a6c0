"""Documents of SLO dialects for the tests of their translators, and what becomes of them when a field is changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from ninefold.cli.convert.report import usual_tiers
from ninefold.integrations.translation.report import ImportTarget, Remark, Translation
from ninefold.reliability.servicelevelobjective.fields import NOT_A_GROUP, RESERVED

TARGET = ImportTarget("default", frozenset(RESERVED), frozenset(NOT_A_GROUP), usual_tiers)
DATA = Path(__file__).parent / "data"

Translate = Callable[[Sequence[Mapping[str, Any]], ImportTarget], Translation]
Field = tuple[str | int | None, ...]


def documents(name: str) -> list[Any]:
    """The documents of a file of data; dates stay text, as the command reads them."""
    loader = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": _without_dates()})
    return [document for document in yaml.load_all((DATA / name).read_text(), loader) if document]


def _without_dates() -> dict[str, list[Any]]:
    return {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def outcome(translate: Translate, given: Sequence[Any]) -> tuple[list[Any], list[Remark]]:
    result = translate(copy.deepcopy(list(given)), TARGET)
    return [made.manifest for made in result.made], result.remarks


def one(translate: Translate, document: Any) -> dict[str, Any]:
    """The spec of the only objective that a document becomes."""
    (manifest,), _ = outcome(translate, [document])
    spec: dict[str, Any] = manifest["spec"]
    return spec


def said(remarks: Sequence[Remark], severity: str = "") -> str:
    """Everything that remarks say, as one text."""
    return "\n".join(
        f"{'.'.join(map(str, remark.path))}: {remark.what}; {remark.meaning}; {remark.instead}"
        for remark in remarks
        if remark.severity.startswith(severity)
    )


def leaves(value: Any, path: Field = ()) -> Iterator[Field]:
    """Where every text, number and truth of a document stands."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        yield path
        return
    for name, part in parts:
        yield from leaves(part, (*path, name))


def mappings(value: Any, path: Field = ()) -> Iterator[Field]:
    """Where every mapping stands."""
    if isinstance(value, dict):
        yield path
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from mappings(part, (*path, name))


def pattern(path: Field, maps: Sequence[str]) -> str:
    """A path as the list of fields has it: "spec.slos[].labels.*"."""
    text = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    for each in maps:
        if f".{text}".startswith(f".{each}.") or f".{each}." in f".{text}":
            head, _, _ = f".{text}".partition(f".{each}.")
            return f"{head}.{each}.*".removeprefix(".")
    return text


def removed(document: Any, path: Field) -> Any:
    made = copy.deepcopy(document)
    del _at(made, path[:-1])[path[-1]]
    return made


def altered(document: Any, path: Field) -> Any:
    made = copy.deepcopy(document)
    value = _at(made, path)
    other = not value if isinstance(value, bool) else value - 1 if isinstance(value, int | float) else f"{value}1"
    _at(made, path[:-1])[path[-1]] = other
    return made


def extended(document: Any, path: Field) -> Any:
    made = copy.deepcopy(document)
    _at(made, path)["somethingNew"] = "new"
    return made


def _at(document: Any, path: Field) -> Any:
    for part in path:
        document = document[part]
    return document


def silent(translate: Translate, given: Sequence[Any], but: Sequence[Field] = ()) -> list[Field]:
    """The fields whose removal and whose change both make no difference, in objectives or in the report.

    A field is a path that begins with the number of its document; those under one of `but` are not looked at.
    """
    usual = outcome(translate, given)
    found: list[Field] = []
    for index, document in enumerate(given):
        for path in leaves(document):
            changes = (removed(document, path), altered(document, path))
            worlds = ([*given[:index], changed, *given[index + 1 :]] for changed in changes)
            if not _under((index, *path), but) and all(outcome(translate, world) == usual for world in worlds):
                found.append((index, *path))
    return found


def unreported(translate: Translate, given: Sequence[Any], but: Sequence[Field] = ()) -> list[Field]:
    """The mappings in which a field that nobody knows goes without a remark."""
    found: list[Field] = []
    for index, document in enumerate(given):
        for path in mappings(document):
            world = [*given[:index], extended(document, path), *given[index + 1 :]]
            _, remarks = outcome(translate, world)
            if not _under((index, *path), but) and not any(
                (remark.document, *remark.path) == (index, *path, "somethingNew") for remark in remarks
            ):
                found.append((index, *path))
    return found


def denied(translate: Translate, given: Sequence[Any], original: Sequence[Any]) -> list[Field]:
    """Fields of the original documents, all of them known, of which a report says that nobody knows them."""
    known = {
        (index, *path) for index, document in enumerate(original) for path in [*leaves(document), *mappings(document)]
    }
    _, remarks = outcome(translate, given)
    return [
        (remark.document, *remark.path)
        for remark in remarks
        if remark.what == "this field is unknown" and (remark.document, *remark.path) in known
    ]


def _under(path: Field, parts: Sequence[Field]) -> bool:
    """Whether a path begins with one of the parts; None in a part stands for anything."""
    return any(
        len(path) >= len(part) and all(each in (None, own) for each, own in zip(part, path, strict=False))
        for part in parts
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, given: Sequence[Any]) -> list[Any]:
    """Documents with anything in the place of some of their parts."""
    made = copy.deepcopy(list(given))
    for _ in range(draw(st.integers(1, 3))):
        document = draw(st.sampled_from(made))
        places = [path for path in [*leaves(document), *mappings(document)] if path]
        if places:
            path = draw(st.sampled_from(places))
            _at(document, path[:-1])[path[-1]] = draw(JSON)
    return made
