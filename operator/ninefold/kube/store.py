"""The objects that the watches have seen: reconciliations read the cluster only from here. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ninefold.kube.api import GROUP, HOLDER, Api, Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.index import Entries, Index
from ninefold.kube.model import Resource

ResourceT = TypeVar("ResourceT", bound=Resource)

_TOMBSTONES = 10_000


class Store:
    """The newest version seen of each object. Readers must not change the returned objects.

    Versions arrive in three ways (watch, sweep, the answers to the operator's writes) and may overtake each other;
    resource versions of one resource are ordered numbers, so the larger one wins.
    """

    def __init__(self) -> None:
        self._objects: dict[Api, dict[Key, Manifest]] = {}
        # The keys of each namespace, in order of arrival: one namespace is read far more often than all.
        self._namespaces: dict[tuple[Api, str], dict[Key, None]] = {}
        self._owned: dict[str, set[tuple[Api, Key]]] = {}
        self._deleted: OrderedDict[tuple[Api, Key], int] = OrderedDict()
        self._served: dict[Api, bool] = {}
        self._indexes: dict[Api, dict[Index, Entries]] = {}

    def put(self, api: Api, manifest: Manifest) -> bool:
        """Take in a version; False if it is not newer than what is known."""
        key = Key.of(manifest)
        version = _version(manifest)
        known = self.get(api, key)
        if version <= (_version(known) if known else self._deleted.get((api, key), -1)):
            return False
        self._forget_owners(api, key)
        self._objects.setdefault(api, {})[key] = trim(manifest)
        self._namespaces.setdefault((api, key.namespace), {})[key] = None
        for owner in _owners(manifest):
            self._owned.setdefault(owner, set()).add((api, key))
        for entries in self._indexes.get(api, {}).values():
            entries.put(key, self._objects[api][key])
        return True

    def remove(self, api: Api, manifest: Manifest) -> bool:
        """Forget an object, given its last version; False if a newer one of the same name is known already."""
        key = Key.of(manifest)
        known = self.get(api, key)
        if known is None or _version(known) > _version(manifest):
            return False
        self._forget_owners(api, key)
        del self._objects[api][key]
        del self._namespaces[api, key.namespace][key]
        for entries in self._indexes.get(api, {}).values():
            entries.remove(key)
        # A listing that began before the deletion must not bring the object back.
        self._deleted[api, key] = _version(manifest)
        while len(self._deleted) > _TOMBSTONES:
            self._deleted.popitem(last=False)
        return True

    def serve(self, api: Api, served: bool) -> None:
        """Note whether the cluster has this resource at all."""
        self._served[api] = served

    def serves(self, api: Api) -> bool:
        """Whether the cluster has this resource; False until a listing has checked it."""
        return self._served.get(api, False)

    def get(self, api: Api, key: Key) -> Manifest | None:
        return self._objects.get(api, {}).get(key)

    def keys(self, api: Api, namespace: str | None = None) -> list[Key]:
        return list(self._objects.get(api, {}) if namespace is None else self._namespaces.get((api, namespace), {}))

    def all(self, api: Api, namespace: str | None = None) -> Iterator[Manifest]:
        """The objects of a resource, of one namespace if given."""
        objects = self._objects.get(api, {})
        return iter([objects[key] for key in self.keys(api, namespace)])

    def found(self, index: Index, value: Hashable) -> list[Manifest]:
        """The objects that an index lists under a value."""
        return [self._objects[index.api][key] for key in self.keep(index).keys(value)]

    def keep(self, index: Index) -> Entries:
        """Keep an index from now on."""
        indexes = self._indexes.setdefault(index.api, {})
        if index not in indexes:
            entries = indexes[index] = Entries(index)
            for key, manifest in self._objects.get(index.api, {}).items():
                entries.put(key, manifest)
        return indexes[index]

    def resources(self, kind: type[ResourceT], namespace: str | None = None) -> list[ResourceT]:
        """The models of all objects of a kind. An object that cannot be read is left out: it is Stalled itself."""
        resources = (self.resource(kind, key) for key in self.keys(kind.api, namespace))
        return [resource for resource in resources if resource is not None]

    def resource(self, kind: type[ResourceT], key: Key) -> ResourceT | None:
        """The model of an object; None if there is none, or if it cannot be read: it is Stalled itself."""
        manifest = self.get(kind.api, key)
        try:
            return kind.parse(manifest) if manifest is not None else None
        except Stalled:
            return None

    def owned_by(self, uid: str) -> list[tuple[Api, Manifest]]:
        """The objects that carry an owner reference to this uid."""
        return [(api, self._objects[api][key]) for api, key in sorted(self._owned.get(uid, ()))]

    def count(self, api: Api) -> int:
        return len(self._objects.get(api, {}))

    def _forget_owners(self, api: Api, key: Key) -> None:
        old = self.get(api, key)
        for owner in _owners(old) if old else ():
            owned = self._owned.get(owner, set())
            owned.discard((api, key))
            if not owned:
                self._owned.pop(owner, None)


def _version(manifest: Manifest) -> int:
    return int(manifest["metadata"].get("resourceVersion") or 0)


def _owners(manifest: Manifest) -> list[str]:
    return [owner["uid"] for owner in manifest["metadata"].get("ownerReferences", ())]


def _last_writer(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The latest entry that is not of a subresource, without the fields."""
    writers = [entry for entry in entries if not entry.get("subresource")]
    latest = max(writers, key=lambda entry: str(entry.get("time", "")), default=None)
    return [{name: latest[name] for name in ("manager", "time") if name in latest}] if latest else []


def trim(manifest: Manifest) -> Mapping[str, Any]:
    """The object without the last-applied annotation. Its managedFields keep only the fields that the operator holds
    and, for Ninefold's objects, the last writer: the rest is large and unused."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    entries = manifest["metadata"].get("managedFields", ())
    held = [entry for entry in entries if entry.get("manager") == HOLDER]
    if str(manifest.get("apiVersion", "")).startswith(f"{GROUP}/"):
        held += _last_writer(entries)
    if held:
        metadata["managedFields"] = held
    annotations = metadata.get("annotations")
    if annotations and "kubectl.kubernetes.io/last-applied-configuration" in annotations:
        metadata["annotations"] = {
            name: value
            for name, value in annotations.items()
            if not name.startswith("kubectl.kubernetes.io/last-applied")
        }
    return {**manifest, "metadata": metadata}
