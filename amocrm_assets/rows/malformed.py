"""Records that are not shaped as documented: keep what fits, note what does not.

Every JSON value in every place ends here as a right value or as a note, never as an error. Well-formed records do
not pass here; for counting the notes see `oddities`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from amocrm_assets.json_bytes import MAX_DEPTH, without_deep_values
from amocrm_assets.rows.custom_fields import Field, Item, WholeItem
from amocrm_assets.rows.json_values import boolean_of, integer_of, kind_of, list_of, load_json
from amocrm_assets.rows.record_types import NEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amocrm_assets.rows.record_types import Record, RecordTypes

# An escaped backslash, a surrogate pair, or (the group) a surrogate alone, which no Unicode text can hold.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def record_of_malformed(line: bytes, types: RecordTypes) -> tuple[Record | None, Iterable[str], list[str]]:
    """The record, or None for a line without a usable id; its properties' names; notes of what did not fit."""
    called = types.table.record
    text = _unicode(line)
    notes = [] if text.encode() == line else [f"{called}: text that is no Unicode, replaced by U+FFFD"]
    flat = without_deep_values(text.encode()).decode()
    if flat != text:
        notes.append(f"{called}: a value with more than {MAX_DEPTH} levels, left out")
    try:
        sent = load_json(flat)
    except ValueError:
        return None, (), [*notes, f"{called}: a line that is no JSON"]
    if type(sent) is not dict:
        return None, (), [*notes, f"{called}: {kind_of(sent)} where an object belongs"]
    return _Shaper(types, notes).record(sent), sent, notes


def _unicode(line: bytes) -> str:
    """The line as text that can be encoded, with U+FFFD in the place of what is no Unicode."""
    return _ESCAPES.sub(lambda match: r"\ufffd" if match[1] else match[0], line.decode("utf-8", "replace"))


class _Shaper:
    """Gives JSON values the types of columns; what does not fit becomes null and a note."""

    def __init__(self, types: RecordTypes, notes: list[str]) -> None:
        self._types = types
        self._notes = notes

    def record(self, sent: dict[str, Any]) -> Record | None:
        if integer_of(sent.get("id")) is None:
            self._note("id", sent.get("id"), "an integer")
            return None
        shape: dict[str, Callable[[str, Any], Any]] = {
            "INTEGER": self._integer,
            "STRING": self._text,
            "BOOLEAN": self._boolean,
            "RECORD": self._fields,
        }
        values = {c.name: shape[c.type](c.name, sent.get(c.sent_as)) for c in self._types.columns}
        return self._types.any(**values)

    def _fields(self, column: str, value: Any) -> list[Field]:
        return [
            Field(
                field_id=self._integer(f"{column}[].id", entry.get("field_id")),
                field_name=self._text(f"{column}[].name", entry.get("field_name")),
                field_code=self._text(f"{column}[].code", entry.get("field_code")),
                field_type=self._text(f"{column}[].type", entry.get("field_type")),
                values=self._items(f"{column}[].values", entry.get("values")),
            )
            for entry in self._objects(column, value)
        ]

    def _items(self, column: str, value: Any) -> list[Item]:
        return [
            Item(
                value=item["value"] if "value" in item else WholeItem(item),
                enum_id=self._integer(f"{column}[].enum", item.get("enum_id")),
            )
            for item in self._objects(column, value)
        ]

    def _objects(self, column: str, value: Any) -> list[dict[str, Any]]:
        """Objects of a list. An item that is none cannot stand in a RECORD: it is left out and noted."""
        if value is None or value == {}:  # API v2 wrote {} for an empty list
            return []
        items = list_of(value)
        if items is None or items is not value:
            self._note(column, value, "a list", taken=items is not None and "for the one it numbers")
        for item in items or ():
            if type(item) is not dict:
                self._note(f"{column}[]", item, "an object")
        return [item for item in items or () if type(item) is dict]

    def _integer(self, column: str, value: Any) -> int | None:
        number = integer_of(value)
        if number is not None and type(value) is str:
            self._note(column, value, "an integer", taken="for the number it spells")
        elif number is None and value is not None and column not in NEEDED:
            self._note(column, value, "an integer")
        return number

    def _text(self, column: str, value: Any) -> str | None:
        if value is None or type(value) is str:
            return value
        self._note(column, value, "text")
        return None

    def _boolean(self, column: str, value: Any) -> bool | None:
        if value is None or type(value) is bool:
            return value
        boolean = boolean_of(value)
        self._note(column, value, "a boolean", taken=boolean is not None and "for the one it spells")
        return boolean

    def _note(self, column: str, value: Any, belongs: str, *, taken: str | Literal[False] = False) -> None:
        note = f"{column}: {kind_of(value)} where {belongs} belongs"
        self._notes.append(f"{note}, taken {taken}" if taken else note)
