from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given

from amocrm_assets.rows.json_values import Number
from amocrm_assets.rows.value_formatter import InvalidValue, ValueFormatter
from amocrm_assets_tests.rows.any_json import JSON, replaced
from amocrm_assets_tests.rows.days import field, lead, line, oddities_of, rows_of

# Midnight of 2026-01-01 in Moscow.
MIDNIGHT = 1_767_214_800


def texts(field_type: str, *items: Any, **settings: Any) -> list[tuple[str | None, int | None]]:
    """Texts and options of the values of one field."""
    return texts_in(line(lead(1, custom_fields_values=[field(field_type, *items)])), **settings)


def texts_in(sent: bytes, **settings: Any) -> list[tuple[str | None, int | None]]:
    ((custom_field,),) = [row["custom_fields"] for row in rows_of([sent], **settings)]
    return [(item["value"], item["enum"]) for item in custom_field["values"]]


def text_of_literal(field_type: str, literal: str) -> str | None:
    """The text of a value that is given as JSON."""
    sent = line(lead(1, custom_fields_values=[field(field_type, {"value": "HERE"})]))
    ((text, _),) = texts_in(sent.replace(b'"HERE"', literal.encode()))
    return text


@pytest.mark.parametrize(
    ("field_type", "item", "text"),
    [
        ("text", {"value": " как есть\n\t"}, " как есть\n\t"),
        ("textarea", {"value": "строка 1\nстрока 2"}, "строка 1\nстрока 2"),
        ("numeric", {"value": "1.50"}, "1.50"),
        ("monetary", {"value": "99.90"}, "99.90"),
        ("url", {"value": "https://example.com/?a=b&c"}, "https://example.com/?a=b&c"),
        ("streetaddress", {"value": "Тверская, 1"}, "Тверская, 1"),
        ("tracking_data", {"value": "google"}, "google"),
        ("checkbox", {"value": True}, "true"),
        ("checkbox", {"value": False}, "false"),
        ("checkbox", {"value": 1}, "true"),
        ("checkbox", {"value": "0"}, "false"),
        ("date", {"value": MIDNIGHT}, "2026-01-01"),
        ("date", {"value": "2020-05-08"}, "2020-05-08"),
        ("date", {"value": "1634590800"}, "2021-10-19"),
        ("date", {"value": "1634590800.0"}, "2021-10-19"),
        ("date", {"value": 1634590800.0}, "2021-10-19"),
        ("birthday", {"value": "-1000000000"}, "1938-04-25"),
        ("birthday", {"value": "86400"}, "1970-01-02"),
        ("date_time", {"value": "1634590800"}, "2021-10-19T00:00:00+03:00"),
        ("date", {"value": "2020-05-07T22:00:00+00:00"}, "2020-05-08"),
        ("birthday", {"value": -1_000_000_000}, "1938-04-25"),
        ("date_time", {"value": MIDNIGHT + 61}, "2026-01-01T00:01:01+03:00"),
        ("date_time", {"value": "2020-05-08T10:00:00Z"}, "2020-05-08T13:00:00+03:00"),
        ("date_time", {"value": "2020-05-08 10:00:00"}, "2020-05-08T10:00:00+03:00"),
        ("file", {"value": {"version_uuid": "v", "file_uuid": "ф"}}, '{"file_uuid":"ф","version_uuid":"v"}'),
        (
            "legal_entity",
            {"value": {"name": "ООО", "kpp": None, "nested": {"b": [1, True], "a": ""}}},
            '{"kpp":null,"name":"ООО","nested":{"a":"","b":[1,true]}}',
        ),
        (
            "chained_list",
            {"catalog_id": 1001, "catalog_element_id": 55},
            '{"catalog_element_id":55,"catalog_id":1001}',
        ),
        (
            "chained_list",
            {"catalog_id": 1, "enum_id": None, "new": "x"},
            '{"catalog_id":1,"enum_id":null,"new":"x"}',
        ),
        ("chained_list", {}, "{}"),
        ("brand_new_type", {"value": "текст"}, "текст"),
        ("brand_new_type", {"value": {"b": 1, "a": [None]}}, '{"a":[null],"b":1}'),
        ("brand_new_type", {"value": [2, 1]}, "[2,1]"),
        ("brand_new_type", {"value": True}, "true"),
        ("brand_new_type", {"value": 7}, "7"),
        ("brand_new_type", {"only": "this"}, '{"only":"this"}'),
        (None, {"value": 7}, "7"),
    ],
)
def test_each_type_has_its_text(field_type: str, item: dict[str, Any], text: str) -> None:
    assert texts(field_type, item) == [(text, None)]
    assert oddities_of([lead(1, custom_fields_values=[field(field_type, item)])]) == {}


def test_options_keep_their_ids() -> None:
    items = [{"value": "A", "enum_id": 1, "enum_code": "a"}, {"value": "B", "enum_id": 2, "enum_code": None}]
    assert texts("multiselect", *items) == [("A", 1), ("B", 2)]


@pytest.mark.parametrize(
    "literal", ["1.50", "0.1", "-0.0", "1e999", "1E-5", "3.0000000000000000000001", "9" * 30, "9" * 5000, "-7"]
)
@pytest.mark.parametrize("field_type", ["numeric", "monetary", "text", "brand_new_type"])
def test_numbers_stand_as_they_were_sent(field_type: str, literal: str) -> None:
    assert text_of_literal(field_type, literal) == literal


def test_numbers_within_objects_stand_as_they_were_sent() -> None:
    assert text_of_literal("items", '{ "unit_price" : 9.50, "huge": 1e999 }') == '{"huge":1e999,"unit_price":9.50}'


@pytest.mark.parametrize("field_type", ["text", "checkbox", "date", "date_time", "file", "chained_list", "new"])
def test_null_stays_null_and_is_no_oddity(field_type: str) -> None:
    assert texts(field_type, {"value": None}) == [(None, None)]
    assert oddities_of([lead(1, custom_fields_values=[field(field_type, {"value": None})])]) == {}


@pytest.mark.parametrize(
    ("field_type", "item", "oddity"),
    [
        ("text", {"value": {"a": 1}}, "value of a text field: object"),
        ("text", {"value": ["a"]}, "value of a text field: list"),
        ("text", {"value": True}, "value of a text field: boolean"),
        ("text", {}, "value of a text field: nothing"),
        ("checkbox", {"value": 2}, "value of a checkbox field: number"),
        ("checkbox", {"value": 1.5}, "value of a checkbox field: number"),
        ("checkbox", {"value": "да"}, "value of a checkbox field: text"),
        ("checkbox", {"value": [True]}, "value of a checkbox field: list"),
        ("date", {"value": "завтра"}, "value of a date field: text"),
        ("date", {"value": "2020-02-31"}, "value of a date field: text"),
        ("date", {"value": "20200508"}, "value of a date field: text"),
        ("date", {"value": "2020"}, "value of a date field: text"),
        ("date", {"value": "1634590800.5"}, "value of a date field: text"),
        ("date", {"value": "9" * 19}, "value of a date field: text"),
        ("date", {"value": 10**15}, "value of a date field: number"),
        ("date", {"value": True}, "value of a date field: boolean"),
        ("birthday", {"value": [1]}, "value of a birthday field: list"),
        ("date_time", {"value": 1.5}, "value of a date_time field: number"),
        ("date_time", {"value": "0001-01-01T00:00:00+23:59"}, "value of a date_time field: text"),
        # What .NET calls no date: by the clocks of Moscow, before the year 1 in UTC.
        ("date_time", {"value": "0001-01-01T00:00:00"}, "value of a date_time field: text"),
        ("file", {"value": 5}, "value of a file field: number"),
        ("legal_entity", {"value": []}, "value of a legal_entity field: list"),
    ],
)
def test_what_a_field_cannot_hold_becomes_null_and_an_oddity(
    field_type: str, item: dict[str, Any], oddity: str
) -> None:
    assert texts(field_type, item) == [(None, None)]
    assert oddities_of([lead(1, custom_fields_values=[field(field_type, item)])]) == {oddity: 1}


@pytest.mark.parametrize(
    ("zone", "midnight", "day"),
    [
        ("UTC", 1_767_225_600, "2026-01-01"),
        ("Asia/Kolkata", 1_767_225_600 - 19_800, "2026-01-01"),
        ("Asia/Kathmandu", 1_767_225_600 - 20_700, "2026-01-01"),
        ("Europe/Berlin", 1_774_738_800, "2026-03-29"),  # the clocks go forward on that day
        ("America/Santiago", 1_788_667_200, "2026-09-06"),  # there is no midnight on that day
    ],
)
def test_dates_are_those_of_the_zone(zone: str, midnight: int, day: str) -> None:
    assert texts("date", {"value": midnight}, timezone=zone) == [(day, None)]


def test_moments_have_the_offset_of_their_season() -> None:
    moments = [{"value": 1_774_745_999}, {"value": 1_774_746_000}]
    assert texts("date_time", *moments, timezone="Europe/Berlin") == [
        ("2026-03-29T01:59:59+01:00", None),
        ("2026-03-29T03:00:00+02:00", None),
    ]


def test_offsets_with_seconds_give_way_to_utc_since_rfc_3339_has_none() -> None:
    assert texts("date_time", {"value": -2_840_140_800}) == [("1880-01-01T00:00:00+00:00", None)]


def test_a_value_nested_too_deeply_for_a_text_is_an_invalid_value() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    assert ValueFormatter(UTC).text(nested, "brand_new_type") == InvalidValue(
        "value of a brand_new_type field: nested too deeply"
    )


@pytest.mark.slow
@given(value=JSON)
def test_the_text_of_an_unknown_type_is_the_value(value: Any) -> None:
    ((text, _),) = texts("brand_new_type", {"value": value})
    if value is None:
        assert text is None
    elif isinstance(value, str):
        assert text == replaced(value)
    else:
        assert text is not None
        assert json.loads(text) == json.loads(replaced(json.dumps(value, ensure_ascii=False)))


@pytest.mark.parametrize("field_type", ["text", "file", "brand_new_type", None])
def test_a_text_stays_as_it_is(field_type: str | None) -> None:
    assert ValueFormatter(UTC).text(" a\n", field_type) == " a\n"


def test_a_text_and_a_number_of_equal_characters_are_told_apart() -> None:
    formatter = ValueFormatter(UTC)
    assert formatter.text("1e5", "date") == InvalidValue("value of a date field: text")
    assert formatter.text(Number("1e5"), "date") == "1970-01-02"
