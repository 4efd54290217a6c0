"""The types of an objective's fields, each with its schema, its rule and its message. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from ninefold.kube.fields import Cel, Percent, matches, quoted, seconds

SHORTEST, LONGEST = 3_600, 400 * 86_400
"""Bounds of the objective's window in seconds: one hour to 400 days."""

RESERVED = (
    "alertname",
    "slo_id",
    "slo_namespace",
    "slo_name",
    "slo_group",
    "service",
    "severity",
    "burn_tier",
    "burn_rank",
)
"""Labels of an alert that only the compiler writes."""

NOT_A_GROUP = (*RESERVED, "le", "quantile", "part", "period", "component", "alertstate")
"""Labels by which an objective cannot be grouped: they have another meaning on its series."""

_WINDOW = "[0-9]{1,6}[mhdw]"
_UNITS = "{'m': 1, 'h': 60, 'd': 1440, 'w': 10080}"
MINUTES = f"int(self.substring(0, self.size() - 1)) * {_UNITS}[self.substring(self.size() - 1)]"
"""CEL: the minutes of a window, `self`."""

_PLACEHOLDER = (
    r"\{\{ *[$](value|(labels|externalLabels)[.][a-zA-Z_][a-zA-Z0-9_]*)"
    r"( *[|] *(humanize|humanize1024|humanizeDuration|humanizePercentage))? *\}\}"
)
_LABEL_NAME = "[a-zA-Z_][a-zA-Z0-9_]{0,127}"


def _is_window(value: str, shortest: int, step: int) -> bool:
    """Whether a window is within bounds and a multiple of `step`; both in seconds."""
    if re.fullmatch(_WINDOW, value) is None:
        return False
    return shortest <= seconds(value) <= LONGEST and seconds(value) % step == 0


Objective = Annotated[
    Percent,
    Cel(
        "double(self) > 0.0 && double(self) < 100.0",
        'write an objective above 0 and below 100, such as "99.9": 100 leaves no error budget to spend',
        lambda value: 0 < Decimal(value) < 100,
    ),
]
"""A percentage that leaves an error budget."""

RollingWindow = Annotated[
    str,
    Field(min_length=2, max_length=8),
    Cel(
        f"self.matches('^{_WINDOW}$') && {MINUTES} >= 60 && {MINUTES} <= 576000",
        "write a window of 1h to 400d in one unit, such as 30d, 4w, 36h or 90m",
        lambda value: _is_window(value, SHORTEST, 60),
    ),
]
"""The window of an objective in one unit, such as "30d" or "90m"."""

AlertWindow = Annotated[
    str,
    Field(min_length=2, max_length=8),
    Cel(
        f"self.matches('^{_WINDOW}$') && {MINUTES} >= 5 && {MINUTES} <= 576000 && {MINUTES} % 5 == 0",
        "write an alert window in one unit and whole multiples of 5m, such as 5m, 30m, 1h or 3d",
        lambda value: _is_window(value, 300, 300),
    ),
]
"""A window of an alert tier: a whole multiple of the 5 m over which events are counted."""

Hold = Annotated[
    str,
    Field(min_length=2, max_length=8),
    Cel(
        f"self.matches('^{_WINDOW}$') && {MINUTES} >= 1 && {MINUTES} <= 576000",
        "write a time in one unit and whole minutes, such as 2m, 15m or 1h",
        lambda value: _is_window(value, 60, 60),
    ),
]
"""How long a condition holds before an alert fires."""

Query = Annotated[str, Field(min_length=1, max_length=4096)]
"""A series selector, or PromQL with `[$window]`. The compiler parses it."""

PlainText = Annotated[
    str,
    Field(max_length=1024),
    Cel("!self.contains('{{')", "write plain text: '{{' would start a template", lambda value: "{{" not in value),
]
"""Text for an annotation, where Prometheus would expand a template; an invalid template blocks the whole file."""

TemplateText = Annotated[
    str,
    Field(max_length=1024),
    matches(
        r"([^{]|\{[^{]|" + _PLACEHOLDER + r")*\{?",
        "in double braces write only {{ $value }}, {{ $labels.name }} or {{ $externalLabels.name }}, with an optional "
        "'| humanize'",
    ),
]
"""Text that may contain the simple placeholders of Prometheus."""

AlertName = Annotated[
    str,
    Field(min_length=1, max_length=128),
    matches(r"[^{}\n\r]+", "write the name in one line and without braces, such as CheckoutAvailability"),
]
"""The name of alerts: their label alertname."""

_LABEL_NAMES = Cel(
    f"self.all(name, name.matches('^{_LABEL_NAME}$') && !name.startsWith('__'))",
    "write label names of letters, digits and '_', not beginning with a digit or '__'",
    lambda labels: all(re.fullmatch(_LABEL_NAME, name) and not name.startswith("__") for name in labels),
)
_NOT_RESERVED = Cel(
    f"self.all(name, !(name in {list(RESERVED)}))",
    f"choose other label names: {', '.join(RESERVED)} are written by Ninefold",
    lambda labels: not set(labels) & set(RESERVED),
)

Labels = Annotated[dict[str, TemplateText], Field(default_factory=dict, max_length=16), _LABEL_NAMES, _NOT_RESERVED]
"""Labels to add to alerts."""

Annotations = Annotated[dict[str, TemplateText], Field(default_factory=dict, max_length=16), _LABEL_NAMES]
"""Annotations to add to alerts."""


GroupLabel = Annotated[
    str,
    Field(min_length=1, max_length=128),
    Cel(
        f"self.matches('^{_LABEL_NAME}$') && !self.startsWith('__') && !(self in {list(NOT_A_GROUP)})",
        f"write the name of a label of your series, other than {', '.join(NOT_A_GROUP)}",
        lambda name: bool(re.fullmatch(_LABEL_NAME, name)) and not name.startswith("__") and name not in NOT_A_GROUP,
    ),
]
"""A label of the user's series, which the recordings keep."""

Level = Annotated[
    str,
    Field(min_length=1, max_length=24),
    BeforeValidator(quoted),
    matches(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", 'write a number as a decimal string such as "0.9" or "-5"'),
]
"""A level of a gauge, as a decimal string."""
