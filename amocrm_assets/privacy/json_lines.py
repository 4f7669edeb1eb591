"""Decodes and encodes lines of JSON without changing numbers, including malformed lines."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from amocrm_assets.json_bytes import only_numbers, without_deep_values

# The range of the encoder's integers.
_MAX_INTEGER_DIGITS = 18
# The properties that are kept of a record that cannot be decoded: its identity, and its time.
_IDENTIFYING = ("id", "updated_at", "created_at", "is_deleted")


def decoded(line: bytes) -> tuple[Any, bool]:
    """The value, and whether it has a duplicate property, of which the last one is used.

    Raises `ValueError` or `RecursionError` if it cannot be decoded.
    """
    repeated = False

    def with_last(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        made = dict(pairs)
        repeated = repeated or len(made) != len(pairs)
        return made

    value = json.loads(
        line.decode("utf-8", "surrogateescape"),
        object_pairs_hook=with_last,
        parse_float=_literal,
        parse_int=_integer,
        parse_constant=_literal,
    )
    return value, repeated


def encoded(value: Any) -> bytes:
    """The value as JSON. Raises `RecursionError`."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, ValueError, OverflowError):  # half of an emoji, which needs an escape
        return _escaped(value).encode()


def decoded_shallow(line: bytes) -> tuple[Any, bool]:
    """As `decoded`, for a line with values that are nested too deeply, which become null."""
    value, _ = decoded(without_deep_values(line))
    return value, True


def unreadable(line: bytes) -> bytes:
    """The kept part of a record that cannot be decoded."""
    return only_numbers(line, _IDENTIFYING)


def _literal(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _integer(text: str) -> int | msgspec.Raw:
    return int(text) if len(text) <= _MAX_INTEGER_DIGITS else _literal(text)


def _escaped(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_escaped(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_escaped, value)) + "]"
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else json.dumps(value)
