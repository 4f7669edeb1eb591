"""Which records of captures rows need, and which properties: the rest can be removed without changing rows.

Rows need each record's newest full version, the stub that deletes it, and the whole version that replaces one that
is not whole. With these, later captures give the same rows as with all versions. Pure: `retention` decides which
captures are removed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.json_bytes import only_properties
from amocrm_assets.rows.json_values import INT64_MIN, integer_of, load_json
from amocrm_assets.rows.keys import keys_of
from amocrm_assets.rows.latest import stub_test
from amocrm_assets.rows.merge import choose_fields, chunks, drop_columns
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets.rows.record_types import record_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from amocrm_assets.captures import OpenCapture
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.rows.field_selection import FieldSelection
    from amocrm_assets.rows.record_types import Record
    from amocrm_assets.settings import SourceSettings

    Version = tuple[int, int, int]
    """Time, number of the capture, number of the line: the greatest is the newest."""


def needed_lines(
    entity: Entity, captures: Sequence[OpenCapture], *, source: SourceSettings, selection: FieldSelection
) -> set[tuple[int, int]]:
    """The lines that rows need, as (capture number, line number), from captures given the oldest first."""
    tables = [_TableVersions(entity, table, source, selection) for table in entity.tables]
    for age, capture in enumerate(captures):
        first = 0
        for lines in chunks(capture.records):
            for table in tables:
                table.add(lines, age=age, first=first)
            first += len(lines)
    return {(age, line) for table in tables for _, age, line in table.needed()}


class _TableVersions:
    """The versions of records that one table needs."""

    def __init__(self, entity: Entity, table: Table, source: SourceSettings, selection: FieldSelection) -> None:
        self._types = record_types(entity, table)
        self._reader = RecordReader(self._types)
        self._selection = selection
        self._dropped = [
            each.name for each in self._types.columns if each.sent_as in entity.choices.dropped(source)
        ]
        self._number_of = keys_of(table).number_of
        self._is_stub = stub_test(entity.stubs_lack)
        self._is_whole = self._types.is_whole or (lambda _: True)
        self._stubs: dict[int, Version] = {}
        self._fulls: dict[int, Version] = {}
        self._wholes: dict[int, Version] = {}

    def add(self, lines: Sequence[bytes], *, age: int, first: int) -> None:
        """Add lines of a capture; `age` is the capture's number, `first` the number of the first line."""
        records, _ = self._reader.read(lines)
        drop_columns(records, self._dropped)
        if self._types.has_custom_fields:
            choose_fields(records, self._selection)
        for line, record in enumerate(records, first):
            if record is not None:
                self._add(record, age, line)

    def needed(self) -> Iterable[Version]:
        """The versions that this table's rows need."""
        yield from self._fulls.values()
        for number, stub in self._stubs.items():
            if number not in self._fulls or stub > self._fulls[number]:
                yield stub
        for number, whole in self._wholes.items():
            if whole[0] == self._fulls[number][0]:
                yield whole

    def _add(self, record: Record, age: int, line: int) -> None:
        at = self._types.time_of(record)
        version = (INT64_MIN if at is None else at, age, line)
        number = self._number_of(record)
        kept = [self._stubs if self._is_stub(record) else self._fulls]
        if not self._types.is_deleted(record) and self._is_whole(record):
            kept.append(self._wholes)
        for each in kept:
            each[number] = max(version, each.get(number, version))


class RecordReducer:
    """Removes from the bytes of a record the properties without a column and the custom fields not chosen."""

    def __init__(self, entity: Entity, source: SourceSettings, selection: FieldSelection) -> None:
        columns = [column for table in entity.tables for column in table.columns]
        derived = [name for table in entity.tables if table.derived for name in table.derived.properties]
        self._properties = {column.sent_in for column in columns}.union(derived) - {
            *entity.choices.dropped(source)
        }
        self._chooses = entity.choices.fields(source) is not None
        self._fields = next((column.sent_in for column in columns if column.name == CUSTOM_FIELDS), "")
        self._takes = selection.takes
        self.left_out: set[str] = set()
        """Names, codes or ids of the custom fields that were removed."""

    def __call__(self, line: bytes) -> bytes:
        """The reduced bytes of a record that has a row."""
        kept = only_properties(line, self._properties)
        if not self._chooses:
            return kept
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            sent = msgspec.json.decode(kept, type=dict[str, msgspec.Raw])
            if self._fields in sent:
                sent[self._fields] = self._chosen(sent[self._fields])
            return msgspec.json.encode(sent)
        return kept

    def _chosen(self, fields: msgspec.Raw) -> msgspec.Raw:
        with suppress(msgspec.DecodeError):
            listed = msgspec.json.decode(fields, type=list[msgspec.Raw])
            return _raw([each for each in listed if self._is_chosen(each)])
        with suppress(msgspec.DecodeError):  # PHP writes a list with gaps as an object with indices as keys
            numbered = msgspec.json.decode(fields, type=dict[str, msgspec.Raw])
            return _raw({name: each for name, each in numbered.items() if self._is_chosen(each)})
        return fields

    def _is_chosen(self, field: msgspec.Raw) -> bool:
        sent = load_json(bytes(field).decode("utf-8", "replace"))
        if type(sent) is not dict:  # it is in no row
            return False
        name, code = (_text(sent, each) for each in ("field_name", "field_code"))
        number = integer_of(sent.get("field_id"))
        if self._takes(number, name, code):
            return True
        self.left_out.add(name or code or str(number))
        return False


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _text(field: Mapping[str, Any], name: str) -> str | None:
    value = field.get(name)
    return value if type(value) is str else None
