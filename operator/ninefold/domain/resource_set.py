"""Resources from the same files, and findings about them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeVar

from ninefold.kube.api import Key, Manifest
from ninefold.kube.model import Resource

ResourceT = TypeVar("ResourceT", bound=Resource)
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error in a resource, or a warning (`warning`), as a sentence about the field at `path`."""

    path: tuple[str | int, ...]
    message: str
    warning: bool = False

    @classmethod
    def of(cls, message: str, *, warning: bool = False) -> Self:
        """From a sentence that begins with the field if it is about a field, like the messages of Stalled.

        >>> Diagnostic.of("spec.rules[0].when: write less")
        Diagnostic(path=('spec', 'rules', 0, 'when'), message='write less', warning=False)
        """
        field, colon, rest = message.partition(": ")
        if not colon or not field.startswith(("spec.", "metadata.")):
            return cls((), message, warning)
        parts = field.replace("[", ".").replace("]", "").split(".")
        return cls(tuple(int(part) if part.isdigit() else part for part in parts), rest, warning)


class ResourceSet:
    """A cluster that holds only the resources of these files, at the moment `now`."""

    def __init__(self, resources: Iterable[tuple[Resource, Manifest]], now: datetime) -> None:
        """A kind has a key once."""
        self.now = now
        self._models: dict[type[Resource], dict[Key, Any]] = {}
        self._manifests: dict[type[Resource], list[Manifest]] = {}
        self._worked_out: dict[Callable[[ResourceSet], Any], Any] = {}
        for resource, manifest in resources:
            named = {"namespace": resource.key.namespace, "name": resource.key.name}
            whole = {**manifest, "metadata": {**manifest["metadata"], **named}}
            self._models.setdefault(type(resource), {})[resource.key] = resource
            self._manifests.setdefault(type(resource), []).append(whole)

    def all(self, model: type[ResourceT]) -> list[ResourceT]:
        """The resources of a kind, in the order of the files."""
        return list(self.by_key(model).values())

    def get(self, model: type[ResourceT], key: Key) -> ResourceT | None:
        return self.by_key(model).get(key)

    def by_key(self, model: type[ResourceT]) -> Mapping[Key, ResourceT]:
        return self._models.get(model, {})

    def manifests(self, model: type[Resource]) -> Sequence[Manifest]:
        """The manifests of a kind as the API server holds them: with the namespace that a file may leave out."""
        return self._manifests.get(model, ())

    def once(self, work_out: Callable[[ResourceSet], ValueT]) -> ValueT:
        """The result of a function of all resources; the function is called only once."""
        if work_out not in self._worked_out:
            self._worked_out[work_out] = work_out(self)
        result: ValueT = self._worked_out[work_out]
        return result
