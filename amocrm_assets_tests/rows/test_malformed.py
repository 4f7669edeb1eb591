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
from amocrm_assets_tests.rows.any_json import JSON, TEXT, replaced
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
    ("properties", "kept", "oddity"),
    [
        ({"field_id": None}, {"id": None}, "custom_fields[].id: not an integer"),
        (
            {"field_id": "5"},
            {"id": 5},
            "custom_fields[].id: text instead of an integer, converted",
        ),
        ({"field_id": "пять"}, {"id": None}, "custom_fields[].id: not an integer"),
        ({"field_name": 7}, {"name": None}, "custom_fields[].name: number instead of text"),
        ({"field_code": 7}, {}, "custom_fields[].code: number instead of text"),
        ({"field_type": 7}, {}, "custom_fields[].type: number instead of text"),
        ({"values": None}, {"values": []}, None),
        ({"values": {}}, {"values": []}, None),
        ({"values": {"value": "x"}}, {"values": []}, "custom_fields[].values: object instead of a list"),
        (
            {"values": {"1": {"value": "b"}, "0": {"value": "a"}}},
            {"values": [{"value": "a", "enum": None}, {"value": "b", "enum": None}]},
            "custom_fields[].values: object instead of a list, converted",
        ),
        ({"values": ["x"]}, {"values": []}, "custom_fields[].values[]: text instead of an object"),
        (
            {"values": [{"value": "x", "enum_id": "семь"}]},
            {"values": [{"value": "x", "enum": None}]},
            "custom_fields[].values[].enum: text instead of an integer",
        ),
        ({"values": [{"value": "x", "subtype": "y"}]}, {}, None),
        ({"is_computed": True}, {}, None),
    ],
)
def test_a_custom_field_keeps_what_fits(
    properties: dict[str, Any], kept: dict[str, Any], oddity: str | None
) -> None:
    sent = lead(1, custom_fields_values=[field("text", {"value": "x"}) | properties])
    (row,) = rows_of([sent])
    expected = {"id": 5, "name": "Поле", "is_system": None, "values": [{"value": "x", "enum": None}]}
    assert row["custom_fields"] == [expected | kept]
    assert oddities_of([sent]) == ({oddity: 1} if oddity else {})


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


def test_fields_that_are_numbered_instead_of_listed_keep_their_order() -> None:
    numbered = {str(place): field("text", {"value": f"v{place}"}, field_id=place) for place in (10, 2, 0)}
    (row,) = rows_of([lead(1, custom_fields_values=numbered)])
    assert [entry["id"] for entry in row["custom_fields"]] == [0, 2, 10]
    assert oddities_of([lead(1, custom_fields_values=numbered)]) == {
        "custom_fields: object instead of a list, converted": 1
    }


DEEP = "lead: a value with more than 100 levels, left out"


@pytest.mark.slow
@pytest.mark.parametrize("levels", [1_200, 3_000, 100_000])
@pytest.mark.parametrize("bracket", [b"[]", b'{"a":}'])
def test_a_property_that_is_nested_too_deeply_costs_nothing_but_itself(levels: int, bracket: bytes) -> None:
    deep = bracket[:-1] * levels + b"1" + bracket[-1:] * levels
    sound = lead(1, custom_fields_values=[field("text", {"value": "x"})])
    (expected,) = rows_of([sound])
    sent = line(sound).replace(b'"score": null', b'"\\ud83d": ' + deep + b', "deep": ' + deep)
    assert rows_of([sent]) == [expected]
    assert DEEP in oddities_of([sent])
    assert [row["id"] for row in rows_of([lead(5), sent, lead(7)])] == [1, 5, 7]


@pytest.mark.parametrize(
    ("levels", "text", "kind"),
    [
        (99, "[" * 99 + "]" * 99, None),
        (100, "[" * 100 + "]" * 100, None),
        (101, None, "value of a brand_new_type field: nested too deeply"),
        (800, None, "value of a brand_new_type field: nested too deeply"),
        (3_000, None, DEEP),
    ],
)
def test_the_value_of_a_field_has_at_most_a_hundred_levels(
    levels: int, text: str | None, kind: str | None
) -> None:
    values = [{"value": "HERE"}, {"value": "x", "enum_id": 5}]
    sent = line(lead(1, custom_fields_values=[field("brand_new_type", *values), field("text", {"value": "y"})]))
    deep = sent.replace(b'"HERE"', b"[" * levels + b"]" * levels)
    (row,) = rows_of([deep])
    first, second = [field["values"] for field in row["custom_fields"]]
    assert first == [{"value": text, "enum": None}, {"value": "x", "enum": 5}]
    assert second == [{"value": "y", "enum": None}]
    assert oddities_of([deep]) == ({kind: 1} if kind else {})


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


@pytest.mark.slow
@given(
    value=JSON, field_type=TEXT | st.sampled_from(["text", "date", "checkbox", "file", "chained_list"]), key=TEXT
)
def test_any_custom_field_gives_its_text_or_a_counted_oddity(value: Any, field_type: str, key: str) -> None:
    sent = lead(1, custom_fields_values=[field(field_type, {"value": value, key: value}, {key: value})])
    (row,) = rows_of([sent])
    texts = [item["value"] for item in row["custom_fields"][0]["values"]]
    assert len(texts) == 2
    oddities = oddities_of([sent])
    if None in texts and value is not None:
        assert oddities
    if isinstance(value, str) and field_type not in ("date", "checkbox", "birthday", "date_time"):
        assert texts[0] == replaced(value)


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


@pytest.mark.parametrize("remembered", [0, 1, 1000])
def test_a_field_has_the_name_that_was_sent_however_many_names_are_remembered(
    remembered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.rows.reading._MAX_NAMES", remembered)
    names = ["Город", "Город", 'Го"род', None, "Го\u2028род", "Город"]
    fields = [field("text", {"value": "x"}) | {"field_name": name} for name in names]
    nameless = field("text", {"value": "x"})
    del nameless["field_name"]
    (row,) = rows_of([lead(1, custom_fields_values=[*fields, nameless])])
    assert [each["name"] for each in row["custom_fields"]] == [*names, None]


def test_one_odd_lead_among_many_changes_none_of_the_others() -> None:
    leads = [lead(number) for number in range(1, 400)]
    odd = leads[200] | {"price": "много"}
    rows = rows_of([*leads[:200], odd, *leads[201:]])
    assert rows[200]["sale"] is None
    assert rows[:200] + rows[201:] == [row for row in rows_of(leads) if row["id"] != 201]
