"""The machinery that every kind stands on. This face is the pure part; what does I/O has its own modules."""

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.model import Column, Condition, Metadata, Model, Resource, Spec, Status
from ninefold.kube.plan import Effect, Note, Plan, Verdict

__all__ = [
    "Api",
    "Column",
    "Condition",
    "Effect",
    "Key",
    "Manifest",
    "Metadata",
    "Model",
    "Note",
    "Plan",
    "Resource",
    "Spec",
    "Stalled",
    "Status",
    "Verdict",
    "Waiting",
]
