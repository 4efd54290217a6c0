"""What a kind declares: its watches, its rights, and its three steps observe, plan and perform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.model import Resource
from ninefold.kube.plan import Effect, Plan
from ninefold.kube.store import Store

ResourceT = TypeVar("ResourceT", bound=Resource)
ObservedT = TypeVar("ObservedT")


@dataclass(frozen=True, slots=True)
class Grant:
    """A row of the RBAC table: what the operator may do, and the reason that the table shows."""

    api: Api
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The form of objects that the operator makes: CEL over `object`, and the same in words. The API server refuses any
    other object from the operator's account, so that a stolen token cannot write more than the operator does."""

    expression: str
    words: str

    @classmethod
    def of_spec(cls, *members: str) -> Content:
        """An object whose spec has no members except these."""
        return cls(
            f"dyn(object).?spec.orValue({{}}).all(k, k in {list(members)})", f"spec.{', spec.'.join(members)} alone"
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """Another resource whose events matter to a kind: `keys` lists the objects of the kind to reconcile.

    `labels` is a selector that the API server applies ("a=b,c"); `optional` resources may be missing from the cluster.
    `status` names the fields of the status that are read, None for all: other owners' statuses may be large.
    `reads` returns the part of an object that matters: an event that does not change this part wakes no object.
    `both`: also wake the objects that `keys` lists for the version before, for instance when labels select them.
    """

    api: Api
    keys: Callable[[Manifest, Store], Iterable[Key]]
    labels: str = ""
    optional: bool = False
    status: tuple[str, ...] | None = None
    reads: Callable[[Manifest], object] | None = None
    both: bool = False

    def concerns(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """The objects to reconcile when an object was added (`before` is None), changed, or was deleted (`now` is
        None)."""
        if self.reads and before and now and self.reads(before) == self.reads(now):
            return
        yield from self.keys(now or before or {}, store)
        if self.both and before and now:
            yield from self.keys(before, store)


def written(manifest: Manifest) -> object:
    """A `reads` that ignores the status: it returns what people write."""
    metadata = manifest["metadata"]
    return manifest.get("spec"), metadata.get("labels"), metadata.get("annotations"), metadata.get("deletionTimestamp")


def in_namespace_of(api: Api) -> Callable[[Manifest, Store], Iterable[Key]]:
    """The `keys` of a watch that may matter to all objects of a kind in the same namespace: an object whose selector or
    labels changed also matters to the objects that it mattered to before."""

    def keys(manifest: Manifest, store: Store) -> Iterable[Key]:
        return store.keys(api, Key.of(manifest).namespace)

    return keys


class Controller(Generic[ResourceT, ObservedT]):
    """One kind. The subclass takes integrations in its constructor; nothing is kept between reconciliations."""

    resource: ClassVar[type[Resource]]
    watches: tuple[Watch, ...] = ()
    children: ClassVar[tuple[Api, ...]] = ()
    """The resources that plans of this kind may hold; they are watched, so that drift is repaired."""
    optional: ClassVar[frozenset[Api]] = frozenset()
    """The `children` that may be missing from the cluster."""
    contents: ClassVar[Mapping[Api, Content]] = {}
    """The form of the objects of `children`, and of the kind itself if the operator makes such objects."""
    indexes: tuple[Index, ...] = ()
    """The indexes to fill from the first object on, because computing the values of all objects at once takes long."""
    grants: ClassVar[tuple[Grant, ...]] = ()
    makes: ClassVar[bool] = False
    """Whether the operator makes objects of the kind itself (`missing`); they carry the operator's label."""
    finalizer: ClassVar[bool] = False
    """Whether `finalize` must run before an object of this kind is deleted."""

    def missing(self, key: Key, store: Store) -> Manifest | None:
        """The object to create under a key that is to be reconciled and does not exist. None by default: people write
        the kind. It is called again after a failure, so it must answer from the store alone.
        """
        return None

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key] | None:
        """The object that needs an object of this kind which the operator makes. Its conditions report when that object
        cannot be written. None by default.
        """
        return None

    def corrected(self, manifest: Manifest, store: Store) -> Manifest | None:
        """The content of an object that the operator makes and keeps correct. None by default."""
        return None

    async def observe(self, resource: ResourceT, store: Store, now: datetime) -> ObservedT:
        """Read what the plan depends on. Changes nothing."""
        raise NotImplementedError

    def plan(self, resource: ResourceT, observed: ObservedT, now: datetime) -> Plan[Any]:
        """The meaning of the resource, as a pure function. Raises Stalled or Waiting."""
        raise NotImplementedError

    async def perform(self, resource: ResourceT, effect: Effect) -> str:
        """Make one attempt at an effect, in parallel to reconciliations; returns a sentence for the status.

        It is called again with the same key after a failure, and after a crash that left the outcome unknown: the far
        side must recognize the key. Raises EffectFailed; the text of any other exception goes only to the log.
        """
        raise NotImplementedError(f"{type(self).__name__} plans effects but performs none")

    async def finalize(self, resource: ResourceT) -> None:
        """Undo the effects outside the cluster before the object is deleted; must be repeatable."""

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """The other objects of the kind to reconcile when this object was added (`before` is None), changed, or was
        deleted (`now` is None). None by default. The store holds the present state.
        """
        return ()

    def feed(self, store: Store) -> AsyncIterator[Key]:
        """Keys to reconcile for reasons that no watch reports, such as changed measurements. None by default."""
        return _nothing()


AnyController = Controller[Any, Any]


async def _nothing() -> AsyncIterator[Key]:
    return
    yield
