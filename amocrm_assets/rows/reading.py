"""Parses lines of captures into records, with notes of what did not fit, and names of unknown properties.

For well-formed records the decoder itself checks every type, which is fast. For the others see `malformed`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from amocrm_assets.rows.json_values import Number
from amocrm_assets.rows.malformed import record_of_malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amocrm_assets.rows.record_types import Record, RecordTypes

    Notes = dict[int, Sequence[str]]

# More than an account has; it limits the memory for an endless stream of new names.
_MAX_NAMES = 20_000
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RecordReader:
    """Reads lines of captures; `unknown_properties` collects the names of unknown properties."""

    def __init__(self, types: RecordTypes) -> None:
        self.unknown_properties: set[str] = set()
        self._types = types
        self._known_record = msgspec.json.Decoder(types.known, float_hook=Number)
        self._any_record = msgspec.json.Decoder(types.any, float_hook=Number)
        self._properties = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._names = _Names()

    def read(self, lines: Sequence[bytes]) -> tuple[Sequence[Record | None], Notes]:
        """The record of each line, None without a usable key; and notes of what did not fit, by position."""
        with suppress(*_MALFORMED):  # one for all: one for each would take as long as storing it
            return [self._known(line) for line in lines], {}
        notes: Notes = {}
        return [self._any(line, place, notes) for place, line in enumerate(lines)], notes

    def _known(self, line: bytes) -> Record:
        record = self._known_record.decode(line)
        if self._types.has_custom_fields:
            for field in record.custom_fields or ():
                field.field_name = self._names[bytes(field.field_name)]  # type: ignore[arg-type]  # a KnownField
        return record

    def _any(self, line: bytes, place: int, notes: Notes) -> Record | None:
        with suppress(*_MALFORMED):
            return self._known(line)
        with suppress(*_MALFORMED):
            record = self._any_record.decode(line)
            self._gather(self._properties.decode(line))
            return record
        record_or_none, properties, notes[place] = record_of_malformed(line, self._types)
        self._gather(properties)
        return record_or_none

    def _gather(self, properties: Iterable[str]) -> None:
        known = self._types.entity.known_properties
        self.unknown_properties |= known.union(properties) - known


class _Names(dict[bytes, str | None]):
    """Names of custom fields by their JSON texts: few different ones, each decoded once.

    amoCRM sends them escaped (\\u0413…), so they take most time of decoding a record.
    """

    def __missing__(self, sent: bytes) -> str | None:
        name = msgspec.json.decode(sent, type=str | None)
        if len(self) < _MAX_NAMES:
            self[sent] = name
        return name
