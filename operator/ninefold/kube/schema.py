"""Generates the structural schema that Kubernetes accepts from a pydantic model. Pure.

Whatever Kubernetes would reject, or accept and then not enforce, is a SchemaError that names the path and the remedy:
a fault in a model is found when the CRD is generated, not when a user installs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ninefold.kube.fields import VALIDATIONS

Schema = dict[str, Any]
"""A JSON schema, of pydantic or of Kubernetes."""

ANYTHING = "x-kubernetes-preserve-unknown-fields"
"""The keyword of a map with any content: the value of another kind, kept unchanged."""

_IGNORED = {"title", "default", "const", "exclusiveMinimum", "exclusiveMaximum", "required"}
"""Keywords that are dropped, or that are written in another form."""

_COPIED: dict[str, set[str]] = {
    "object": {"minProperties", "maxProperties", ANYTHING},
    "array": {"minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"},
    "string": {"minLength", "maxLength", "pattern", "format", "enum"},
    "integer": {"minimum", "maximum", "enum"},
    "boolean": {"enum"},
}
"""Types that a resource may use, and the keywords that have the same meaning in Kubernetes."""

_NESTED = {"object": {"properties", "additionalProperties"}, "array": {"items"}}

_BOUND = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}


class SchemaError(Exception):
    """A model that Kubernetes cannot accept: `path` of the field, and a sentence that says what to change."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


def structural(model: type[BaseModel], path: str, *, tell_defaults: bool = False) -> Schema:
    """The schema of a model, with every reference inlined; `path` is its location ("Light.spec").

    Defaults stay in the code, so that Kubernetes never rewrites a user's object; with `tell_defaults` the descriptions
    name them.
    """
    source = model.model_json_schema()
    return _Rewriter(source.pop("$defs", {}), tell_defaults).rewrite(source, path, ())


class _Rewriter:
    def __init__(self, definitions: Mapping[str, Schema], tell_defaults: bool) -> None:
        self._definitions = definitions
        self._tell_defaults = tell_defaults

    def rewrite(self, schema: Schema, path: str, inside: tuple[str, ...]) -> Schema:
        """`inside` holds the models that are being inlined."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            if name in inside:
                raise SchemaError(path, f"{name} holds itself, and a structural schema cannot recurse: flatten it")
            return self.rewrite(_overlay(self._definitions[name], schema, "$ref"), path, (*inside, name))
        if "anyOf" in schema:
            return self.rewrite(_overlay(_only_member(schema["anyOf"], path), schema, "anyOf"), path, inside)
        kind = _type_of(schema, path)
        result: Schema = {"description": schema["description"]} if "description" in schema else {}
        if self._tell_defaults:
            result.update(_with_default(schema))
        result["type"] = kind
        result.update({name: schema[name] for name in schema if name in _COPIED[kind]})
        result.update(_exclusive(schema, path))
        if "const" in schema:
            result["enum"] = [schema["const"]]
        result.update(self._nested(schema, kind, path, inside))
        _require_bound(result, kind, path)
        if VALIDATIONS in schema:
            result[VALIDATIONS] = schema[VALIDATIONS]
        return result

    def _nested(self, schema: Schema, kind: str, path: str, inside: tuple[str, ...]) -> Schema:
        if kind == "array":
            if not isinstance(schema.get("items"), dict):
                raise SchemaError(path, "a list of anything: name the type of its items")
            return {"items": self.rewrite(schema["items"], f"{path}[]", inside)}
        if kind != "object":
            return {}
        if schema.get(ANYTHING):
            return {ANYTHING: True}
        if "properties" in schema:
            return self._properties(schema, path, inside)
        values = schema.get("additionalProperties")
        if not isinstance(values, dict):
            raise SchemaError(path, "a map of anything: name the type of its values")
        return {"additionalProperties": self.rewrite(values, f"{path}[*]", inside)}

    def _properties(self, schema: Schema, path: str, inside: tuple[str, ...]) -> Schema:
        if schema.get("additionalProperties"):
            raise SchemaError(
                path, "more fields than the declared ones: Kubernetes prunes them, so declare a map field"
            )
        properties = {}
        for name, source in schema["properties"].items():
            properties[name] = self.rewrite(source, f"{path}.{name}", inside)
            # Checked on the result: pydantic leaves out a field's description that its model's docstring repeats.
            if not properties[name].get("description"):
                raise SchemaError(f"{path}.{name}", "has no description, and `kubectl explain` shows it: add one")
        # `T | None` without a default is required by pydantic; to Kubernetes null is the same as absent.
        required = [name for name in schema.get("required", ()) if not _nullable(schema["properties"][name])]
        return {"properties": properties, **({"required": required} if required else {})}


def _overlay(base: Schema, field: Schema, keyword: str) -> Schema:
    """The target of a field's reference, joined with the field: its own description wins, rules add up."""
    own = {name: value for name, value in field.items() if name != keyword}
    rules = [*base.get(VALIDATIONS, ()), *own.get(VALIDATIONS, ())]
    return {**base, **own, **({VALIDATIONS: rules} if rules else {})}


def _nullable(schema: Schema) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def _only_member(members: list[Schema], path: str) -> Schema:
    present = [member for member in members if member != {"type": "null"}]
    if len(present) != 1:
        raise SchemaError(path, "a union of types: make each an optional member and declare exactly_one_of")
    return present[0]


def _type_of(schema: Schema, path: str) -> str:
    kind: str | None = schema.get("type")
    if "oneOf" in schema or "discriminator" in schema:
        raise SchemaError(path, "a discriminated union: make each an optional member and declare exactly_one_of")
    if kind == "number":
        raise SchemaError(path, "a floating-point number: write it as a decimal string (Percent, Number)")
    if kind is None:
        raise SchemaError(path, "has no type (Any?): name one")
    if kind not in _COPIED:
        raise SchemaError(path, f"type {kind} is not known to Kubernetes")
    if "prefixItems" in schema:
        raise SchemaError(path, "a tuple: use a list, or a model with named fields")
    if schema.get("uniqueItems"):
        raise SchemaError(path, "a set: use a list with x-kubernetes-list-type set")
    if "propertyNames" in schema:
        raise SchemaError(path, "keys of a map cannot carry a schema: use dict[str, ...] and a Cel rule on the map")
    known = {"type", "description", VALIDATIONS, *_IGNORED, *_COPIED[kind], *_NESTED.get(kind, ())}
    if unknown := sorted(schema.keys() - known):
        raise SchemaError(path, f"{unknown[0]} has no form in Kubernetes: use a Cel rule")
    return kind


def _with_default(schema: Schema) -> Schema:
    default, text = schema.get("default"), schema.get("description", "")
    if not isinstance(default, str | int) or default in (False, "") or "default" in text.lower():
        return {}
    shown = str(default).lower() if isinstance(default, bool) else default
    return {"description": f"{text.rstrip('.')}. Default: {shown}."}


def _exclusive(schema: Schema, path: str) -> Schema:
    """Pydantic gives the exclusive limit as a number; Kubernetes expects the limit and a flag."""
    result: Schema = {}
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            if inclusive in schema:
                raise SchemaError(path, f"has both {inclusive} and {exclusive}: keep one")
            result |= {inclusive: schema[exclusive], exclusive: True}
    return result


def _require_bound(result: Schema, kind: str, path: str) -> None:
    """CEL's cost estimate assumes three megabytes for a value without a bound, and refuses the CRD."""
    bound = _BOUND.get(kind)
    free = {"enum", "properties", ANYTHING}
    bounded = bound in result or not free.isdisjoint(result) or result.get("format") == "date-time"
    if bound and not bounded:
        raise SchemaError(path, f"this {kind} has no bound: set max_length")
