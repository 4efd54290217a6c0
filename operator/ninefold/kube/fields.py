"""Field types of the resources: each carries its schema, its CEL rule with a readable sentence, and the same check
in Python, so that the API server, `ninefold lint` and a test refuse the same input with the same words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, PlainSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ninefold.kube.errors import Stalled

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Cel:
    """A CEL rule on a field, its sentence, and the same check in Python (None where only the server can check)."""

    rule: str
    message: str
    check: Callable[[Any], bool] | None = None

    def as_json(self) -> dict[str, str]:
        return {"rule": self.rule, "message": self.message}

    def require(self, value: Any) -> Any:
        if self.check is not None and not self.check(value):
            # The message is a template to pydantic; a brace in this message must stay a brace.
            raise PydanticCustomError("cel", "{message}", {"message": self.message})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.require, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        result = handler(schema)
        result.setdefault(VALIDATIONS, []).append(self.as_json())
        return result


def matches(pattern: str, message: str) -> Cel:
    """A regular expression over the whole string. CEL says what to write; a schema `pattern` would only show itself."""
    compiled = re.compile(pattern)
    # In a single-quoted CEL literal a backslash is written twice.
    literal = pattern.replace("\\", "\\\\").replace("'", "\\'")
    return Cel(f"self.matches('^({literal})$')", message, lambda value: compiled.fullmatch(value) is not None)


def quoted(value: Any) -> Any:
    """YAML reads a bare 99.9 as a float, which cannot hold it exactly."""
    if isinstance(value, int | float):
        raise PydanticCustomError("quoted", "{message}", {"message": f'write it in quotes: "{value}"'})
    return value


# The digits keep every length below 500 years: it can be added to any `Timestamp`, and fits into Prometheus.
_DURATION = r"([0-9]{1,4}w)?([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,8}s)?"
_LENGTH = "([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}

Duration = Annotated[
    str,
    Field(min_length=2, max_length=32),
    matches(_DURATION, "write a duration such as 30d, 12h, 5m or 1h30m"),
]
"""A length of time as Prometheus writes it, units w d h m s in this order: "30d", "1h30m"."""

Percent = Annotated[
    str,
    Field(min_length=1, max_length=12),
    BeforeValidator(quoted),
    matches(r"[0-9]{1,3}(\.[0-9]{1,7})?", 'write a percentage as a decimal string such as "99.9"'),
]
"""A percentage as a decimal string, so that 99.9 stays 99.9: "0" to "999.9999999"; fields narrow it further."""

Number = Annotated[
    str,
    Field(min_length=1, max_length=20),
    BeforeValidator(quoted),
    matches(r"[0-9]{1,9}(\.[0-9]{1,9})?", 'write a number as a decimal string such as "14.4"'),
]
"""A number that is not negative, as a decimal string."""

ObjectName = Annotated[
    str,
    Field(min_length=1, max_length=253),
    matches(
        r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "write the name of an object: lower case letters, digits, '-' and '.'",
    ),
]
"""The name of an object in the same namespace."""

LabelValue = Annotated[
    str,
    Field(min_length=1, max_length=63),
    matches(
        r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?",
        "write at most 63 letters, digits, '-', '_' or '.', with a letter or digit at each end",
    ),
]
"""The value of a label."""

_ZONE = r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}"

TimeZone = Annotated[
    str,
    Field(min_length=3, max_length=64),
    matches(_ZONE, "write an IANA time zone such as Europe/Paris or UTC"),
]
"""The name of a time zone. Whether it exists depends on the release of the time zone database: `zone` looks it up."""

_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"

MatchLabels = Annotated[
    dict[str, LabelValue],
    Field(min_length=1, max_length=16),
    Cel(
        f"self.all(key, key.matches('^({_LABEL_KEY})$'))",
        "write the keys of labels, such as app or app.kubernetes.io/name",
        lambda labels: all(re.fullmatch(_LABEL_KEY, key) for key in labels),
    ),
]
"""Labels that an object must carry, all of them."""


FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""The bounds of a `Timestamp`. Every valid length of time can be added to and subtracted from a time within."""
_BOUNDS = f"write a time from {FIRST:%Y} to {LAST.year - 1}, such as 2026-11-23T18:00:00Z"


def _utc(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def _within(value: datetime) -> datetime:
    """Beyond the bounds an offset may exceed what Python can hold."""
    if not FIRST <= (value if value.tzinfo else value.replace(tzinfo=UTC)) < LAST:
        raise PydanticCustomError("cel", "{message}", {"message": _BOUNDS})
    return value


def rfc3339(value: datetime) -> str:
    """Seconds in UTC, as Kubernetes writes times: "2026-11-23T18:00:00Z"."""
    return _utc(value).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp = Annotated[
    datetime,
    AfterValidator(_within),
    AfterValidator(_utc),
    Cel(f"self >= timestamp('{rfc3339(FIRST)}') && self < timestamp('{rfc3339(LAST)}')", _BOUNDS),
    PlainSerializer(rfc3339, return_type=str),
]
"""A moment, whole seconds, UTC."""


def moment(value: Any) -> datetime | None:
    """An RFC 3339 time from an object that is not validated; None for any other value."""
    try:
        parsed = datetime.fromisoformat(value.upper())
        return _utc(_within(parsed)) if parsed.tzinfo else None
    except (AttributeError, TypeError, ValueError):
        return None


def number(value: Any) -> float | None:
    """A number as text from an object that is not validated; None for any other value."""
    try:
        parsed = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) else None


@lru_cache(maxsize=1_024)
def seconds(duration: str) -> int:
    """The seconds of a `Duration`.

    >>> seconds("1h30m")
    5400
    """
    if not duration or not re.fullmatch(_LENGTH, duration):
        raise ValueError(f"{duration!r} is not a duration such as 30d, 12h, 5m or 1h30m")
    return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9]+)([wdhms])", duration))


@lru_cache(maxsize=1_024)
def duration(length: int) -> str:
    """Seconds as the shortest `Duration` in one unit that is exact.

    >>> duration(5400), duration(2_592_000)
    ('90m', '30d')
    """
    for unit in ("d", "h", "m"):
        if length and length % _SECONDS[unit] == 0:
            return f"{length // _SECONDS[unit]}{unit}"
    return f"{length}s"


def rough(length: float) -> str:
    """Seconds as people say them, in the largest unit of which there are at least two.

    >>> rough(111), rough(1849), rough(21_638)
    ('111s', '31m', '6h')
    """
    for unit in ("d", "h", "m"):
        if length >= 2 * _SECONDS[unit]:
            return f"{round(length / _SECONDS[unit])}{unit}"
    return f"{round(length)}s"


def figure(unit: str) -> BeforeValidator:
    """For a number with its unit in a status: any other text counts as not measured, no matter who wrote it."""

    def readable(value: Any) -> Any:
        try:
            return value if isfinite(float(str(value).removesuffix(unit))) else None
        except ValueError:
            return None

    return BeforeValidator(readable)


def percentage(shown: str) -> float:
    """The number of a percentage as users see it.

    >>> percentage("38.2 %"), percentage("-4.25 %")
    (38.2, -4.25)
    """
    return float(shown.removesuffix(" %"))


def zone(name: str, field: str) -> ZoneInfo:
    """The time zone with this name. Raises Stalled if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # An OSError for a directory of the database, such as America.
        raise Stalled(
            "UnknownTimeZone", f"{field}: there is no time zone {name}: write an IANA name such as Europe/Paris"
        ) from None


def ratio(percent: str) -> Decimal:
    """A `Percent` as an exact fraction: "99.9" is Decimal("0.999")."""
    return Decimal(percent) / 100
