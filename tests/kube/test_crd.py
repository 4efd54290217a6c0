"""A resource class becomes a CustomResourceDefinition."""

from __future__ import annotations

import pytest
from pydantic import Field

from ninefold.kube.crd import crd
from ninefold.kube.model import Column, Condition, Resource, Spec, Status
from ninefold.kube.schema import SchemaError


class LampStatus(Status):
    on: bool = Field(default=False, description="Whether it shines.")


class Lamp(Resource, plural="lamps", short_names=("lp",), columns=(Column("On", ".status.on", "boolean"),)):
    """A lamp."""

    spec: Spec
    status: LampStatus = Field(default_factory=LampStatus)


def test_names_scope_and_version() -> None:
    manifest = crd(Lamp)
    assert manifest["metadata"]["name"] == "lamps.ninefold.dev"
    assert manifest["spec"]["names"] == {
        "kind": "Lamp",
        "listKind": "LampList",
        "plural": "lamps",
        "singular": "lamp",
        "shortNames": ["lp"],
        "categories": ["sre"],
    }
    assert manifest["spec"]["scope"] == "Namespaced"
    version = manifest["spec"]["versions"][0]
    assert (version["name"], version["subresources"]) == ("v1alpha1", {"status": {}})


def test_nobody_has_looked_until_the_status_says_so() -> None:
    schema = crd(Lamp)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["default"] == {"observedGeneration": -1}
    assert schema["required"] == ["spec"]


def test_columns_end_with_ready_reason_and_age() -> None:
    columns = crd(Lamp)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [(column["name"], column.get("priority", 0)) for column in columns] == [
        ("On", 0),
        ("Ready", 0),
        ("Reason", 1),
        ("Age", 0),
    ]


def test_a_kind_may_place_a_common_column_itself() -> None:
    class Torch(
        Resource, plural="torches", columns=(Column("Ready", '.status.conditions[?(@.type=="Ready")].message'),)
    ):
        """A torch."""

        spec: Spec
        status: Status

    columns = crd(Torch)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns] == ["Ready", "Reason", "Age"]


@pytest.mark.parametrize("path", [".status.onn", ".spec.suspend.deep", ".status.conditions[0].verdict"])
def test_a_column_of_a_field_that_is_not_there_is_refused(path: str) -> None:
    class Torch(Resource, plural="torches", columns=(Column("On", path),)):
        """A torch."""

        spec: Spec
        status: Status

    with pytest.raises(SchemaError, match="names no field"):
        crd(Torch)


def test_a_kind_without_docstring_is_refused() -> None:
    class Torch(Resource, plural="torches"):
        spec: Spec
        status: Status

    with pytest.raises(SchemaError, match="docstring"):
        crd(Torch)


def test_a_kind_whose_spec_may_be_missing_is_refused() -> None:
    class Torch(Resource, plural="torches"):
        """A torch."""

        spec: Spec | None  # type: ignore[assignment]
        status: Status

    with pytest.raises(SchemaError, match="must be one model"):
        crd(Torch)


def test_conditions_require_what_kubernetes_requires() -> None:
    schema = crd(Lamp)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    item = schema["properties"]["status"]["properties"]["conditions"]["items"]
    assert item["required"] == ["type", "status", "lastTransitionTime", "reason", "message"]
    assert set(item["properties"]) == {name if name == "type" else _wire(name) for name in Condition.model_fields}


def _wire(name: str) -> str:
    return Condition.model_fields[name].alias or name
