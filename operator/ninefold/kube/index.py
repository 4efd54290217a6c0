"""Objects by what they say, found without a walk over all of them: declared once, kept by the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable

from ninefold.kube.api import Api, Key, Manifest

logger = logging.getLogger(__name__)


class Index:
    """The values under which an object of a resource is to be found, such as the name of what it refers to.

    `values` is a pure function of the object alone. Two indexes are never the same: declare one at module level, or
    once for each life of what it belongs to. The store fills it when it is first asked.
    """

    def __init__(self, api: Api, values: Callable[[Manifest], Iterable[Hashable]]) -> None:
        self.api = api
        self._values = values

    def values(self, manifest: Manifest) -> frozenset[Hashable]:
        """None of an object that cannot be read: what it holds was written by others."""
        try:
            return frozenset(self._values(manifest))
        except Exception:
            about = {"resource": self.api.name, "object": str(Key.of(manifest))}
            logger.exception("Could not read what an object is to be found by", extra=about)
            return frozenset()


class Entries:
    """What an index holds of one store."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._keys: dict[Hashable, dict[Key, None]] = {}
        # What a key stands under, so that it can be taken away whatever the object says by then.
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
