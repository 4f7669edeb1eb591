"""Lines of JSON to values and back, with every number as it was sent, however odd the line is."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from amocrm_assets.json_bytes import only_numbers, without_deep_values

# What the encoder takes as an integer of its own.
_MAX_INTEGER_DIGITS = 18
# Of a record that nothing can read: what tells which one it is, and when it was changed.
_IDENTIFYING = ("id", "updated_at", "created_at", "is_deleted")


def decoded(line: bytes) -> tuple[Any, bool]:
    """The value, and whether a property was in it twice, of which the last one is taken.

    Raises `ValueError` or `RecursionError` for what nothing can read.
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
    except (UnicodeEncodeError, ValueError, OverflowError):  # half an emoji, which only escapes can write
        return _escaped(value).encode()


def decoded_shallow(line: bytes) -> tuple[Any, bool]:
    """As `decoded`, for a line with values that are nested too deeply: these are null."""
    value, _ = decoded(without_deep_values(line))
    return value, True


def unreadable(line: bytes) -> bytes:
    """What is kept of a record that nothing can read."""
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
