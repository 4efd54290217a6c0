"""Corrections for tests."""

from __future__ import annotations

from typing import Any

from ninefold.reliability.correction.resource import Correction

SUNDAYS = {"rrule": "FREQ=WEEKLY;BYDAY=SU", "start": "2026-11-01T02:00", "duration": "2h", "timeZone": "Europe/Paris"}
ONCE = {"start": "2026-11-23T18:00:00Z", "end": "2026-11-23T19:30:00Z"}


def manifest(name: str = "upkeep", **spec: Any) -> dict[str, Any]:
    """Sundays at two in Paris, unless `once` or another `recurring` is given."""
    timing = {} if "once" in spec or "recurring" in spec else {"recurring": SUNDAYS}
    return {
        "apiVersion": Correction.api.api_version,
        "kind": "Correction",
        "metadata": {"name": name, "namespace": "shop", "uid": "u", "generation": 1},
        "spec": {"objectives": {"service": "checkout"}, "reason": "The database is moved.", **timing, **spec},
    }


def correction(name: str = "upkeep", created: str = "", **spec: Any) -> Correction:
    made = manifest(name, **spec)
    if created:
        made["metadata"]["creationTimestamp"] = created
    return Correction.parse(made, strict=False)
