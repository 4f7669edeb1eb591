"""Leads without their names, for sources that do not import them: the other bytes stay as amoCRM sent them."""

from __future__ import annotations

import json


def without_name(line: bytes) -> bytes:
    """The lead, the bytes of one JSON object, without its property `name`."""
    import msgspec

    try:
        # The other properties stay byte for byte what amoCRM sent.
        lead = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:  # half an emoji, which only the standard library reads
        return _cut_name(line)
    lead.pop("name", None)
    return msgspec.json.encode(lead)


def _cut_name(line: bytes) -> bytes:
    """The object without its property `name`: every other one as it was sent, numbers that Python has not too."""
    text, decode, kept = line.decode(), json.JSONDecoder().raw_decode, list[str]()
    start = _behind_space(text, 1)
    while text[start] != "}":
        key, end = decode(text, start)
        colon = _behind_space(text, end)
        _, end = decode(text, _behind_space(text, colon + 1))
        if key != "name":
            kept.append(text[start:end])
        start = _behind_space(text, end)
        if text[start] == ",":
            start = _behind_space(text, start + 1)
    return f"{{{','.join(kept)}}}".encode()


def _behind_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
