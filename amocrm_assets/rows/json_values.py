"""Decodes and encodes JSON without changing numbers, and converts single JSON values.

Numbers that Python's own types would change (1.50, 1e999, a hundred digits) stay literals.
"""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from amocrm_assets.json_bytes import MAX_DEPTH
from amocrm_assets.shard import NUMERIC_DIGITS, NUMERIC_SCALE

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"(-?[0-9]{1,19})(\.0*)?")
_DECIMAL = re.compile(r"-?[0-9]{1,29}(\.[0-9]{1,99})?")
_DECIMAL_LIMIT = Decimal(10) ** 29
_NUMERIC, _NUMERIC_UNIT = Context(prec=NUMERIC_DIGITS), Decimal(1).scaleb(-NUMERIC_SCALE)
_BOOLEANS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
# Longer literals stay texts; Python converts at most 4,300 digits to an integer.
_MAX_INTEGER_DIGITS = 4000
# Created once: with `ensure_ascii=False`, `json.dumps` creates an encoder per call and takes three times as long.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Number(str):
    """Literal of a number with a fraction, an exponent, or more digits than Python converts."""

    __slots__ = ()


def load_json(text: str) -> Any:
    """Decode JSON, numbers as `int` or `Number`. Raises `ValueError`, or `RecursionError` for deep nesting."""
    return json.loads(text, parse_float=Number, parse_int=_integer, parse_constant=_no_constant)


def compact_json(value: Any, *, levels: int = MAX_DEPTH) -> str:
    """The value as JSON with sorted keys and no spaces, each number as it was sent.

    Raises `RecursionError` for more than `levels` levels, independent of the depth of the call stack.
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
    """A JSON value as 64-bit integer: from a number without fraction (5, 5.0, 5e0) or a text like "5"."""
    if type(value) is str:
        match = _DIGITS.fullmatch(value)
        value = int(match[1]) if match else None
    elif type(value) is Number:
        value = _whole(value)
    return value if type(value) is int and INT64_MIN <= value <= INT64_MAX else None


def decimal_of(value: Any) -> Decimal | None:
    """A JSON number, or a text with one, as decimal, if it has at most 29 digits before its point."""
    if type(value) is str and not _DECIMAL.fullmatch(value):
        return None
    if type(value) not in (int, str, Number):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # `abs` would round to 28 digits.
    return number if number.copy_abs() < _DECIMAL_LIMIT else None


def numeric_of(number: Decimal) -> Decimal | None:
    """The number with nine decimals, as NUMERIC holds it; None if that has over 29 digits before its point."""
    try:
        return number.quantize(_NUMERIC_UNIT, context=_NUMERIC)
    except InvalidOperation:
        return None


def boolean_of(value: Any) -> bool | None:
    """A JSON value as boolean: from true, false, and 0, "1" or "true", which gateways written in PHP send."""
    return value if type(value) is bool else _BOOLEANS.get(value) if type(value) in (int, str) else None


def list_of(value: Any) -> list[Any] | None:
    """A JSON value as list: from a list, or an object like `{"0": …, "2": …}`, PHP's form of a list with gaps."""
    if type(value) is list:
        return value
    if type(value) is dict and all(key.isdecimal() and key.isascii() for key in value):
        return [value[key] for key in sorted(value, key=lambda key: (len(key), key))]
    return None


def kind_of(value: Any) -> str:
    """The type of a JSON value in one word, for messages."""
    kinds = {str: "text", bool: "boolean", list: "list", int: "number", Number: "number", type(None): "nothing"}
    return kinds.get(type(value), "object")


def _whole(literal: Number) -> int | None:
    try:
        number = Decimal(literal)
    except InvalidOperation:  # an exponent of more than 18 digits
        return None
    # The limits are checked before converting: 1e999999 as an integer would have a million digits.
    fits = INT64_MIN <= number <= INT64_MAX and number == number.to_integral_value()
    return int(number) if fits else None


def _integer(literal: str) -> int | Number:
    return int(literal) if len(literal) < _MAX_INTEGER_DIGITS else Number(literal)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
