"""Which lines of captures rows need, and which of their properties."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import CONTACTS, LEADS, TASKS
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets.rows.needed_records import RecordReducer, needed_lines
from amocrm_assets_tests.rows.days import DAY, UPDATED_AT, capture_header, field, lead, line, source, stub
from amocrm_assets_tests.rows.tasks_and_calls import task

Version = dict[str, Any]
WHOLE = {"contacts": [{"id": 51, "is_main": True}], "tags": []}
CITY, OTHER = field("text", {"value": "x"}), field("text", {"value": "y"}, field_id=6, field_name="Другое")


def at(seconds: int | None, **properties: Any) -> Version:
    """A version of lead 1 with all details, updated so many seconds into the day."""
    updated_at = None if seconds is None else UPDATED_AT + seconds
    return lead(1, _embedded=WHOLE) | {"updated_at": updated_at} | properties


def gone(seconds: int, **properties: Any) -> Version:
    return stub(1, updated_at=UPDATED_AT + seconds, **properties)


def opened(*captures: list[Version]) -> list[OpenCapture]:
    return [OpenCapture(capture_header(age), iter(list(map(line, each)))) for age, each in enumerate(captures)]


def needed(*captures: list[Version], entity: Any = LEADS, **settings: Any) -> list[tuple[int, int]]:
    of = source(**settings)
    selection = FieldSelection(entity.choices.fields(of), [])
    return sorted(needed_lines(entity, opened(*captures), source=of, selection=selection))


@pytest.mark.parametrize(
    ("captures", "lines"),
    [
        ([], []),
        ([[]], []),
        ([[at(1), at(5), at(3)]], [(0, 1)]),
        ([[at(5)], [at(3)]], [(0, 0)]),
        ([[at(5)], [at(5)]], [(1, 0)]),
        ([[at(5), at(5)], []], [(0, 1)]),
        ([[at(None)], [at(0)]], [(1, 0)]),
        ([[at(0)], [at(None)]], [(0, 0)]),
        ([[at(None)], [at(None)]], [(1, 0)]),
        ([[lead(2), at(5)], [lead(3)]], [(0, 0), (0, 1), (1, 0)]),
    ],
)
def test_the_newest_version_of_each_record_is_needed(
    captures: list[list[Version]], lines: list[tuple[int, int]]
) -> None:
    assert needed(*captures) == lines


@pytest.mark.parametrize(
    ("captures", "lines"),
    [
        ([[gone(5)]], [(0, 0)]),
        ([[gone(5)], [gone(5)]], [(1, 0)]),
        ([[at(5)], [gone(6)]], [(0, 0), (1, 0)]),
        ([[at(5)], [gone(5)]], [(0, 0), (1, 0)]),
        ([[gone(5)], [at(5)]], [(1, 0)]),
        ([[gone(4)], [at(5)], [gone(4)]], [(1, 0)]),
        ([[at(5), gone(6), at(7)]], [(0, 2)]),
        # Deleted with its columns, it is a version like others.
        ([[at(5)], [at(6, is_deleted=True)]], [(1, 0)]),
    ],
)
def test_the_stub_that_deletes_a_record_is_needed_beside_its_last_full_version(
    captures: list[list[Version]], lines: list[tuple[int, int]]
) -> None:
    assert needed(*captures) == lines


@pytest.mark.parametrize(
    ("captures", "lines"),
    [
        ([[at(5)], [at(5, _embedded={})]], [(0, 0), (1, 0)]),
        ([[at(5, _embedded={})], [at(5)]], [(1, 0)]),
        ([[at(5)], [at(6, _embedded={})]], [(1, 0)]),
        ([[at(5)], [at(6)], [at(6)], [at(6, _embedded={})]], [(2, 0), (3, 0)]),
        # Neither a deleted record nor a stub is read with details, so none replaces one that lacks them.
        ([[at(5, is_deleted=True)], [at(5, _embedded={})]], [(1, 0)]),
        ([[gone(5, _embedded=WHOLE)], [at(5, _embedded={})]], [(1, 0)]),
    ],
)
def test_the_whole_version_of_the_same_time_is_needed_beside_one_without_details(
    captures: list[list[Version]], lines: list[tuple[int, int]]
) -> None:
    assert needed(*captures) == lines


def test_a_line_without_a_usable_key_is_not_needed_and_counts_in_the_numbers_of_lines() -> None:
    assert needed([{"name": "no id"}, at(5), {"id": "x"}, lead(2)]) == [(0, 1), (0, 3)]
    many = [lead(number) for number in range(1, 301)]  # several chunks
    assert needed([*many, lead(300)]) == [(0, place) for place in (*range(299), 300)]


def test_what_the_source_does_not_choose_fills_no_stub() -> None:
    filled = gone(6, custom_fields_values=[OTHER])
    assert needed([at(5)], [filled]) == [(1, 0)]
    assert needed([at(5)], [filled], leads_custom_fields=["Поле"]) == [(0, 0), (1, 0)]


def test_what_the_source_drops_fills_no_stub() -> None:
    by_name = replace(LEADS, stubs_lack=("name",))
    versions = [at(5)], [gone(6, name="x")]
    assert needed(*versions, entity=by_name) == [(1, 0)]
    assert needed(*versions, entity=by_name, import_lead_name=False) == [(0, 0), (1, 0)]


def test_of_records_that_nobody_can_delete_the_newest_version_is_needed() -> None:
    versions = [task(1, updated_at=UPDATED_AT + seconds) for seconds in (1, 9, 5)]
    assert needed(versions, entity=TASKS) == [(0, 1)]


def reducer(entity: Any = LEADS, **settings: Any) -> RecordReducer:
    of = source(**settings)
    return RecordReducer(entity, of, FieldSelection(entity.choices.fields(of), []))


def test_properties_with_a_column_in_some_table_stay_and_all_others_go() -> None:
    sent = lead(1, source_id=7, price_with_minor_units=1, secret="x")
    kept = json.loads(reducer()(line(sent)))
    assert sent.keys() - kept.keys() == {"_links", "is_price_computed", "secret"}
    assert {name: sent[name] for name in kept} == kept
    assert "name" not in json.loads(reducer(import_lead_name=False)(line(sent)))


def test_rows_of_the_reduced_records_are_those_of_the_records() -> None:
    sent = [lead(1, custom_fields_values=[CITY, OTHER], _embedded=WHOLE, secret="x"), stub(2)]
    settings = {"leads_custom_fields": ["Поле"], "import_lead_name": False}
    reduced = list(map(reducer(**settings), map(line, sent)))
    for table in LEADS.tables:
        rows = [
            [
                row
                for rows in rows_of_day(
                    LEADS,
                    [OpenCapture(capture_header(), iter(lines))],
                    source=source(**settings),
                    day=DAY,
                    table=table,
                ).tables()
                for row in rows.to_pylist()
            ]
            for lines in (list(map(line, sent)), reduced)
        ]
        assert rows[0] == rows[1] != []


@pytest.mark.parametrize(
    ("fields", "kept", "left_out"),
    [
        ([CITY, OTHER], [CITY], {"Другое"}),
        ({"0": OTHER, "2": CITY}, {"2": CITY}, {"Другое"}),
        ([OTHER], [], {"Другое"}),
        ([OTHER | {"field_name": None, "field_code": "PHONE"}], [], {"PHONE"}),
        ([OTHER | {"field_name": 5}], [], {"6"}),
        ([CITY, "a text", 5, None], [CITY], set()),
        (None, None, set()),
        ([], [], set()),
        ("a text", "a text", set()),
    ],
)
def test_fields_that_are_not_chosen_go_and_are_named(fields: Any, kept: Any, left_out: set[str]) -> None:
    reduced = reducer(leads_custom_fields=["Поле"])
    assert json.loads(reduced(line(lead(1, custom_fields_values=fields))))["custom_fields_values"] == kept
    assert reduced.left_out == left_out


@pytest.mark.parametrize("chosen", ["Поле", "5", "CODE"])
def test_a_field_is_chosen_by_its_name_id_or_code(chosen: str) -> None:
    reduced = reducer(leads_custom_fields=[chosen])
    sent = line(lead(1, custom_fields_values=[CITY | {"field_code": "CODE"}, OTHER]))
    assert [each["field_id"] for each in json.loads(reduced(sent))["custom_fields_values"]] == [5]
    assert reduced.left_out == {"Другое"}


def test_without_a_choice_all_fields_stay_and_records_without_fields_get_none() -> None:
    reduced = reducer()
    assert json.loads(reduced(line(lead(1, custom_fields_values=[CITY, OTHER]))))["custom_fields_values"] == [
        CITY,
        OTHER,
    ]
    choosing = reducer(leads_custom_fields=["Поле"])
    assert json.loads(choosing(b'{"id":1,"secret":2}')) == {"id": 1}
    assert json.loads(reducer(CONTACTS, leads_custom_fields=[])(b'{"id":1,"custom_fields_values":[{}]}')) == {
        "id": 1,
        "custom_fields_values": [{}],
    }
    assert reduced.left_out == choosing.left_out == set()


@pytest.mark.parametrize(
    ("name", "fields", "kept"),
    [
        (b'"\xff"', b'[{"field_id":6}]', b"[]"),
        # Too deep for the decoder: better too much than too little.
        (b"[" * 5000 + b"]" * 5000, b'[{"field_id":6}]', b'[{"field_id":6}]'),
        (b"1", b'[{"field_id":6,"x":' + b"[" * 100 + b"]" * 100 + b"}]", b"[]"),
    ],
)
def test_a_malformed_record_stays_as_far_as_it_can_be_decoded(name: bytes, fields: bytes, kept: bytes) -> None:
    sent = b'{"id":1,"name":%s,"secret":2,"custom_fields_values":%s}'
    expected = b'{"id":1,"name":%s,"custom_fields_values":%s}' % (name, kept)
    assert reducer(leads_custom_fields=["x"])(sent % (name, fields)) == expected
