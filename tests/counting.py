"""A store that counts what it hands out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.store import Store


class CountingStore(Store):
    """How many objects were looked up tells what a lookup costs, on any machine."""

    def __init__(self) -> None:
        super().__init__()
        self.handed_out = 0

    def get(self, api: Api, key: Key) -> Manifest | None:
        self.handed_out += 1
        return super().get(api, key)

    def all(self, api: Api, namespace: str | None = None) -> Iterator[Manifest]:
        for manifest in super().all(api, namespace):
            self.handed_out += 1
            yield manifest

    def keys(self, api: Api, namespace: str | None = None) -> list[Key]:
        found = super().keys(api, namespace)
        self.handed_out += len(found)
        return found

    def found(self, index: Index, value: Hashable) -> list[Manifest]:
        found = super().found(index, value)
        self.handed_out += len(found)
        return found

    def since_now(self) -> None:
        """Count anew, once the indexes are filled."""
        self.handed_out = 0
