"""The identity of an objective: what its measurements depend on, to compare later. Pure.

Each digest covers the objective and, of a composite, all its components.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from ninefold.domain.selectors.objectives import selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.conditions import NAME_TAKEN, STALLED, WRITE_REFUSED
from ninefold.kube.errors import Stalled
from ninefold.reliability.errorbudgetpolicy.status import Identity
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

Find = Callable[[str], Manifest | None]
"""Looks an objective of the namespace up by its name."""

_COMPILED = 10_000
_FAMILY = 256
"""How many components an identity covers, direct and indirect."""


class Identities:
    """The identities of objectives; compiles what an objective counts once for each generation."""

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[Key, str, int], str] = OrderedDict()

    def of(self, slo: Manifest, find: Find, corrections: Iterable[Manifest]) -> Identity:
        family = family_of(slo, find)
        parts = [part for _, part in family if part is not None]
        excused = [(n, c["metadata"]["name"]) for c in corrections for n, part in enumerate(parts) if _applies(c, part)]
        spec = slo.get("spec", {})
        return Identity(
            indicator=_digest([(name, self._counts(part) if part else None) for name, part in family] + _asked(family)),
            window=_window(slo),
            objective=str(spec.get("objective", ""))[:16],
            objects=_digest([part["metadata"].get("uid", "") for part in parts]),
            labels=_digest(
                [(part.get("spec", {}).get("service"), part["metadata"].get("labels") or {}) for part in parts]
            ),
            corrections=_digest(sorted(excused)),
            suspended=any(part.get("spec", {}).get("suspend", False) for part in parts),
        )

    def _counts(self, slo: Manifest) -> str:
        """A digest of the syntax tree if the objective compiles, so that the layout of a query does not matter."""
        metadata = slo["metadata"]
        key = (Key.of(slo), metadata.get("uid", ""), metadata.get("generation", 0))
        if key not in self._counted:
            self._counted[key] = _digest(_compiled(slo))
            while len(self._counted) > _COMPILED:
                self._counted.popitem(last=False)
        return self._counted[key]


def is_in_force(slo: Manifest) -> bool:
    """Whether Prometheus evaluates the rules of the present spec, according to the status."""
    status, metadata = slo.get("status") or {}, slo["metadata"]
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))
    return ready and status.get("observedGeneration") == metadata.get("generation")


def is_hindered(slo: Manifest) -> bool:
    """Whether the rules of an objective do not run, according to its status: Prometheus answers and does not evaluate
    them, or the operator cannot write them, because of another object with their name, a quota or another refusal."""
    status = slo.get("status") or {}
    rules = status.get("rules") or {}
    present = [c for c in status.get("conditions", ()) if c["status"] == "True"]
    return (
        rules.get("loaded") is False
        or rules.get("health") == "Failing"
        or any(c["type"] == WRITE_REFUSED or (c["type"], c.get("reason")) == (STALLED, NAME_TAKEN) for c in present)
    )


def last_manager(slo: Manifest) -> str:
    """The last field manager and its time, from managedFields: a claim of the client, not a proof."""
    entries = [e for e in slo["metadata"].get("managedFields", ()) if not e.get("subresource")]
    last = max(entries, key=lambda entry: str(entry.get("time", "")), default=None)
    return f"{str(last.get('manager', ''))[:120]} at {str(last.get('time', ''))[:30]}" if last else ""


def family_of(slo: Manifest, find: Find) -> Sequence[tuple[str, Manifest | None]]:
    """The objective under the name "", then its components, their components, and so on, each once."""
    family: dict[str, Manifest | None] = {"": slo}
    waiting = _components(slo)
    while waiting and len(family) < _FAMILY:
        name = waiting.pop(0)
        if name not in family:
            part = family[name] = find(name)
            waiting += _components(part) if part else []
    return list(family.items())


def _asked(family: Iterable[tuple[str, Manifest | None]]) -> list[tuple[str, str]]:
    """The Prometheus that each objective names: another Prometheus has other data, whatever the query."""
    named = ((name, (part or {}).get("spec", {}).get("prometheus")) for name, part in family)
    return [(name, str(prometheus)) for name, prometheus in named if prometheus]


def _components(slo: Manifest) -> list[str]:
    composite = (slo.get("spec", {}).get("indicator") or {}).get("composite") or {}
    return [component["objective"] for component in composite.get("components") or ()]


def _applies(correction: Manifest, slo: Manifest) -> bool:
    return selects(correction.get("spec", {}).get("objectives") or {}, slo)


def _compiled(slo: Manifest) -> object:
    spec = slo.get("spec", {})
    try:
        target = Target.of(ServiceLevelObjective.parse({"metadata": slo["metadata"], "spec": spec}))
        return [indicator.base(target, RecordedSeries("", target.groups)).rules, target.groups]
    except Stalled:
        return [spec.get("indicator"), spec.get("groupBy"), spec.get("timeSlices")]


def _window(slo: Manifest) -> str:
    window = slo.get("spec", {}).get("window") or {}
    calendar = window.get("calendar") or {}
    text = window.get("rolling") or f"{calendar.get('period', '')} {calendar.get('timeZone', 'UTC')}"
    return str(text)[:64]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
