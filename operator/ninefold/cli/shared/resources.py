"""Parses Ninefold's resources from objects in files, as strictly as `kubectl apply`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from ninefold.cli.shared import similar
from ninefold.cli.shared.files import Document
from ninefold.cli.shared.findings import Finding
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kinds import MODELS
from ninefold.kube.api import GROUP, Key
from ninefold.kube.crd import crd
from ninefold.kube.faults import UNKNOWN
from ninefold.kube.fields import ObjectName
from ninefold.kube.model import Metadata, Resource, dotted, faults

ResourceT = TypeVar("ResourceT", bound=Resource)

_KINDS = {model.api.kind: model for model in MODELS}
_NAME = TypeAdapter(ObjectName)

_TOP = {"apiVersion", "kind", "metadata", "spec", "status"}
_READ = {info.alias or name for name, info in Metadata.model_fields.items()}
_METADATA = _READ | {"deletionGracePeriodSeconds", "generateName", "managedFields", "ownerReferences", "selfLink"}
"""All fields of ObjectMeta."""


@dataclass(frozen=True, slots=True)
class Found:
    """A resource of Ninefold and the document that it was read from."""

    resource: Resource
    document: Document

    @property
    def name(self) -> str:
        return f"{self.resource.api.kind} {self.resource.key}"

    def finding(self, diagnostic: Diagnostic) -> Finding:
        """The diagnostic with its location in the file."""
        severity: Literal["error", "warning"] = "warning" if diagnostic.warning else "error"
        line = self.document.line(diagnostic.path)
        return Finding(diagnostic.message, self.document.file, line, self.name, dotted(diagnostic.path), severity)


def together(found: Sequence[Found]) -> ResourceSet:
    """All resources as one set, at the present moment."""
    return ResourceSet(((entry.resource, entry.document.manifest) for entry in found), datetime.now(UTC))


def of_kind(kind: type[ResourceT], found: Sequence[Found]) -> list[ResourceT]:
    """All resources of a kind."""
    return [entry.resource for entry in found if isinstance(entry.resource, kind)]


@dataclass(slots=True)
class Resources:
    """The content of documents: Ninefold's resources, faults, and objects of other kinds."""

    found: list[Found] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    others: list[Document] = field(default_factory=list)


def parse(documents: Sequence[Document], namespace: str) -> Resources:
    """The resources in the documents; those without a namespace get `namespace`."""
    result, seen = Resources(), dict[tuple[str, Key], Found]()
    for document in documents:
        group, _, _ = document.manifest["apiVersion"].partition("/")
        if group != GROUP:
            result.others.append(document)
            continue
        resource, findings = _resource(document, namespace)
        result.findings += findings
        if resource is None or findings:
            continue
        found = Found(resource, document)
        first = seen.setdefault((resource.api.kind, resource.key), found)
        if first is not found:
            place = f"{first.document.file}:{first.document.line()}"
            result.findings.append(
                found.finding(Diagnostic((), f"this object is already in {place}: keep one of them"))
            )
            continue
        result.found.append(found)
    return result


def _resource(document: Document, namespace: str) -> tuple[Resource | None, list[Finding]]:
    manifest = document.manifest
    kind = _KINDS.get(manifest["kind"])
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = f"{manifest['kind']} {metadata.get('namespace') or namespace}/{metadata.get('name')}"

    def finding(path: Sequence[str | int], message: str) -> Finding:
        return Finding(message, document.file, document.line(path), name, dotted(path))

    if kind is None:
        hint = similar.question(manifest["kind"], _KINDS)
        known = "" if hint else f"; the kinds of {GROUP} are {', '.join(_KINDS)}"
        return None, [finding(("kind",), f"there is no such kind{hint}{known}")]
    if manifest["apiVersion"] != kind.api.api_version:
        return None, [finding(("apiVersion",), f"write {kind.api.api_version}")]
    findings = [
        Finding(f"{key} occurs twice: keep one", document.file, line, name) for key, line in document.repeated()
    ]
    findings += [finding(path, _unknown_field(kind, path)) for path in _unknown(manifest, metadata)]
    findings += [finding(("metadata", part), message) for part, message in _names(metadata, namespace)]
    # The status in a file has no meaning: the API server ignores it too.
    read = {key: value for key, value in metadata.items() if key in _READ}
    body = {"metadata": {**read, "namespace": metadata.get("namespace") or namespace}}
    body |= {"spec": manifest["spec"]} if "spec" in manifest else {}
    try:
        return kind.model_validate(body, extra="forbid"), findings
    except ValidationError as error:
        # metadata.name has been checked above.
        found = [(path, text) for path, text in faults(error) if path != ("metadata", "name")]
        return None, findings + [
            finding(path, _unknown_field(kind, path) if text == UNKNOWN else text) for path, text in found
        ]


def _unknown_field(kind: type[Resource], path: Sequence[str | int]) -> str:
    """The fault of an unknown field, with a similar known field if there is one."""
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in path[:-1]:
        inner = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
        schema = inner or schema.get("additionalProperties") or {}
    known = _METADATA if path[0] == "metadata" else schema.get("properties", {})
    return UNKNOWN + similar.question(str(path[-1]), known)


def _unknown(manifest: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield from ((str(name),) for name in manifest if name not in _TOP)
    yield from (("metadata", str(name)) for name in metadata if name not in _METADATA)


def _names(metadata: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, str]]:
    for part, value in (("name", metadata.get("name")), ("namespace", metadata.get("namespace") or namespace)):
        try:
            _NAME.validate_python(value)
        except ValidationError as error:
            yield part, faults(error)[0][1]
