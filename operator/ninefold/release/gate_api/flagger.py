"""Flagger's webhooks. Flagger reads only the status code: 200 means yes, a code above 202 means no. Pure."""

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
    """The body that Flagger posts. Its `metadata`, which the canary contains, is meant for Ninefold."""

    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field(min_length=1, max_length=253)
    checksum: str = Field(default="", max_length=253)
    metadata: dict[str, str] = Field(default_factory=dict, max_length=32)


@dataclass(frozen=True, slots=True)
class Hook:
    """A call of a webhook: its canary, its signature, and its question about gates."""

    canary: Key
    signature: str
    question: Question
    on_any_deny: bool
    """Whether metadata.rollbackOn is Deny: if no revision is blamed, a Deny is enough to roll back."""


def hook(body: bytes, store: Store) -> Hook:
    """Parses a call. The namespace is that of the canary, so a signature cannot ask about another namespace. Raises
    WrongCall."""
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
    """Returns the names of the released revision: Flagger's checksum, and the hash and images of the workload with the
    canary's name."""
    names = [payload.checksum]
    for api in WORKLOADS:
        manifest = store.get(api, Key(payload.namespace, payload.name))
        revision = read(api.kind, manifest) if manifest else None
        names += (revision.hash, *revision.images) if revision else ()
    return [("revision", name) for name in names]


def confirmed(answer: Answer) -> bool:
    """Whether a rollout may begin or continue."""
    return answer.decision == "Allow"


def rolls_back(answer: Answer, hook: Hook) -> bool:
    """Whether Flagger must undo the rollout: only on a fresh Deny that blames it, or that blames nothing if the canary
    asks for a rollback on any Deny."""
    if answer.decision != "Deny" or answer.stale:
        return False
    return answer.abort or (hook.on_any_deny and not answer.blames)
