"""The question of a delivery tool. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

By = Literal["gate", "workload", "service"]

_LONGEST = 600
_REVISIONS = 64


class WrongCall(Exception):
    """The call is invalid; the message is a sentence that says what to change."""


@dataclass(frozen=True, slots=True)
class Question:
    """Asks whether a change may pass now. `name` is the name of a gate, of a workload ("checkout" or
    "Deployment/checkout"), or of the service of an objective; `revisions` names what is being released: images and
    template hashes."""

    namespace: str
    by: By
    name: str
    revisions: tuple[str, ...] = ()
    paced: bool = False
    """Whether the question is about a step that waits its turn at a slower pace."""


def question(pairs: Iterable[tuple[str, str]]) -> Question:
    """Parses the parameters of a call. An empty parameter counts as left out, since templates render an unset value as
    empty. Raises WrongCall.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in ("namespace", *get_args(By), "revision", "paced"):
            raise WrongCall(
                f"{name[:100]!r} is not a parameter: use namespace, one of gate, workload, service, and revision, paced"
            )
        if len(value) > _LONGEST:
            raise WrongCall(f"{name} is longer than {_LONGEST} characters")
        if value:
            given.setdefault(name, []).append(value)
    for name, values in given.items():
        if name != "revision" and len(values) > 1:
            raise WrongCall(f"{name} is given more than once")
    asked: list[By] = [by for by in get_args(By) if by in given]
    if "namespace" not in given or len(asked) != 1:
        raise WrongCall("give namespace and exactly one of gate, workload or service")
    paced = given.get("paced", ["false"])[0]
    if paced not in ("true", "false"):
        raise WrongCall("paced: write true or false")
    revisions = given.get("revision", [])
    if len(revisions) > _REVISIONS:
        raise WrongCall(f"revision is given more than {_REVISIONS} times")
    return Question(given["namespace"][0], asked[0], given[asked[0]][0], tuple(revisions), paced == "true")
