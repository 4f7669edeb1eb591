"""Custom fields that amoCRM should not send so: what fits is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.entities import LEADS
from amocrm_assets.rows.malformed import record_of_malformed, value_of_malformed
from amocrm_assets.rows.record_types import record_types
from amocrm_assets_tests.rows.any_json import JSON, TEXT, replaced
from amocrm_assets_tests.rows.days import (
    field,
    lead,
    line,
    oddities_of,
    rows_of,
)


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


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"a\ud800b\u0421"', "a\ufffdbС"),
        (rb'"\\ud800"', r"\ud800"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
    ],
)
def test_what_is_not_unicode_in_a_line_is_replaced_and_nothing_else(sent: bytes, value: object) -> None:
    assert value_of_malformed(sent) == value


@pytest.mark.parametrize(
    ("score", "notes"),
    [
        (b"5", []),
        (b"[" * 200 + b"]" * 200, ["lead: a value with more than 100 levels, left out"]),
        (b'"\xff"', ["lead: text that is not Unicode, replaced by U+FFFD"]),
    ],
)
def test_what_is_replaced_or_left_out_of_a_record_is_noted(score: bytes, notes: list[str]) -> None:
    sent = line(lead(1)).replace(b'"score": null', b'"score": ' + score)
    record, properties, found = record_of_malformed(sent, record_types(LEADS, LEADS.table))
    assert record is not None
    assert "score" in properties
    assert found == notes
