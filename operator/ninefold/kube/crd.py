"""Generates a CustomResourceDefinition from a resource class. Pure."""

from __future__ import annotations

import re
from typing import Any

from ninefold.kube.api import CRD
from ninefold.kube.fields import VALIDATIONS
from ninefold.kube.model import Column, Resource
from ninefold.kube.schema import Schema, SchemaError, structural

CATEGORY = "sre"
"""`kubectl get sre` lists the kinds that describe the state of a service."""

_READY = '.status.conditions[?(@.type=="Ready")]'
_COMMON = (Column("Ready", f"{_READY}.status"), Column("Reason", f"{_READY}.reason", wide=True))
_AGE = Column("Age", ".metadata.creationTimestamp", "date")

_ENVELOPE: dict[str, Schema] = {
    "apiVersion": {"description": "The version of this schema.", "type": "string"},
    "kind": {"description": "The kind of this object.", "type": "string"},
    "metadata": {"type": "object"},
}


def crd(kind: type[Resource]) -> dict[str, Any]:
    """The manifest of a kind's CRD. Raises SchemaError if Kubernetes cannot represent the model."""
    api = kind.api
    schema = _schema(kind)
    return {
        "apiVersion": CRD.api_version,
        "kind": CRD.kind,
        "metadata": {"name": api.name, "labels": {"app.kubernetes.io/part-of": "ninefold"}},
        "spec": {
            "group": api.group,
            "names": {
                "kind": api.kind,
                "listKind": f"{api.kind}List",
                "plural": api.plural,
                "singular": api.kind.lower(),
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY] if kind.in_category else [],
            },
            "scope": "Namespaced" if api.namespaced else "Cluster",
            "versions": [
                {
                    "name": api.version,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": _columns(kind, schema),
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _schema(kind: type[Resource]) -> Schema:
    result: Schema = {
        "description": (kind.__doc__ or "").strip(),
        "type": "object",
        "required": ["spec"],
        "properties": {
            **_ENVELOPE,
            "spec": _part(kind, "spec", "What you want."),
            # Without a status kstatus reports a resource as healthy; -1 says that it is not reconciled yet.
            "status": {
                **_part(kind, "status", "What Ninefold observed; it alone writes this."),
                "default": {"observedGeneration": -1},
            },
        },
    }
    if not result["description"]:
        raise SchemaError(kind.__name__, "has no docstring, and `kubectl explain` shows it: add one")
    if kind.cel_rules:
        result[VALIDATIONS] = [rule.as_json() for rule in kind.cel_rules]
    return result


def _part(kind: type[Resource], name: str, description: str) -> Schema:
    field = kind.model_fields[name]
    if not isinstance(field.annotation, type):
        raise SchemaError(f"{kind.__name__}.{name}", "must be one model")
    schema = structural(field.annotation, f"{kind.__name__}.{name}", tell_defaults=name == "spec")
    # The docstrings of the models address the developers of the operator.
    return {**schema, "description": field.description or description}


def _columns(kind: type[Resource], schema: Schema) -> list[Schema]:
    own = {column.name for column in kind.columns}
    columns = [*kind.columns, *(column for column in _COMMON if column.name not in own), _AGE]
    return [_column(column, schema, kind.__name__) for column in columns]


def _column(column: Column, schema: Schema, kind: str) -> Schema:
    if column.path.startswith((".spec", ".status")):
        _require_path(column, schema, kind)
    wide = {"priority": 1} if column.wide else {}
    return {"name": column.name, "type": column.type, "jsonPath": column.path, **wide}


def _require_path(column: Column, schema: Schema, kind: str) -> None:
    """A column whose path is misspelt would stay empty, without any report."""
    for name in re.sub(r"\[[^]]*\]", ".[]", column.path).split(".")[1:]:
        if "additionalProperties" in schema:
            schema = schema["additionalProperties"]
        elif name == "[]" and "items" in schema:
            schema = schema["items"]
        elif name in schema.get("properties", {}):
            schema = schema["properties"][name]
        else:
            raise SchemaError(kind, f"column {column.name}: {column.path} names no field of the schema")
