"""The declaration of a kind: one record next to its code, from which everything else follows.

`<stage>/<kind>/kind.py` holds the record, `<stage>/kinds.py` those of a stage, and `ninefold/kinds.py` all of them.
`ninefold run`, `crds`, `lint`, `render`, `status`, shell completion, the docs and the tests iterate over these records;
none of them names a kind. The functions of a record import slow modules when they are called.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Api, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.follower import Follower
from ninefold.kube.model import Resource
from ninefold.kube.store import Store

if TYPE_CHECKING:
    # These take longer to import than `ninefold lint` takes for its work.
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources
    from ninefold.kube.server import Endpoint

Tone = Literal["good", "attention", "bad", "notice", "quiet"]
"""How to show a word of a status: in green, yellow, red, or blue (notice, quiet). The reason appears below an object
with a word that is neither good nor quiet."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that `ninefold run` gives to controllers."""

    options: argparse.Namespace
    sources: PrometheusSources
    delivered: Sequence[Api] = ()
    """The foreign kinds whose deliveries are recorded."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A delivery tool whose objects follow Ninefold's resources."""

    delivers: tuple[Api, ...]
    """The kinds that it delivers with; a delivery is recorded as a release where the object follows a gate."""
    followers: Callable[[], tuple[type[Follower], ...]]
    """The followers that hold its objects."""


class Process(Protocol):
    """The running operator, as the pages of a kind see it."""

    @property
    def store(self) -> Store: ...

    def keep_fresh(self, api: Api) -> Callable[[], float]:
        """Read a kind at short intervals; the returned function gives the seconds since the last successful read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of Ninefold. Only `model` and `controller` are required."""

    model: type[Resource]
    controller: Callable[[], type[AnyController]]
    """Its rights follow from the class."""
    make: Callable[[Parts], AnyController] | None = None
    """Makes the controller of a running operator, if its constructor takes arguments."""
    metrics: Callable[[Store, PrometheusSources], Collector] | None = None
    pages: Callable[[Process, argparse.Namespace], Sequence[Endpoint]] | None = None
    """The endpoints that it serves over HTTP."""
    run_options: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds its options to `ninefold run`."""
    lint: Callable[[Any, ResourceSet], Iterable[Diagnostic]] | None = None
    """The findings about a resource in files that otherwise only the controller would report."""
    render: Callable[[Any, ResourceSet, argparse.Namespace], Sequence[Manifest]] | None = None
    """The objects that the controller would make for a resource in files. Raises Stalled."""
    render_options: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds its options to `ninefold render`."""
    policies: Callable[[], Sequence[Manifest]] | None = None
    """The admission policies about the kind, with their bindings."""
    verbs: Mapping[str, str] = field(default_factory=dict)
    """Ninefold's own verbs on its objects, each with its purpose; each verb has its own role."""
    admin_only: bool = False
    """Whether only admins write it: it blocks other users, who must not be able to remove it."""
    record: bool = False
    """Whether only the operator writes it: it records what happened."""
    words: Mapping[str, Tone] = field(default_factory=dict)
    """How to show the words of its columns."""
    no_sample: str = ""
    """Why the kind has no sample."""

    @property
    def api(self) -> Api:
        return self.model.api

    def new_controller(self, parts: Parts) -> AnyController:
        return self.make(parts) if self.make else self.controller()()


def registered(stage: str, *kinds: str) -> tuple[Kind, ...]:
    """The records of a stage's kinds, by the names of their folders.

    >>> [kind.api.kind for kind in registered("ninefold.observability", "dashboard")]
    ['Dashboard']
    """
    records: list[Kind] = [import_module(f"{stage}.{kind}.kind").KIND for kind in kinds]
    return tuple(records)
