"""What a kind brings to the machinery: where to look, what it may do, and its three steps observe, plan, perform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from ninefold.kube.api import Api, Key, Manifest
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
class Watch:
    """Another resource whose events concern us: `keys` tells which of our objects to look at again.

    `labels` is a selector that the API server applies ("a=b,c"); `optional` resources may be missing from the cluster.
    """

    api: Api
    keys: Callable[[Manifest, Store], Iterable[Key]]
    labels: str = ""
    optional: bool = False


class Controller(Generic[ResourceT, ObservedT]):
    """One kind. Integrations come in through the constructor of the subclass; nothing is kept between looks."""

    resource: ClassVar[type[Resource]]
    watches: ClassVar[tuple[Watch, ...]] = ()
    children: ClassVar[tuple[Api, ...]] = ()
    """The resources that plans of this kind may hold; they are watched, so that drift is repaired."""
    optional: ClassVar[frozenset[Api]] = frozenset()
    """Those of `children` that the cluster may do without."""
    grants: ClassVar[tuple[Grant, ...]] = ()
    finalizer: ClassVar[bool] = False
    """Whether `finalize` must run before an object of this kind may go."""

    async def observe(self, resource: ResourceT, store: Store, now: datetime) -> ObservedT:
        """Read what the plan depends on. Changes nothing."""
        raise NotImplementedError

    def plan(self, resource: ResourceT, observed: ObservedT, now: datetime) -> Plan[Any]:
        """The pure meaning of the resource. Raises Stalled or Waiting."""
        raise NotImplementedError

    async def perform(self, resource: ResourceT, effect: Effect) -> None:
        """Do one effect of a plan; called again with the same key after a crash."""
        raise NotImplementedError(f"{type(self).__name__} plans effects but performs none")

    async def finalize(self, resource: ResourceT) -> None:
        """Undo what is outside the cluster before the object goes; must be repeatable."""

    def feed(self, store: Store) -> AsyncIterator[Key]:
        """Keys to look at for reasons that no watch reports, such as figures that changed. None by default."""
        return _nothing()


AnyController = Controller[Any, Any]


async def _nothing() -> AsyncIterator[Key]:
    return
    yield
