"""Every JSON value becomes a value of its column's type, or null with a note: never an error, never in silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from amocrm_assets.entities import Column
from amocrm_assets.rows.column_values import ColumnValues
from amocrm_assets.rows.json_values import Number
from amocrm_assets.shard import arrow_type

ID, NAME = Column("id", "INTEGER", "Id."), Column("name", "STRING", "Name.")
PLACE = Column("place", "RECORD", "Place.", columns=(ID,))
COLUMNS = {
    column.name: column
    for column in (
        Column("count", "INTEGER", "Count."),
        Column("price", "NUMERIC", "Price."),
        Column("text", "STRING", "Text."),
        Column("flag", "BOOLEAN", "Flag."),
        Column("any", "STRING", "Any value.", is_json=True),
        Column("ids", "INTEGER", "Ids.", "REPEATED"),
        Column("part", "RECORD", "Part.", columns=(ID, NAME, PLACE)),
        Column("parts", "RECORD", "Parts.", "REPEATED", columns=(ID,)),
    )
}
DEEP: Any = []
for _ in range(100):
    DEEP = [DEEP]
LARGEST = "9" * 29 + "." + "9" * 9


@pytest.mark.parametrize(
    ("name", "sent", "value", "notes"),
    [
        ("count", None, None, []),
        ("count", 5, 5, []),
        ("count", "5", 5, ["count: text instead of an integer, converted"]),
        ("count", "x", None, ["count: text instead of an integer"]),
        ("count", [5], None, ["count: list instead of an integer"]),
        ("price", None, None, []),
        ("price", 5, Decimal(5), []),
        ("price", Number(LARGEST), Decimal(LARGEST), []),
        ("price", Number(f"-{LARGEST}"), Decimal(f"-{LARGEST}"), []),
        ("price", Number("0.1234567895001"), Decimal("0.12345679"), ["price: more than 9 decimals, rounded"]),
        (
            "price",
            "0.1234567891",
            Decimal("0.123456789"),
            ["price: text instead of a number, converted", "price: more than 9 decimals, rounded"],
        ),
        # It would need 30 digits before its point if it were rounded.
        ("price", Number(f"{LARGEST}9"), None, ["price: number instead of a number"]),
        ("price", f"-{LARGEST}5", None, ["price: text instead of a number"]),
        ("price", True, None, ["price: boolean instead of a number"]),
        ("text", None, None, []),
        ("text", "", "", []),
        ("text", 5, None, ["text: number instead of text"]),
        ("text", Number("1.5"), None, ["text: number instead of text"]),
        ("flag", None, None, []),
        ("flag", False, False, []),
        ("flag", "1", True, ["flag: text instead of a boolean, converted"]),
        ("flag", 0, False, ["flag: number instead of a boolean, converted"]),
        ("flag", 2, None, ["flag: number instead of a boolean"]),
        ("any", None, None, []),
        ("any", {"b": Number("1.50"), "a": None}, '{"a":null,"b":1.50}', []),
        ("any", DEEP[0], "[" * 100 + "]" * 100, []),
        ("any", DEEP, None, ["any: nested too deeply"]),
        ("ids", None, [], []),
        ("ids", {}, [], []),
        ("ids", [], [], []),
        ("ids", [1, 2], [1, 2], []),
        ("ids", {"2": 2, "0": 1}, [1, 2], ["ids: object instead of a list, converted"]),
        ("ids", {"x": 1}, [], ["ids: object instead of a list"]),
        ("ids", 0, [], ["ids: number instead of a list"]),
        (
            "ids",
            [1, None, "x", "2"],
            [1, 2],
            [
                "ids[]: text instead of an integer",
                "ids[]: text instead of an integer, converted",
                "ids[]: nothing instead of a value",
            ],
        ),
        ("part", None, None, []),
        ("part", {}, {"id": None, "name": None, "place": None}, []),
        ("part", {"id": 1, "name": "a", "place": {"id": 2}}, {"id": 1, "name": "a", "place": {"id": 2}}, []),
        (
            "part",
            {"name": 1, "place": {"id": "x"}, "more": 1},
            {"id": None, "name": None, "place": {"id": None}},
            ["part.name: number instead of text", "part.place.id: text instead of an integer"],
        ),
        ("part", [], None, ["part: list instead of an object"]),
        ("parts", None, [], []),
        ("parts", {}, [], []),
        ("parts", [], [], []),
        ("parts", [{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}], []),
        ("parts", {"1": {"id": 2}}, [{"id": 2}], ["parts: object instead of a list, converted"]),
        ("parts", {"id": 2}, [], ["parts: object instead of a list"]),
        ("parts", "x", [], ["parts: text instead of a list"]),
        (
            "parts",
            [5, {"id": "x"}],
            [{"id": None}],
            ["parts[]: number instead of an object", "parts[].id: text instead of an integer"],
        ),
    ],
)
def test_a_value_fits_its_column_or_is_noted(name: str, sent: Any, value: Any, notes: list[str]) -> None:
    for called in (None, f"{name}_of_another"):
        found: list[str] = []
        converted = ColumnValues(found).of(COLUMNS[name], sent, called=called)
        assert (converted, type(converted)) == (value, type(value))
        assert found == [note.replace(name, called or name, 1) for note in notes]
        assert len(pa.array([converted], arrow_type(COLUMNS[name]))) == 1


def test_integers_that_are_noted_elsewhere_are_noted_here_only_if_they_were_converted() -> None:
    notes: list[str] = []
    values = ColumnValues(notes, noted_elsewhere=frozenset({"count"}))
    assert [values.of(COLUMNS["count"], sent) for sent in ("x", None, "7", 5)] == [None, None, 7, 5]
    assert notes == ["count: text instead of an integer, converted"]
    assert values.of(ID, "x") is None
    assert notes[1:] == ["id: text instead of an integer"]
