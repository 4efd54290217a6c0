"""Flagger's webhooks. It reads the status code alone: 200 is yes, above 202 is no. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from ninefold.kube.api import Key
from ninefold.kube.store import Store
from ninefold.release.gate_api.answer import Answer
from ninefold.release.gate_api.question import Question, WrongCall, question
from ninefold.release.release.revision import read
from ninefold.release.workloads.workload import WORKLOADS

_OWN = ("signature", "rollbackOn")


class Payload(BaseModel):
    """What Flagger posts. Our part of it is `metadata`, written in the canary."""

    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field(min_length=1, max_length=253)
    checksum: str = Field(default="", max_length=253)
    metadata: dict[str, str] = Field(default_factory=dict, max_length=32)


@dataclass(frozen=True, slots=True)
class Hook:
    """A call of a webhook: of which canary, with which signature, about which gate."""

    canary: Key
    signature: str
    question: Question
    on_any_deny: bool
    """metadata.rollbackOn is Deny: where no revision is blamed, a Deny is enough to roll back."""


def hook(body: bytes, store: Store) -> Hook:
    """Raises WrongCall. The namespace is that of the canary, so a signature cannot ask about another one."""
    try:
        payload = Payload.model_validate_json(body)
    except ValidationError:
        raise WrongCall("the body is not what Flagger posts: JSON with name, namespace and metadata") from None
    canary, metadata = Key(payload.namespace, payload.name), payload.metadata
    if metadata.get("rollbackOn", "Deny") != "Deny":
        raise WrongCall("metadata.rollbackOn: write Deny, or leave it out to roll back only what is blamed")
    pairs = [(name, value) for name, value in metadata.items() if name not in _OWN]
    asked = question([("namespace", canary.namespace), *pairs, *_revisions(payload, store)])
    return Hook(canary, metadata.get("signature", ""), asked, "rollbackOn" in metadata)


def _revisions(payload: Payload, store: Store) -> list[tuple[str, str]]:
    """What is being released: Flagger's checksum, and the revision that the workload of the canary's name has."""
    found = [payload.checksum]
    for api in WORKLOADS:
        manifest = store.get(api, Key(payload.namespace, payload.name))
        revision = read(api.kind, manifest) if manifest else None
        found += (revision.hash, *revision.images) if revision else ()
    return [("revision", each) for each in found]


def confirmed(answer: Answer) -> bool:
    """Whether a rollout may begin or go on."""
    return answer.decision == "Allow"


def rolls_back(answer: Answer, hook: Hook) -> bool:
    """Whether to undo it: only on a fresh Deny that blames it, or blames nothing while the canary asks for that."""
    if answer.decision != "Deny" or answer.stale:
        return False
    return answer.abort or (hook.on_any_deny and not answer.blames)
