"""JSON values without loss: number literals with all digits, and objects as compact text.

Numbers that Python's own types would change (1.50, 1e999, a hundred digits) remain literals here.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from amocrm_assets.json_bytes import MAX_DEPTH

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"(-?[0-9]{1,19})(\.0*)?")
_DECIMAL = re.compile(r"-?[0-9]{1,29}(\.[0-9]{1,99})?")
_DECIMAL_LIMIT = Decimal(10) ** 29
_BOOLEANS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
# Python refuses to turn longer literals into integers.
_MAX_INTEGER_DIGITS = 4000
# Made once: `json.dumps` makes an encoder for each value if `ensure_ascii` is off, which takes three times as
# long.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Number(str):
    """Literal of a number with a fraction, an exponent, or more digits than Python converts."""

    __slots__ = ()


def load_json(text: str) -> Any:
    """Decode JSON, numbers as `int` or `Number`. Raises `ValueError`, and `RecursionError` for a deep nesting."""
    return json.loads(text, parse_float=Number, parse_int=_integer, parse_constant=_no_constant)


def compact_json(value: Any, *, levels: int = MAX_DEPTH) -> str:
    """The value as JSON with sorted keys and no spaces, each number as it was sent.

    Raises `RecursionError` for more than `levels` levels: always the same number, however deep the caller is.
    """
    if isinstance(value, Number):
        return str(value)
    if not isinstance(value, dict | list):
        return _encode(value)
    if levels == 0:
        raise RecursionError("a value that is nested too deeply")
    if isinstance(value, list):
        return "[" + ",".join(compact_json(item, levels=levels - 1) for item in value) + "]"
    pairs = [f"{_encode(key)}:{compact_json(value[key], levels=levels - 1)}" for key in sorted(value)]
    return "{" + ",".join(pairs) + "}"


def integer_of(value: Any) -> int | None:
    """A JSON value as a 64-bit integer: a number without fraction (5, 5.0, 5e0), or a text like "5"."""
    if type(value) is str:
        spelled = _DIGITS.fullmatch(value)
        value = int(spelled[1]) if spelled else None
    elif type(value) is Number:
        value = _whole(value)
    return value if type(value) is int and INT64_MIN <= value <= INT64_MAX else None


def decimal_of(value: Any) -> Decimal | None:
    """A JSON value, or its text, as a decimal number with at most 29 digits before the point."""
    if type(value) is str and not _DECIMAL.fullmatch(value):
        return None
    if type(value) not in (int, str, Number):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if abs(number) < _DECIMAL_LIMIT else None


def boolean_of(value: Any) -> bool | None:
    """A JSON value as a boolean: gateways written in PHP send 0, "1" or "true"."""
    return value if type(value) is bool else _BOOLEANS.get(value) if type(value) in (int, str) else None


def list_of(value: Any) -> list[Any] | None:
    """A JSON value as a list: PHP writes a list with gaps as `{"0": …, "2": …}`."""
    if type(value) is list:
        return value
    if type(value) is dict and all(key.isdecimal() and key.isascii() for key in value):
        return [value[key] for key in sorted(value, key=lambda key: (len(key), key))]
    return None


def kind_of(value: Any) -> str:
    """The type of a JSON value, for messages."""
    kinds = {str: "text", bool: "boolean", list: "list", int: "number", Number: "number", type(None): "nothing"}
    return kinds.get(type(value), "object")


def _whole(literal: Number) -> int | None:
    try:
        number = Decimal(literal)
    except InvalidOperation:  # an exponent of more than 18 digits
        return None
    # Compared before it is converted: 1e999999 as an integer would have a million digits.
    fits = INT64_MIN <= number <= INT64_MAX and number == number.to_integral_value()
    return int(number) if fits else None


def _integer(literal: str) -> int | Number:
    return int(literal) if len(literal) < _MAX_INTEGER_DIGITS else Number(literal)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
