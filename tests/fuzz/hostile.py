"""Objects as a stranger might write them: samples of ours with values that a schema takes and code may not hold."""

from __future__ import annotations

import copy
import random
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.processes import ROOT

Json = Any

_DEEP = ["(" * depth + "up" + ")" * depth for depth in (39, 41, 500, 2000)]
_WIDE = ["+".join(["up"] * terms) for terms in (2, 100, 1000, 2040)]
_TEXTS: Mapping[str, list[str]] = {
    "query": [
        *_DEEP,
        *_WIDE,
        "up",
        "-" * 100 + "up",
        'up{a=~"' + "(a|b)*" * 300 + '"}',
        'up{a="\\xff"}',
        "{",
        "up[5m] @ 9e99",
        "sum(rate(up[$window])) / 0",
        "sum(rate(up[$window:1s]))",
        "vector(1e400)",
        "up offset -1000000000y",
        "sum by (" + ",".join("abcdefgh") + ") (increase(up[$window]))",
        "up # " + "x" * 1000,
        "a or " * 90 + "b",
    ],
    "time": [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "1970-01-01T00:00:00Z",
        "8999-12-31T23:59:59Z",
        "2026-02-29T00:00:00Z",
        "2026-11-23t18:00:00.123456789z",
        "2026-11-23T18:00:60Z",
    ],
    "duration": ["1m", "0s", "9999w99999d999999h9999999m99999999s", "99999d", "1w1s", "400d", "1h30m", "9" * 31 + "w"],
    "window": ["1h", "30d", "400d", "1m", "99999d", "0d"],
    "local": ["2000-01-01T00:00", "2199-12-31T23:59", "2026-02-30T00:00", "2026-03-29T02:30", "2026-10-25T02:30"],
    "rrule": [
        "FREQ=DAILY",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=999;BYDAY=+5MO;BYSETPOS=-99",
        "FREQ=MONTHLY;BYDAY=-5SU,+5MO;BYSETPOS=1,-1",
        "FREQ=YEARLY;INTERVAL=999;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))),
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" + ",".join(map(str, range(24))),
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=" + ",".join(map(str, range(24))),
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=DAILY;BYSECOND=" + ",".join(map(str, range(60))),
        "FREQ=DAILY;BYHOUR=99",
        "FREQ=WEEKLY;BYDAY=+1MO;WKST=SU",
        "FREQ=YEARLY;BYSETPOS=99",
        "FREQ=MONTHLY;BYMONTHDAY=-31;BYMONTH=2",
    ],
    "cron": [
        "* * * * *",
        "0 0 30 2 *",
        "0 0 29 2 1",
        "0 0 29 2 1#5",
        "59 23 L 2 MON#5",
        "0 0 L * *",
        "0 0 * * 1#5",
        "*/7 1-23/5 * jan-dec sun",
        "60 24 32 13 8",
        "0 0 31 2,4,6,9,11 *",
        "@daily",
        "0 2 * * *",
        ",".join(map(str, range(60))) + " * * * *",
    ],
    "zone": [
        "UTC",
        "Europe/Paris",
        "America",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Etc/GMT+12",
        "A" * 64,
        "Nope/Nope",
    ],
    "number": ["0", "0.000000001", "999999999.999999999", "1", "100", "14.4", "0.0", "99.9999999", "99.9", "007"],
    "name": ["a", "checkout", "a.b", "x" * 253, "a-" * 100 + "a", "cluster.prod", "shop/checkout", "-", "1"],
    "image": ["a", "a:v1", "a@sha256:" + "0" * 64, "::::", "a" * 512, "host:99999/x:latest"],
    "text": [
        "",
        "x",
        "\U0001f680" * 20,
        "\u202eevil\u0000"[:6],
        "{{ $labels.x }}",
        "'\"`\\",
        "a" * 2000,
        "%s {} $1",
        "\n",
    ],
}
_BY_NAME = {
    **dict.fromkeys(
        ("query", "bad", "good", "total", "histogram", "selector", "success", "errorRatio", "metric"), "query"
    ),
    **dict.fromkeys(("rolling",), "window"),
    **dict.fromkeys(("rrule",), "rrule"),
    **dict.fromkeys(("schedule",), "cron"),
    **dict.fromkeys(("timeZone",), "zone"),
    **dict.fromkeys(("image", "images", "knownGoodImages"), "image"),
    **dict.fromkeys(("objective", "percent", "burnRate", "weight", "above", "target", "margin", "badAbove"), "number"),
    **dict.fromkeys(("budgetLeftBelow", "minimumCoverage", "confidence", "badBelow", "suspicion", "pace"), "number"),
    **dict.fromkeys(("for", "after", "longest", "staleAfter", "maxAge", "duration", "threshold", "within"), "duration"),
    **dict.fromkeys(("pageWithin", "resetWithin", "scrapeInterval", "long", "short", "slice"), "duration"),
    **dict.fromkeys(("name", "gate", "errorBudgetPolicy", "clusterReleaseGate", "service", "names"), "name"),
}


class Hostile:
    """Makes objects from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def mutant(self, manifest: Json, schema: Json) -> Json:
        """The object with one to four of its values, or of those it could have, made anew by the schema."""
        found = copy.deepcopy(manifest)
        for _ in range(self._random.randint(1, 4)):
            top = "status" if self._random.random() < 0.15 and "status" in schema["properties"] else "spec"
            self._mutate(found, top, schema["properties"][top], required=True)
        return found

    def _mutate(self, holder: Any, name: str | int, schema: Json, required: bool = False) -> None:
        """Walk down and replace what is there at some depth."""
        value = holder.get(name) if isinstance(holder, dict) else holder[name]
        deeper = self._random.random() < 0.85
        if deeper and schema.get("properties") and isinstance(value, dict | None):
            if value is None:
                holder[name] = self.value(schema, str(name))
                return
            member = self._random.choice(sorted(schema["properties"]))
            self._mutate(value, member, schema["properties"][member], member in schema.get("required", ()))
        elif deeper and schema.get("type") == "array" and isinstance(value, list) and value:
            self._mutate(value, self._random.randrange(len(value)), schema["items"])
        elif not required and "default" not in schema and self._random.random() < 0.1 and isinstance(holder, dict):
            holder.pop(name, None)
        else:
            holder[name] = self.value(schema, str(name))

    def value(self, schema: Json, name: str = "") -> Json:
        """A value that the schema takes, as far as types, enums, lengths and bounds go."""
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        match schema.get("type"):
            case "string":
                return self._text(schema, name)
            case "integer":
                return self._random.choice([schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1), 0, 1, 7])
            case "boolean":
                return self._random.random() < 0.5
            case "array":
                most = min(schema.get("maxItems", 8), self._random.choice([0, 1, 2, 3, 64]))
                return [self.value(schema["items"], name) for _ in range(max(most, schema.get("minItems", 0)))]
            case "object":
                return self._object(schema)
        return self._random.choice([None, {}, [], "x", 1])

    def _object(self, schema: Json) -> Json:
        if "additionalProperties" in schema and "properties" not in schema:
            inner = schema["additionalProperties"]
            inner = inner if isinstance(inner, dict) else {"type": "string", "maxLength": 63}
            return {self._word(): self.value(inner) for _ in range(self._random.choice([0, 1, 3]))}
        required, found = set(schema.get("required", ())), {}
        for member, inner in schema.get("properties", {}).items():
            # The API server fills in what has a default.
            if member in required or "default" in inner or self._random.random() < 0.35:
                found[member] = self.value(inner, member)
        return found

    def _text(self, schema: Json, name: str) -> str:
        kind = "time" if schema.get("format") == "date-time" else _BY_NAME.get(name, "text")
        if schema.get("maxLength") == 16 and schema.get("minLength") == 16:
            kind = "local"
        if self._random.random() < 0.05:
            kind = self._random.choice(sorted(_TEXTS))
        found = self._random.choice(_TEXTS[kind])
        found = found[: schema.get("maxLength", 1_000_000)]
        return found.ljust(schema.get("minLength", 0), "x")

    def _word(self) -> str:
        return "".join(self._random.choices(string.ascii_lowercase, k=self._random.choice([1, 5, 63])))


def schemas() -> dict[str, Json]:
    """The schema of each kind that people write, by its name."""
    found = {}
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(file.read_text())
        if crd["kind"] == "CustomResourceDefinition":
            found[crd["spec"]["names"]["kind"]] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def samples(folder: Path = ROOT / "manifests/samples") -> dict[str, list[Json]]:
    """Our samples by kind."""
    found: dict[str, list[Json]] = {}
    for file in sorted(folder.glob("**/*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document and document.get("apiVersion", "").startswith("ninefold.dev/"):
                found.setdefault(document["kind"], []).append(document)
    return found
