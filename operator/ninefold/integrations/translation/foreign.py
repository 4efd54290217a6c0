"""A foreign document, read field by field: fields that are never read are reported, so nothing is lost silently.

Pure. Wrong types are reported and read as absent: no input makes a translator fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from ninefold.integrations.translation.report import NotCarried, Path, Remark, Severity

T = TypeVar("T")

_UNKNOWN = (
    "this field is unknown",
    "it is not converted",
    "leave it out, or write its purpose by hand",
)


class Node:
    """A mapping in a document that remembers which of its fields were read."""

    def __init__(self, value: Any, remarks: list[Remark], document: int = 0, path: Path = ()) -> None:
        self._value = {str(name): part for name, part in value.items()} if isinstance(value, Mapping) else {}
        self._remarks = remarks
        self._unread = dict.fromkeys(self._value)
        self._children: dict[str, list[Node]] = {}
        self.document = document
        self.path = path

    def __contains__(self, name: str) -> bool:
        """Whether the field is written and not null."""
        return self._value.get(name) is not None

    def names(self) -> list[str]:
        """The fields that are written."""
        return list(self._value)

    def raw(self, name: str) -> Any:
        """The field unchanged, of any type; None if absent."""
        self._unread.pop(name, None)
        return self._value.get(name)

    def text(self, name: str) -> str:
        """A text, or a number as text; "" if absent."""
        value = self.raw(name)
        if value is None or isinstance(value, str):
            return value or ""
        return _scalar(value) or self._mistyped(name, "a text", "")

    def number(self, name: str) -> Decimal | None:
        """A number, exactly as written; None if absent."""
        value = self.raw(name)
        if value is None:
            return None
        try:
            number = Decimal(_scalar(value) if not isinstance(value, str) else value.strip())
        except InvalidOperation:
            return self._mistyped(name, "a number", None)
        return number if _is_usual(number) else self._mistyped(name, "a number of normal size", None)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        return self._mistyped(name, "true or false", default)

    def texts(self, name: str) -> list[str]:
        """A list of texts; [] if absent."""
        value = self.raw(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return list(value)
        return self._mistyped(name, "a list of texts", [])

    def mapping(self, name: str) -> dict[str, str]:
        """A mapping of names to texts, such as labels; {} if absent."""
        texts: dict[str, str] = {}
        child = self.child(name)
        for key in child.names():
            texts[key] = child.text(key)
        return texts

    def child(self, name: str) -> Node:
        """A mapping; an empty one if absent. Returns the same Node each time."""
        if name not in self._children:
            value = self.raw(name)
            if value is not None and not isinstance(value, Mapping):
                self._mistyped(name, "a mapping", None)
            self._children[name] = [Node(value, self._remarks, self.document, (*self.path, name))]
        return self._children[name][0]

    def children(self, name: str) -> list[Node]:
        """A list of mappings; [] if absent. Returns the same Nodes each time."""
        if name not in self._children:
            value = self.raw(name)
            if value is not None and not isinstance(value, list):
                self._mistyped(name, "a list", None)
            self._children[name] = list(self._items(name, value if isinstance(value, list) else []))
        return self._children[name]

    def _items(self, name: str, items: list[Any]) -> Iterator[Node]:
        for index, item in enumerate(items):
            path = (*self.path, name, index)
            if not isinstance(item, Mapping):
                self._remark("Lost", path, *_mistyped("a mapping"))
            yield Node(item, self._remarks, self.document, path)

    def changed(self, name: str | None, what: str, meaning: str, instead: str) -> None:
        """Report a field, or the whole (None), that takes another form. Everything below the field counts as read."""
        self._report("Changed", name, what, meaning, instead)

    def lost(self, name: str | None, what: str, meaning: str, instead: str) -> None:
        """Like `changed`, for a field whose meaning changes."""
        self._report("Lost", name, what, meaning, instead)

    def refused(self, name: str | None, what: str, meaning: str, instead: str) -> NotCarried:
        """The exception to raise if the document, or this part of it, cannot be converted."""
        return NotCarried(Remark("Lost", self.document, self._at(name), what, meaning, instead))

    def give_up(self, refusal: NotCarried) -> None:
        """Drop this part: report why, and no other remark about its fields."""
        self._remarks.append(refusal.remark)
        self.skip()

    def skip(self) -> None:
        """Count everything as read."""
        self._unread.clear()
        for children in self._children.values():
            for child in children:
                child.skip()

    def close(self) -> None:
        """Report the fields that were not read, except null values."""
        for name in self._unread:
            if name in self:
                self._remark("Lost", self._at(name), *_UNKNOWN)
        self._unread.clear()
        for children in self._children.values():
            for child in children:
                child.close()

    def _report(self, severity: Severity, name: str | None, what: str, meaning: str, instead: str) -> None:
        if name is not None:
            self._unread.pop(name, None)
            for child in self._children.get(name, []):
                child.skip()
        self._remark(severity, self._at(name), what, meaning, instead)

    def _at(self, name: str | None) -> Path:
        return self.path if name is None else (*self.path, name)

    def _remark(self, severity: Severity, path: Path, what: str, meaning: str, instead: str) -> None:
        self._remarks.append(Remark(severity, self.document, path, what, meaning, instead))

    def _mistyped(self, name: str, wanted: str, default: T) -> T:
        self._remark("Lost", self._at(name), *_mistyped(wanted))
        return default


def _mistyped(wanted: str) -> tuple[str, str, str]:
    return f"this is not {wanted}", "it is not converted", f"write {wanted}"


def _is_usual(number: Decimal) -> bool:
    """Whether its size keeps sums and texts short."""
    digits = number.as_tuple()
    return isinstance(digits.exponent, int) and digits.exponent > -30 and number.adjusted() < 15


def _scalar(value: Any) -> str:
    """A number or a boolean as YAML writes it; "" for any other value."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else ""
