"""Decodes lines of captures to records, with notes of values that do not fit, and names of unknown properties.

Well-formed records are decoded fast: the decoder checks every type. `malformed` reads the others.
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

# More names than an account has; bounds the memory if names never repeat.
_MAX_NAMES = 20_000
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class RecordReader:
    """Decodes lines of captures; `unknown_properties` collects property names that the entity does not declare."""

    def __init__(self, types: RecordTypes) -> None:
        self.unknown_properties: set[str] = set()
        self._types = types
        self._known_record = msgspec.json.Decoder(types.known, float_hook=Number)
        self._any_record = msgspec.json.Decoder(types.any, float_hook=Number)
        self._properties = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._names = _Names()

    def read(self, lines: Sequence[bytes]) -> tuple[Sequence[Record | None], Notes]:
        """The record of each line, None for one without a usable key; and notes by position of the line."""
        with suppress(*_MALFORMED):  # around the loop: inside, it would take as long as keeping the record
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
    """A cache of decoded names of custom fields, by the bytes that were sent; there are few distinct names.

    amoCRM sends names escaped (\\u0413…), so that they take more time to decode than any other part of a record.
    """

    def __missing__(self, sent: bytes) -> str | None:
        name = msgspec.json.decode(sent, type=str | None)
        if len(self) < _MAX_NAMES:
            self[sent] = name
        return name
