"""What a kind says about itself: one record next to its code, from which everything else follows.

`<stage>/<kind>/kind.py` holds the record, `<stage>/kinds.py` those of a stage, and `ninefold/kinds.py` all of them.
`ninefold run`, `crds`, `lint`, `render`, `status`, the completion of shells, the docs and the tests iterate over these;
none of them names a kind. What costs time to import is imported by the functions of a record, when they are called.
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
"""How a word of a status is shown: in green, yellow, red, or blue (notice, quiet). Below an object with a word that is
neither good nor quiet stands the reason."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What `ninefold run` gives to controllers."""

    options: argparse.Namespace
    sources: PrometheusSources
    delivered: Sequence[Api] = ()
    """The foreign kinds whose deliveries are recorded."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of others whose objects follow resources of ours."""

    delivers: tuple[Api, ...]
    """What it delivers by, which is recorded as releases where it follows a gate."""
    followers: Callable[[], tuple[type[Follower], ...]]
    """What holds its objects."""


class Process(Protocol):
    """The running operator, as the pages of a kind see it."""

    @property
    def store(self) -> Store: ...

    def keep_fresh(self, api: Api) -> Callable[[], float]:
        """Keep hearing of a kind without pause; the function gives the seconds since it was last heard of."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of ours. Only `model` and `controller` are there for each."""

    model: type[Resource]
    controller: Callable[[], type[AnyController]]
    """Its rights follow from the class."""
    make: Callable[[Parts], AnyController] | None = None
    """Makes the controller of a running operator, if that needs more than nothing."""
    metrics: Callable[[Store, PrometheusSources], Collector] | None = None
    pages: Callable[[Process, argparse.Namespace], Sequence[Endpoint]] | None = None
    """What it answers over HTTP."""
    run_options: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds its options to `ninefold run`."""
    lint: Callable[[Any, ResourceSet], Iterable[Diagnostic]] | None = None
    """What only a controller could say of a resource of this kind in files."""
    render: Callable[[Any, ResourceSet, argparse.Namespace], Sequence[Manifest]] | None = None
    """The objects that the controller would make for a resource in files. Raises Stalled."""
    render_options: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds its options to `ninefold render`."""
    policies: Callable[[], Sequence[Manifest]] | None = None
    """The admission policies about it, with their bindings."""
    verbs: Mapping[str, str] = field(default_factory=dict)
    """Verbs of ours on its objects, and what each is for; a role for each is given by name."""
    admin_only: bool = False
    """Whether only admins write it: it holds others back, who must not be able to lift it."""
    record: bool = False
    """Whether only the operator writes it: it says what happened."""
    words: Mapping[str, Tone] = field(default_factory=dict)
    """How the words of its columns are to be taken."""
    no_sample: str = ""
    """Why there is no sample of it."""

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
