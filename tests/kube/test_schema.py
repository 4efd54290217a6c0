"""Models become structural schemas, and what Kubernetes could not take is refused with the path and the way out."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from ninefold.kube.fields import VALIDATIONS, Cel, LabelValue, Percent
from ninefold.kube.model import Model, Status
from ninefold.kube.schema import Schema, SchemaError, structural


class Bulb(Model, exactly_one_of=("watts", "colour")):
    """A bulb, to whoever changes the code."""

    watts: int | None = Field(default=None, gt=0, le=100, description="Its power.")
    colour: Literal["Red", "Green"] | None = Field(default=None, description="Its colour.")


def field(annotation: Any, **keywords: Any) -> Schema:
    """The schema of one field of a model."""
    model = type(
        "Probe",
        (Model,),
        {"__annotations__": {"it": annotation}, "it": Field(description="It.", **keywords), "__module__": __name__},
    )
    found: Schema = structural(model, "Probe.spec", tell_defaults=True)["properties"]["it"]
    return found


def test_a_nested_model_is_inlined_under_the_description_of_its_field() -> None:
    schema = field(Bulb)
    assert schema["description"] == "It."
    assert schema["properties"]["watts"] == {
        "description": "Its power.",
        "type": "integer",
        "minimum": 0,
        "exclusiveMinimum": True,
        "maximum": 100,
    }
    assert schema["properties"]["colour"]["enum"] == ["Red", "Green"]
    assert schema[VALIDATIONS][0]["message"] == "set exactly one of watts or colour"
    assert "required" not in schema


def test_rules_of_a_field_add_to_those_of_its_type() -> None:
    schema = field(Annotated[Bulb | None, Cel("self.watts != 13", "13 W is unlucky")], default=None)
    assert [rule["message"] for rule in schema[VALIDATIONS]] == [
        "set exactly one of watts or colour",
        "13 W is unlucky",
    ]


@pytest.mark.parametrize(
    ("annotation", "keywords", "expected"),
    [
        (str, {"max_length": 5}, {"type": "string", "maxLength": 5}),
        (str | None, {"max_length": 5}, {"type": "string", "maxLength": 5}),
        (Literal["x"], {}, {"type": "string", "enum": ["x"]}),
        (bool, {"default": False}, {"type": "boolean"}),
        (
            list[Annotated[str, Field(max_length=3)]],
            {"max_length": 2, "min_length": 1},
            {"type": "array", "maxItems": 2, "minItems": 1, "items": {"type": "string", "maxLength": 3}},
        ),
        (
            dict[str, Annotated[str, Field(max_length=3)]],
            {"max_length": 2},
            {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 3}},
        ),
    ],
)
def test_forms(annotation: Any, keywords: dict[str, Any], expected: Schema) -> None:
    assert field(annotation, **keywords) == {"description": "It.", **expected}


@pytest.mark.parametrize(
    ("default", "told"),
    [("10m", "It. Default: 10m."), (5, "It. Default: 5."), (True, "It. Default: true."), (None, "It."), (False, "It.")],
)
def test_a_default_is_told_and_not_written(default: Any, told: str) -> None:
    annotation = type(default) | None if default is not None else int | None
    keywords = {"max_length": 9} if isinstance(default, str) else {}
    schema = field(annotation, default=default, **keywords)
    assert schema["description"] == told
    assert "default" not in schema


class Nest(Model):
    inner: Nest | None = Field(default=None, description="Another.")


class Silent(Model):
    word: bool = False


@pytest.mark.parametrize(
    ("annotation", "keywords", "sentence"),
    [
        (float, {}, "floating-point"),
        (Decimal, {}, "a union of types"),
        (int | bool, {}, "a union of types"),
        (Any, {}, "has no type"),
        (dict[str, Any], {"max_length": 3}, "a map of anything"),
        (list[Any], {"max_length": 3}, "has no type"),
        (tuple[int, int], {}, "a tuple"),
        (set[int], {"max_length": 3}, "a set"),
        (str, {}, "this string has no bound"),
        (list[int], {}, "this array has no bound"),
        (dict[str, int], {}, "this object has no bound"),
        (dict[LabelValue, int], {"max_length": 3}, "keys of a map"),
        (int, {"multiple_of": 3}, "multipleOf has no form"),
        (int, {"gt": 3, "json_schema_extra": {"minimum": 1}}, "both minimum and exclusiveMinimum"),
        (Nest, {}, "Nest holds itself"),
        (Silent, {}, "has no description"),
    ],
)
def test_what_kubernetes_could_not_take_is_refused(annotation: Any, keywords: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SchemaError, match=sentence) as refused:
        field(annotation, **keywords)
    assert refused.value.path.startswith("Probe.spec.it")


def test_the_path_leads_into_lists_and_maps() -> None:
    with pytest.raises(SchemaError) as refused:
        field(dict[str, list[Silent]], max_length=2)
    assert refused.value.path == "Probe.spec.it[*][].word"


def test_conditions_merge_by_type() -> None:
    conditions = structural(Status, "Status")["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_field_types_keep_their_rule() -> None:
    assert field(Percent)[VALIDATIONS][0]["message"] == 'write a percentage as a decimal string such as "99.9"'
