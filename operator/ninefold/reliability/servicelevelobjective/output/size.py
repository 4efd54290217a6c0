"""Whether an object can contain the rules of an objective. Pure.

prometheus-operator puts rule files into ConfigMaps, and stops for all objects if a file is above 512 KiB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ninefold.kube.errors import Stalled

LIMIT = 512 * 1024
"""The most bytes of a rule file, in any format."""

_INDENT, _FOLD = 12, 3
"""Another YAML writer indents each line, and may fold long lines of tabs and blanks: a third more."""


def check(content: Mapping[str, Any]) -> None:
    """Raises Stalled for a rule file that would be too large."""
    size = written(content)
    if size <= LIMIT:
        return
    raise Stalled(
        "TooLarge",
        f"spec: its rules take up to {size // 1024 + 1} KiB as a file, and prometheus-operator accepts no file above "
        f"{LIMIT // 1024}: shorten {_largest(content)}",
    )


def written(content: Mapping[str, Any]) -> int:
    """The most bytes that a rule file of this content takes in YAML or JSON."""
    # No other form makes a character longer than JSON's escapes do.
    text = json.dumps(content)
    return len(text) + len(text) // _FOLD + (text.count("\\n") + text.count(",")) * _INDENT


def _largest(content: Mapping[str, Any]) -> str:
    """The largest part of the rules, by the name of its field."""
    rules = [rule for group in content["groups"] for rule in group["rules"]]
    parts = {
        "the expressions of spec.indicator": [rule["expr"] for rule in rules],
        "spec.alerting.labels": [rule["labels"] for rule in rules if "alert" in rule],
        "spec.alerting.annotations": [rule["annotations"] for rule in rules if "alert" in rule],
    }
    return max(parts, key=lambda name: len(json.dumps(parts[name])))
