from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amocrm_assets.entities import LEADS
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.malformed import record_of_malformed
from amocrm_assets.rows.oddities import OddityCounter
from amocrm_assets.rows.reading import RecordReader
from amocrm_assets.rows.record_batches import RecordBatchBuilder
from amocrm_assets.rows.record_types import record_types
from amocrm_assets.rows.value_formatter import ValueFormatter
from amocrm_assets_tests.rows.any_json import JSON
from amocrm_assets_tests.rows.days import (
    UPDATED_AT,
    field,
    lead,
    line,
    merged,
    oddities_of,
    rows_in,
    rows_of,
    stub,
)

PIECES = [
    b"null",
    b"true",
    b"1e999",
    b'""',
    b"[]",
    b"{}",
    b'"\\ud800"',
    b"9" * 30,
    b"-",
    b"\\",
    b'"',
    b",",
    b"\xff",
]
INTEGERS = [column.name for column in LEADS.table.columns if column.type == "INTEGER" and column.name != "id"]
TYPES = record_types(LEADS, LEADS.table)
SENT_AS = {"sale": "price", "custom_fields": "custom_fields_values"}


def test_every_column_is_filled_from_its_property() -> None:
    properties = {SENT_AS.get(name, name): number for number, name in enumerate(INTEGERS, 100)}
    (row,) = rows_of([lead(1, **properties, is_deleted=True)])
    assert {name: row[name] for name in INTEGERS} == {name: number for number, name in enumerate(INTEGERS, 100)}
    assert (row["id"], row["name"], row["is_deleted"], row["custom_fields"]) == (1, "Сделка 1", True, [])


@pytest.mark.parametrize("column", INTEGERS)
@pytest.mark.parametrize(
    ("literal", "number", "oddity"),
    [
        ("null", None, None),
        ("0", 0, None),
        ("-5", -5, None),
        ("5.0", 5, None),
        ("5e3", 5000, None),
        ("9223372036854775807", 2**63 - 1, None),
        ("9223372036854775808", None, "number instead of an integer"),
        ("1.5", None, "number instead of an integer"),
        ("1e999999999", None, "number instead of an integer"),
        ("1e9999999999999999999999999", None, "number instead of an integer"),
        ("1" * 5000, None, "number instead of an integer"),
        ('"слово"', None, "text instead of an integer"),
        ('""', None, "text instead of an integer"),
        ('"42"', 42, "text instead of an integer, converted"),
        ('"-42.00"', -42, "text instead of an integer, converted"),
        ('"4.2"', None, "text instead of an integer"),
        ('"٤٢"', None, "text instead of an integer"),
        ("true", None, "boolean instead of an integer"),
        ("[1]", None, "list instead of an integer"),
        ("{}", None, "object instead of an integer"),
    ],
)
def test_an_integer_column_holds_the_number_or_null_with_an_oddity(
    column: str, literal: str, number: int | None, oddity: str | None
) -> None:
    sent = line(lead(1, **{SENT_AS.get(column, column): "HERE"})).replace(b'"HERE"', literal.encode())
    (row,) = rows_of([sent])
    assert row[column] == number
    if column == "updated_at" and number is None:
        oddity = "not an integer"
    assert oddities_of([sent]) == ({f"{column}: {oddity}": 1} if oddity else {})


@pytest.mark.parametrize("missing", ["price", "closed_at", "name", "is_deleted", "custom_fields_values"])
def test_a_property_that_was_not_sent_is_null(missing: str) -> None:
    sent = lead(1)
    del sent[missing]
    (row,) = rows_of([sent])
    assert not row[{"price": "sale", "custom_fields_values": "custom_fields"}.get(missing, missing)]
    assert oddities_of([sent]) == {}


@pytest.mark.parametrize(
    ("properties", "oddity"),
    [
        ({"name": 5}, "name: number instead of text"),
        ({"is_deleted": 2}, "is_deleted: number instead of a boolean"),
        ({"is_deleted": "да"}, "is_deleted: text instead of a boolean"),
        ({"custom_fields_values": "нет"}, "custom_fields: text instead of a list"),
        ({"custom_fields_values": ["нет"]}, "custom_fields[]: text instead of an object"),
        ({"custom_fields_values": [None]}, "custom_fields[]: nothing instead of an object"),
    ],
)
def test_what_fits_no_column_is_noted_and_the_lead_stays(properties: dict[str, Any], oddity: str) -> None:
    (row,) = rows_of([lead(1, **properties)])
    assert (row["name"], row["is_deleted"], row["custom_fields"]) in [
        (None, False, []),
        ("Сделка 1", None, []),
        ("Сделка 1", False, []),
    ]
    assert oddities_of([lead(1, **properties)]) == {oddity: 1}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(0, [False]), (1, [True]), ("0", [False]), ("1", [True]), ("false", [False]), ("true", [True])],
)
def test_a_boolean_that_is_spelled_otherwise_is_taken_and_noted(sent: Any, kept: list[bool]) -> None:
    assert [row["is_deleted"] for row in rows_of([lead(1, is_deleted=sent)])] == kept
    kind = "number" if isinstance(sent, int) else "text"
    assert oddities_of([lead(1, is_deleted=sent)]) == {f"is_deleted: {kind} instead of a boolean, converted": 1}


def test_a_stub_whose_boolean_is_spelled_otherwise_keeps_the_columns_of_the_lead() -> None:
    (row,) = rows_of([lead(1)], [stub(1, is_deleted=1, updated_at=UPDATED_AT + 5)])
    assert (row["is_deleted"], row["name"], row["updated_at"]) == (True, "Сделка 1", UPDATED_AT + 5)


def test_an_empty_object_in_the_place_of_a_list_is_an_empty_list() -> None:
    (row,) = rows_of([lead(1, custom_fields_values={})])
    assert row["custom_fields"] == []


@pytest.mark.parametrize(
    ("sent", "oddity"),
    [
        (b"no json", "lead: a line that is not JSON"),
        (b'{"id":NaN}', "lead: a line that is not JSON"),
        (b"", "lead: a line that is not JSON"),
        (b"[]", "lead: list instead of an object"),
        (b"{}", "id: nothing instead of an integer"),
        (b'{"id":null}', "id: nothing instead of an integer"),
        (b'{"id":"abc"}', "id: text instead of an integer"),
        (b'{"id":1.5}', "id: number instead of an integer"),
    ],
)
def test_a_line_without_a_usable_id_gives_no_row_but_an_oddity_with_its_place(sent: bytes, oddity: str) -> None:
    rows = merged([lead(1), sent])
    assert [row["id"] for row in rows_in(rows)] == [1]
    ((found, count, example_place),) = [(each.kind, each.count, each.example) for each in rows.oddities]
    assert (found, count) == (oddity, 1)
    assert example_place == "lead 2 of the capture of 2026-01-02T00:00:00Z"


def test_ids_that_are_texts_are_taken_for_numbers() -> None:
    assert [row["id"] for row in rows_of([lead(1) | {"id": "77"}])] == [77]
    assert oddities_of([lead(1) | {"id": "77"}]) == {"id: text instead of an integer, converted": 1}


@pytest.mark.parametrize(
    ("name", "kept", "count"),
    [
        (rb"\ud83d\ude00", "😀", 0),
        (rb"\ud800", "\ufffd", 1),
        (rb"\\ud800", r"\ud800", 0),
        (rb"\\\udfff!", "\\\ufffd!", 1),
        (rb"\ude00\ud83d", "\ufffd\ufffd", 1),
        (b"\xff\xfe", "\ufffd\ufffd", 1),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd", 1),
        (rb"\u0000", "\0", 0),
    ],
)
def test_text_that_is_no_unicode_is_replaced_and_noted(name: bytes, kept: str, count: int) -> None:
    sent = line(lead(1, name="HERE")).replace(b"HERE", name)
    assert [row["name"] for row in rows_of([sent])] == [kept]
    assert sum(oddities_of([sent]).values()) == count


def test_unknown_properties_are_named_once_and_known_ones_never() -> None:
    new = {"новое": {"a": 1}, "another": None}
    rows = merged([lead(1, **new), lead(2, **new), lead(3, price_with_minor_units=99.9), lead(4, name=5, odd=1)])
    assert rows.unknown_properties == ("another", "odd", "новое")
    assert rows.row_count == 4


@pytest.mark.slow
@given(place=st.sampled_from(sorted(lead(1))), value=JSON)
@example(place="custom_fields_values", value=[{"values": [{"value": {"a": "\ud800"}}]}])
def test_any_value_in_any_place_gives_a_row_or_a_counted_oddity(place: str, value: Any) -> None:
    rows = merged([lead(1) | {place: value}])
    found = rows_in(rows)
    assert found or rows.oddities
    if found and not rows.oddities:
        expected = rows_of([lead(1)])[0]
        changed = {name for name in expected if found[0][name] != expected[name]}
        assert changed <= {{"price": "sale", "custom_fields_values": "custom_fields"}.get(place, place)}


REAL = line(
    lead(
        1,
        custom_fields_values=[
            field("select", {"value": "A", "enum_id": 7, "enum_code": None}),
            field("date", {"value": UPDATED_AT}),
            field("legal_entity", {"value": {"name": "ООО", "vat_id": None}}),
            field("chained_list", {"catalog_id": 1001, "catalog_element_id": 55}),
        ],
    )
)


@pytest.mark.slow
@given(
    place=st.integers(0, len(REAL) - 1),
    cut=st.integers(0, 40),
    put=st.binary(max_size=5) | st.sampled_from(PIECES),
)
@settings(max_examples=400)
def test_a_real_lead_with_any_bytes_changed_gives_a_row_or_a_counted_oddity(
    place: int, cut: int, put: bytes
) -> None:
    other = 10**12
    rows = merged([lead(other), REAL[:place] + put.replace(b"\n", b"") + REAL[place + cut :]])
    ids = {row["id"] for row in rows_in(rows)}
    assert other in ids
    assert len(ids) == 2 or rows.oddities


@given(
    properties=st.fixed_dictionaries({}, optional={"price": st.integers(-10, 10), "name": st.text(), "x": JSON})
)
def test_the_long_way_reads_a_well_formed_lead_like_the_quick_one(properties: dict[str, Any]) -> None:
    items = [
        {"value": "a", "enum_id": 4, "enum_code": None},
        {"value": 5},
        {"value": {"b": 1.5}},
        {"catalog_id": 1},
    ]
    sent = line(lead(1, custom_fields_values=[field("new", *items), field("text")], **properties))
    ((quick,), _) = RecordReader(TYPES).read([sent])
    long, names, _ = record_of_malformed(sent, TYPES)
    assert quick is not None
    assert long is not None
    is_system = FieldSelection(None, []).is_system
    maker = RecordBatchBuilder(TYPES, is_system, ValueFormatter(UTC), OddityCounter())
    assert maker.batch([quick], first_version=0) == maker.batch([long], first_version=0)
    assert len(list(names)) == len(json.loads(sent))


def test_one_odd_lead_among_many_changes_none_of_the_others() -> None:
    leads = [lead(number) for number in range(1, 400)]
    odd = leads[200] | {"price": "много"}
    rows = rows_of([*leads[:200], odd, *leads[201:]])
    assert rows[200]["sale"] is None
    assert rows[:200] + rows[201:] == [row for row in rows_of(leads) if row["id"] != 201]
