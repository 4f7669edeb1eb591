"""Changes JSON objects as bytes, without decoding them, and so without limits on their content.

Decoders recurse, and fail at some thousand levels; this module examines only brackets and strings, at any depth.
Lines are expected to be JSON.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

# More levels than any documented value has, and few enough for every decoder and recursive function.
MAX_DEPTH = 100
# lead > custom_fields_values > field > values > item > value: the first level within the value of a custom field.
VALUE_LEVEL = 6
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_SCALAR = re.compile(rb"\s*:\s*\"?(-?[0-9][-+.0-9eE]{0,30}|true|false|null)\"?\s*")
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


def without_deep_values(line: bytes) -> bytes:
    """The JSON with null instead of each value at level `VALUE_LEVEL` that has more than `MAX_DEPTH` levels."""
    pieces: list[bytes] = []
    done = level = start = deepest = 0
    for token in _TOKENS.finditer(line):
        if token[0] in _OPENING:
            level += 1
            if level == VALUE_LEVEL:
                start, deepest = token.start(), level
            deepest = max(deepest, level)
        elif token[0] in _CLOSING:
            if level == VALUE_LEVEL and deepest - VALUE_LEVEL >= MAX_DEPTH:
                pieces += [line[done:start], b"null"]
                done = token.end()
            level -= 1
    return b"".join([*pieces, line[done:]])


def without_property(line: bytes, name: str) -> bytes:
    """The JSON object without its property `name`; the other bytes do not change."""
    import msgspec

    try:
        sent = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # broken Unicode, or nested too deeply
        return _with_properties(line, lambda key, _: _decoded(key) != name)
    sent.pop(name, None)
    return msgspec.json.encode(sent)


def only_properties(line: bytes, names: Collection[str]) -> bytes:
    """The JSON object with only its properties `names`, whose bytes do not change."""
    import msgspec

    try:
        sent = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # broken Unicode, or nested too deeply
        return _with_properties(line, lambda key, _: _decoded(key) in names)
    return msgspec.json.encode({name: value for name, value in sent.items() if name in names})


def only_numbers(line: bytes, names: Collection[str]) -> bytes:
    """The JSON object with only those of its properties `names` that are numbers, booleans or null."""
    return _with_properties(
        line, lambda key, part: _decoded(key) in names and bool(_SCALAR.fullmatch(part[len(key) :]))
    )


def _with_properties(line: bytes, is_kept: Callable[[bytes, bytes], bool]) -> bytes:
    """The object with some of its properties; `is_kept` gets the key and the whole property."""
    return b"{" + b",".join(part for key, part in _properties(line) if is_kept(key, part)) + b"}"


def _properties(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The properties of an object: the key as written, and the whole property from its key on."""
    level = start = 0
    key = b""
    for token in _TOKENS.finditer(line):
        if level == 1 and token[0][:1] == b'"' and not key:
            key, start = token[0], token.start()
        if token[0] in _OPENING:
            level += 1
        if level == 1 and token[0] in (b",", b"}"):
            if key:
                yield key, line[start : token.start()]
            key = b""
        if token[0] in _CLOSING:
            level -= 1


def _decoded(key: bytes) -> object:
    return json.loads(key.decode("utf-8", "replace"), strict=False)
