"""Reads records that do not have the documented form: keeps what fits and notes what does not.

`reading` calls it only for malformed records. `column_values` converts the values; `oddities` counts the notes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.json_bytes import MAX_DEPTH, without_deep_values
from amocrm_assets.rows.column_values import ColumnValues
from amocrm_assets.rows.custom_fields import Field, Item, WholeItem
from amocrm_assets.rows.json_values import integer_of, kind_of, load_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.entities import Column
    from amocrm_assets.rows.record_types import Record, RecordTypes

# An escaped backslash, a surrogate pair, or (the group) a lone surrogate, which is not valid in Unicode text.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def record_of_malformed(line: bytes, types: RecordTypes) -> tuple[Record | None, Iterable[str], list[str]]:
    """The record, or None if its line has no usable key; names of its properties; notes of what does not fit."""
    called = types.table.record
    text = _unicode(line)
    notes = [] if text.encode() == line else [f"{called}: text that is not Unicode, replaced by U+FFFD"]
    flat = without_deep_values(text.encode()).decode()
    if flat != text:
        notes.append(f"{called}: a value with more than {MAX_DEPTH} levels, left out")
    try:
        sent = load_json(flat)
    except ValueError:
        return None, (), [*notes, f"{called}: a line that is not JSON"]
    if type(sent) is not dict:
        return None, (), [*notes, f"{called}: {kind_of(sent)} instead of an object"]
    return _Shaper(types, notes).record(sent), sent, notes


def value_of_malformed(line: bytes) -> Any:
    """The JSON value of a line, with U+FFFD for text that is not Unicode, without values that are too deep."""
    return load_json(without_deep_values(_unicode(line).encode()).decode())


def _unicode(line: bytes) -> str:
    """The line as text that can be encoded; U+FFFD replaces what is not Unicode."""
    return _ESCAPES.sub(lambda match: r"\ufffd" if match[1] else match[0], line.decode("utf-8", "replace"))


def _unusable(column: Column, sent: dict[str, Any]) -> str | None:
    """A note if the record has no valid value for a column of its key."""
    value = sent.get(column.sent_as)
    is_integer = column.type == "INTEGER"
    if integer_of(value) is not None if is_integer else type(value) is str:
        return None
    return f"{column.name}: {kind_of(value)} instead of {'an integer' if is_integer else 'text'}"


class _Shaper:
    """Converts a record's JSON values to the types of columns; what does not fit becomes null and a note."""

    def __init__(self, types: RecordTypes, notes: list[str]) -> None:
        self._types = types
        self._notes = notes
        self._values = ColumnValues(notes, noted_elsewhere=types.needed)

    def record(self, sent: dict[str, Any]) -> Record | None:
        if unusable := [note for column in self._types.key_columns if (note := _unusable(column, sent))]:
            self._notes += unusable
            return None
        values = {
            each.name: self._fields(each.name, sent.get(each.sent_as))
            if each.name == CUSTOM_FIELDS
            else self._values.of(each, sent.get(each.sent_as))
            for each in self._types.columns
        }
        return self._types.any(**values, **{name: sent.get(name) for name in self._types.derived_from})

    def _fields(self, column: str, value: Any) -> list[Field]:
        values = self._values
        return [
            Field(
                field_id=values.integer(f"{column}[].id", entry.get("field_id")),
                field_name=values.text(f"{column}[].name", entry.get("field_name")),
                field_code=values.text(f"{column}[].code", entry.get("field_code")),
                field_type=values.text(f"{column}[].type", entry.get("field_type")),
                values=self._items(f"{column}[].values", entry.get("values")),
            )
            for entry in values.objects(column, value)
        ]

    def _items(self, column: str, value: Any) -> list[Item]:
        return [
            Item(
                value=item["value"] if "value" in item else WholeItem(item),
                enum_id=self._values.integer(f"{column}[].enum", item.get("enum_id")),
            )
            for item in self._values.objects(column, value)
        ]
