"""What a kind brings to the machinery: where to look, what it may do, and its three steps observe, plan, perform."""

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
    """A row of the RBAC table: what the operator may do, and the reason that the table shows beside it."""

    api: Api
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What objects that we make look like: CEL over `object`, and the same in words. The API server refuses others of
    our account, so that a thief of its token cannot write more than we do."""

    expression: str
    words: str

    @classmethod
    def of_spec(cls, *members: str) -> Content:
        """Of an object that has a spec with these members at most."""
        return cls(
            f"dyn(object).?spec.orValue({{}}).all(k, k in {list(members)})", f"spec.{', spec.'.join(members)} alone"
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """Another resource whose events concern us: `keys` tells which of our objects to look at again.

    `labels` is a selector that the API server applies ("a=b,c"); `optional` resources may be missing from the cluster.
    `status` names the fields of the status that are read, None for all: of others' objects the rest may be large.
    `reads` gives what of an object matters: an event that leaves it as it was concerns nobody.
    `both`: also those are looked at again whom the version before concerned, as what is selected by its labels does.
    """

    api: Api
    keys: Callable[[Manifest, Store], Iterable[Key]]
    labels: str = ""
    optional: bool = False
    status: tuple[str, ...] | None = None
    reads: Callable[[Manifest], object] | None = None
    both: bool = False

    def concerns(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """Whom it concerns that an object came (`before` is None), changed, or went (`now` is None)."""
        if self.reads and before and now and self.reads(before) == self.reads(now):
            return
        yield from self.keys(now or before or {}, store)
        if self.both and before and now:
            yield from self.keys(before, store)


def written(manifest: Manifest) -> object:
    """The `reads` of a watch to which the status is nothing: what people write."""
    metadata = manifest["metadata"]
    return manifest.get("spec"), metadata.get("labels"), metadata.get("annotations"), metadata.get("deletionTimestamp")


def in_namespace_of(api: Api) -> Callable[[Manifest, Store], Iterable[Key]]:
    """The `keys` of a watch that may concern all objects of a kind in the same namespace: what selects something else
    now, or has other labels, concerns what it concerned before, too."""

    def keys(manifest: Manifest, store: Store) -> Iterable[Key]:
        return store.keys(api, Key.of(manifest).namespace)

    return keys


class Controller(Generic[ResourceT, ObservedT]):
    """One kind. Integrations come in through the constructor of the subclass; nothing is kept between looks."""

    resource: ClassVar[type[Resource]]
    watches: tuple[Watch, ...] = ()
    children: ClassVar[tuple[Api, ...]] = ()
    """The resources that plans of this kind may hold; they are watched, so that drift is repaired."""
    optional: ClassVar[frozenset[Api]] = frozenset()
    """Those of `children` that the cluster may do without."""
    contents: ClassVar[Mapping[Api, Content]] = {}
    """What the objects of `children` look like, and of the kind itself if the operator makes such."""
    indexes: tuple[Index, ...] = ()
    """Those to be filled from the first object on, because their values take long to work out for all at once."""
    grants: ClassVar[tuple[Grant, ...]] = ()
    makes: ClassVar[bool] = False
    """Whether objects of the kind itself are made by the operator (`missing`); those carry our label."""
    finalizer: ClassVar[bool] = False
    """Whether `finalize` must run before an object of this kind may go."""

    def missing(self, key: Key, store: Store) -> Manifest | None:
        """The object to create under a key that was to be looked at and does not exist. None by default: the kind is
        written by people. It is asked again after a failure, so it must answer from the store alone.
        """
        return None

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key] | None:
        """The object that one which the operator makes is for: it says so in its conditions where that one cannot be
        written. None by default.
        """
        return None

    def corrected(self, manifest: Manifest, store: Store) -> Manifest | None:
        """What an object of the kind must hold, if the operator made it and keeps it so. None by default."""
        return None

    async def observe(self, resource: ResourceT, store: Store, now: datetime) -> ObservedT:
        """Read what the plan depends on. Changes nothing."""
        raise NotImplementedError

    def plan(self, resource: ResourceT, observed: ObservedT, now: datetime) -> Plan[Any]:
        """The pure meaning of the resource. Raises Stalled or Waiting."""
        raise NotImplementedError

    async def perform(self, resource: ResourceT, effect: Effect) -> str:
        """Make one attempt at an effect, beside the looks; what was done, as a sentence for the status.

        It is called again with the same key after a failure, and after a crash that left the outcome unknown: the far
        side must recognize the key. Raises EffectFailed; of any other exception the text goes to the log alone.
        """
        raise NotImplementedError(f"{type(self).__name__} plans effects but performs none")

    async def finalize(self, resource: ResourceT) -> None:
        """Undo what is outside the cluster before the object goes; must be repeatable."""

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """Which other objects of the kind to look at because this one came (`before` is None), changed, or went (`now`
        is None). None by default. The store holds what is so now.
        """
        return ()

    def feed(self, store: Store) -> AsyncIterator[Key]:
        """Keys to look at for reasons that no watch reports, such as figures that changed. None by default."""
        return _nothing()


AnyController = Controller[Any, Any]


async def _nothing() -> AsyncIterator[Key]:
    return
    yield
