"""Converts JSON values to the types of columns, and notes values that do not fit.

Every JSON value becomes a valid value or a note, never an error. The caller decides which column a value belongs
to, and counts the notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.json_values import (
    boolean_of,
    compact_json,
    decimal_of,
    integer_of,
    kind_of,
    list_of,
    numeric_of,
)
from amocrm_assets.shard import NUMERIC_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from amocrm_assets.entities import Column


class ColumnValues:
    """Converts JSON values to the types of columns; a value that does not fit becomes null and one of `notes`.

    A value that is not an integer is not noted for the columns `noted_elsewhere`.
    """

    def __init__(self, notes: list[str], *, noted_elsewhere: frozenset[str] = frozenset()) -> None:
        self._notes = notes
        self._noted_elsewhere = noted_elsewhere
        self._scalars = {
            "INTEGER": self.integer,
            "STRING": self.text,
            "BOOLEAN": self.boolean,
            "NUMERIC": self.numeric,
        }

    def of(self, column: Column, value: Any, *, called: str | None = None) -> Any:
        """The value in the column's type; a RECORD is a dict of its parts. Notes name the column `called`."""
        called = called or column.name
        if column.is_json:
            return self.json(called, value)
        if column.type != "RECORD":
            convert = self._scalars[column.type]
            return self._all(called, value, convert) if column.mode == "REPEATED" else convert(called, value)
        if column.mode == "REPEATED":
            called = f"{called}[]"
            return [self._parts(column, each, called) for each in self.objects(called[:-2], value)]
        if value is None or type(value) is dict:
            return None if value is None else self._parts(column, value, called)
        self._note(called, value, "an object")
        return None

    def _all(self, column: str, value: Any, convert: Callable[[str, Any], Any]) -> list[Any]:
        """The values of a list. Values that do not fit are left out, since BigQuery's lists cannot hold null."""
        items = list_of(value) if value not in (None, {}) else []
        if items is None or (items and items is not value):
            self._note(column, value, "a list", is_converted=items is not None)
        converted = [(item, convert(f"{column}[]", item)) for item in items or ()]
        for item, _ in converted:
            if item is None:
                self._note(f"{column}[]", item, "a value")
        return [each for _, each in converted if each is not None]

    def _parts(self, column: Column, value: dict[str, Any], called: str) -> dict[str, Any]:
        return {
            part.name: self.of(part, value.get(part.name), called=f"{called}.{part.name}")
            for part in column.columns
        }

    def objects(self, column: str, value: Any) -> list[dict[str, Any]]:
        """Objects of a list. An item that is not an object is left out and noted."""
        if value is None or value == {}:  # API v2 wrote {} for an empty list
            return []
        items = list_of(value)
        if items is None or items is not value:
            self._note(column, value, "a list", is_converted=items is not None)
        for item in items or ():
            if type(item) is not dict:
                self._note(f"{column}[]", item, "an object")
        return [item for item in items or () if type(item) is dict]

    def integer(self, column: str, value: Any) -> int | None:
        """A 64-bit integer."""
        number = integer_of(value)
        if number is not None and type(value) is str:
            self._note(column, value, "an integer", is_converted=True)
        elif number is None and value is not None and column not in self._noted_elsewhere:
            self._note(column, value, "an integer")
        return number

    def numeric(self, column: str, value: Any) -> Decimal | None:
        """A decimal number with the digits that were sent, rounded to nine decimals."""
        number = decimal_of(value)
        rounded = None if number is None else numeric_of(number)
        if rounded is None:
            if value is not None:
                self._note(column, value, "a number")
            return None
        if type(value) is str:
            self._note(column, value, "a number", is_converted=True)
        if rounded != number:
            self._notes.append(f"{column}: more than {NUMERIC_SCALE} decimals, rounded")
        return rounded

    def json(self, column: str, value: Any) -> str | None:
        """Any value as compact JSON."""
        try:
            return None if value is None else compact_json(value)
        except RecursionError:
            self._notes.append(f"{column}: nested too deeply")
            return None

    def text(self, column: str, value: Any) -> str | None:
        """A text, unchanged."""
        if value is None or type(value) is str:
            return value
        self._note(column, value, "text")
        return None

    def boolean(self, column: str, value: Any) -> bool | None:
        """True or false, also from 0, 1 and their texts (`boolean_of`)."""
        if value is None or type(value) is bool:
            return value
        boolean = boolean_of(value)
        self._note(column, value, "a boolean", is_converted=boolean is not None)
        return boolean

    def _note(self, column: str, value: Any, expected: str, *, is_converted: bool = False) -> None:
        note = f"{column}: {kind_of(value)} instead of {expected}"
        self._notes.append(f"{note}, converted" if is_converted else note)
