"""Numbers in the labels le and quantile, in every form that Prometheus uses for them. Pure.

Prometheus 3 stores whole numbers as "1.0" where Prometheus 2 kept the "1" of the exposition, and large ones as "1e+06".
A window across an upgrade contains both, and users write the form in their code.
"""

from __future__ import annotations

import re
from decimal import Decimal

_STRING = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(rf"(?<![\w:.])(le|quantile)\s*(=~|!~|!=|=)\s*({_STRING})|{_STRING}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LONGEST = 25
"""The most digits, more than any bound has."""


def widened(printed: str) -> str:
    """PromQL as printed from its syntax tree, in which conditions on le and quantile match every form of a number.

    >>> widened('x{job="a",le="1"}'), widened('x{le=~"0.5|2"}'), widened('x{le="+Inf"}')
    ('x{job="a",le=~"1(\\\\\\\\.0)?"}', 'x{le=~"0\\\\\\\\.5|2(\\\\\\\\.0)?"}', 'x{le="+Inf"}')
    """
    return _MATCHER.sub(_condition, printed)


def pattern(value: Decimal) -> str:
    r"""The regular expression of a number, as the text of a PromQL string.

    >>> pattern(Decimal("0.3")), pattern(Decimal(1)), pattern(Decimal(1000000))
    ('0\\\\.3', '1(\\\\.0)?', '1000000(\\\\.0)?|1e\\\\+06')
    """
    plain = f"{value.normalize():f}"
    forms = [_escaped(plain) + ("" if "." in plain else r"(\\.0)?")]
    _, digits, _ = (Decimal(repr(float(value))).normalize()).as_tuple()
    power = Decimal(repr(float(value))).adjusted()
    if value and not -4 <= power < 6:
        sign = "-" if value < 0 else ""
        mantissa = ".".join(filter(None, (str(digits[0]), "".join(map(str, digits[1:])))))
        forms.append(_escaped(f"{sign}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02}"))
    return "|".join(forms)


def numbers(expression: str) -> list[Decimal] | None:
    r"""The numbers among which a regular expression chooses; None if it has another form.

    >>> numbers("0.5|1"), numbers(r"1(\.0)?"), numbers("0.5.*")
    ([Decimal('0.5'), Decimal('1')], [Decimal('1')], None)
    """
    found = [_number(part.replace("\\", "").removesuffix("(.0)?")) for part in expression.split("|")]
    return None if None in found else [number for number in found if number is not None]


def _condition(match: re.Match[str]) -> str:
    label, operator, string = match.groups()
    if label is None:
        return match[0]
    text = string[1:-1]
    # The meaning is known only if each branch is a number.
    texts = text.replace(r"\\.", ".").split("|") if operator.endswith("~") else [text]
    found = [_number(text) for text in texts]
    if None in found:
        return match[0]
    either = "|".join(pattern(number) for number in found if number is not None)
    return f'{label}{"!~" if operator.startswith("!") else "=~"}"{either}"'


def _number(text: str) -> Decimal | None:
    """The number; None if the text is not a number that a bucket or a quantile can have."""
    found = Decimal(text) if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else None
    return found if found is not None and -_LONGEST < found.adjusted() < _LONGEST else None


def _escaped(text: str) -> str:
    return text.replace(".", r"\\.").replace("+", r"\\+")
