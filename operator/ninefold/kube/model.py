"""The structure that every kind shares: a resource is a pydantic model from which its CRD is generated. Pure.

class Light(Resource, plural="lights", short_names=("li",), columns=(Column("On", ".status.on"),)):
    '''A lamp.'''
    spec: LightSpec
    status: LightStatus = Field(default_factory=LightStatus)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ninefold.kube.api import GROUP, VERSION, Api, Key, Manifest
from ninefold.kube.errors import UNREADABLE, Stalled
from ninefold.kube.faults import sentence
from ninefold.kube.fields import VALIDATIONS, Cel, Timestamp

RECONCILE = f"{GROUP}/reconcile"
"""The annotation that requests a reconciliation now; any new value counts."""


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of `kubectl get`."""

    name: str
    path: str
    type: Literal["string", "integer", "date", "boolean"] = "string"
    wide: bool = False
    absent: str = ""
    """What it means that nothing is written there, where that is a value. kubectl shows nothing."""


class Model(BaseModel):
    """A part of a resource: snake_case here, camelCase on the wire.

    Class arguments: `exactly_one_of` names optional members of which exactly one must be set (a union as in the API
    conventions), `at_least_one_of` likewise, `rules` adds CEL rules.
    Unknown fields are ignored: the API server prunes them, and an older operator must read a newer object.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")
    cel_rules: ClassVar[tuple[Cel, ...]] = ()

    def __init_subclass__(
        cls,
        *,
        exactly_one_of: tuple[str, ...] = (),
        at_least_one_of: tuple[str, ...] = (),
        rules: tuple[Cel, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.cel_rules = (
            *cls.cel_rules,
            *_member_rule(exactly_one_of, "exactly"),
            *_member_rule(at_least_one_of, "at least"),
            *rules,
        )

    def wire(self) -> dict[str, Any]:
        """As the API server stores it: wire names, without fields that are not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        for rule in self.cel_rules:
            rule.require(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        result = handler(schema)
        if cls.cel_rules:
            # handler() may return a reference; the rules belong to its target.
            handler.resolve_ref_schema(result)[VALIDATIONS] = [rule.as_json() for rule in cls.cel_rules]
        return result


def _member_rule(members: tuple[str, ...], how: Literal["exactly", "at least"]) -> tuple[Cel, ...]:
    if not members:
        return ()
    wire = [to_camel(member) for member in members]
    count = f"[{', '.join(f'has(self.{name})' for name in wire)}].filter(set, set).size()"
    names = f"{', '.join(wire[:-1])} or {wire[-1]}" if len(wire) > 1 else wire[0]

    def check(model: Any) -> bool:
        members_set = sum(getattr(model, member) is not None for member in members)
        return members_set == 1 if how == "exactly" else members_set >= 1

    return (Cel(f"{count} {'==' if how == 'exactly' else '>='} 1", f"set {how} one of {names}", check),)


class Condition(Model):
    """One observation about the resource, as in Kubernetes' own conditions."""

    type: str = Field(
        description="What is observed: Ready, Reconciling, Stalled, or a condition of the kind.",
        max_length=316,
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition is true.")
    observed_generation: int = Field(default=0, description="The generation of the spec that this was observed for.")
    last_transition_time: Timestamp = Field(description="When the status last changed.")
    reason: str = Field(description="Why, as one CamelCase word.", max_length=1024)
    message: str = Field(description="Why, as a sentence.", max_length=32768)


class ObjectRef(Model):
    """An object that the controller made for this resource."""

    api_version: str = Field(description="The API version of the object.", max_length=253)
    kind: str = Field(description="The kind of the object.", max_length=63)
    name: str = Field(description="The name of the object.", max_length=253)


class EffectRecord(Model):
    """An effect outside the cluster. It is recorded before it is carried out, and its outcome after (effects.py)."""

    key: str = Field(
        description="A key that is unique to the effect; the far side recognizes a repetition by it.", max_length=253
    )
    action: str = Field(description="The action, as one word such as page.", max_length=63)
    state: Literal["Running", "Retrying", "Succeeded", "Failed", "Withdrawn"] = Field(
        description="Running from before an attempt until its outcome is recorded, Retrying between two attempts;"
        " Withdrawn if the effect was no longer wanted before it had an outcome."
    )
    attempts: int = Field(
        ge=1, description="The number of attempts. An attempt that a crash interrupted is made again."
    )
    started_at: Timestamp = Field(description="When the last attempt began.")
    finished_at: Timestamp | None = Field(
        default=None, description="When the effect succeeded, failed or was withdrawn."
    )
    retry_at: Timestamp | None = Field(default=None, description="When the next attempt is due.")
    message: str = Field(default="", max_length=1024, description="The result of the last attempt, as a sentence.")

    @property
    def finished(self) -> bool:
        """Whether the effect needs no further attempt."""
        return self.state in ("Succeeded", "Failed", "Withdrawn")


class Spec(Model):
    """What a user may write on every kind."""

    suspend: bool = Field(
        default=False, description="Stop reconciling: everything stays unchanged until this is false again."
    )


class Status(Model):
    """What the controller writes on every kind. `plan` sets the kind's own fields, the reconciler these."""

    observed_generation: int = Field(
        default=-1,
        description="The generation of the spec that this status describes; -1 before the first reconciliation.",
    )
    conditions: Annotated[
        list[Condition],
        Field(
            default_factory=list,
            max_length=16,
            description="Ready, Reconciling and Stalled as kstatus defines them, and the kind's own.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ]
    inventory: Annotated[
        list[ObjectRef],
        Field(
            default_factory=list,
            max_length=64,
            description="The objects made for this resource; an object that leaves the list is deleted.",
        ),
    ]
    effects: Annotated[
        list[EffectRecord],
        Field(
            default_factory=list,
            max_length=384,
            description="Effects outside the cluster: those that are wanted, and the latest that are no longer wanted.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"]},
        ),
    ]
    last_handled_reconcile_at: str | None = Field(
        default=None,
        max_length=253,
        description="The last value of the annotation ninefold.dev/reconcile that was acted on.",
    )


class Metadata(Model):
    """The part of ObjectMeta that controllers read."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None

    @property
    def key(self) -> Key:
        return Key(self.namespace, self.name)


class Resource(Model):
    """A custom resource of Ninefold. Subclasses declare `spec` and `status` and name themselves by class arguments."""

    api: ClassVar[Api]
    short_names: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = ()
    in_category: ClassVar[bool] = True
    """Whether `kubectl get sre` lists it; False for kinds with so many objects that they would hide all others."""

    metadata: Metadata
    spec: Spec
    status: Status

    def __init_subclass__(
        cls,
        *,
        plural: str = "",
        short_names: tuple[str, ...] = (),
        columns: tuple[Column, ...] = (),
        namespaced: bool = True,
        in_category: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.in_category = in_category
        cls.api = Api(GROUP, VERSION, cls.__name__, plural, namespaced)
        cls.short_names = short_names
        cls.columns = columns

    @property
    def key(self) -> Key:
        return self.metadata.key

    @classmethod
    def parse(cls, manifest: Manifest, *, strict: bool = False) -> Self:
        """The model of a stored or written object; `strict` also refuses unknown fields, for users' files.

        Raises Stalled("InvalidSpec") with one sentence per fault.
        """
        try:
            return cls.model_validate(
                {name: manifest[name] for name in ("metadata", "spec", "status") if name in manifest},
                extra="forbid" if strict else "ignore",
            )
        except ValidationError as error:
            raise Stalled("InvalidSpec", explain(error)) from None
        except UNREADABLE as error:
            raise Stalled("InvalidSpec", f"it cannot be read ({type(error).__name__}): write simpler values") from error


def faults(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    """Each fault as the path to the field, by wire names, and a sentence."""
    return [(fault["loc"], sentence(fault)) for fault in error.errors(include_url=False, include_input=False)]


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it.

    >>> dotted(("spec", "rules", 0, "when"))
    'spec.rules[0].when'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def explain(error: ValidationError) -> str:
    """A validation error as sentences with paths: "spec.indicator: set exactly one of ratio or latency"."""
    sentences = [f"{dotted(path)}: {text}" if path else text for path, text in faults(error)]
    return "; ".join(sentences[:8])


__all__ = [
    "RECONCILE",
    "Column",
    "Condition",
    "EffectRecord",
    "Metadata",
    "Model",
    "ObjectRef",
    "Resource",
    "Spec",
    "Status",
    "dotted",
    "explain",
    "faults",
]
