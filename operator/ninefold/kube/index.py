"""Finds objects by their content without a walk over all of them: declared once, kept by the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable

from ninefold.kube.api import Api, Key, Manifest

logger = logging.getLogger(__name__)


class Index:
    """The values under which an object of a resource is indexed, such as the name of an object that it refers to.

    `values` is a pure function of the object alone. No two indexes are equal: declare an index at module level, or once
    per instance of its owner. The store fills it at the first query.
    """

    def __init__(self, api: Api, values: Callable[[Manifest], Iterable[Hashable]]) -> None:
        self.api = api
        self._values = values

    def values(self, manifest: Manifest) -> frozenset[Hashable]:
        """No value for an object that cannot be read: other owners may write anything into it."""
        try:
            return frozenset(self._values(manifest))
        except Exception:
            about = {"resource": self.api.name, "object": str(Key.of(manifest))}
            logger.exception("Could not read the index values of an object", extra=about)
            return frozenset()


class Entries:
    """The content of an index for one store."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._keys: dict[Hashable, dict[Key, None]] = {}
        # The values of each key, so that the key can be removed no matter what the object contains by then.
        self._values: dict[Key, frozenset[Hashable]] = {}

    def put(self, key: Key, manifest: Manifest) -> None:
        values = self._index.values(manifest)
        if values == self._values.get(key, frozenset()):
            return
        self.remove(key)
        if values:
            self._values[key] = values
        for value in values:
            self._keys.setdefault(value, {})[key] = None

    def remove(self, key: Key) -> None:
        for value in self._values.pop(key, ()):
            keys = self._keys[value]
            del keys[key]
            if not keys:
                del self._keys[value]

    def keys(self, value: Hashable) -> list[Key]:
        return list(self._keys.get(value, ()))
