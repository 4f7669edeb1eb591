from __future__ import annotations

from typing import Any

import pytest

from amocrm_assets.captures import OpenCapture
from amocrm_assets.entities import LEADS
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.merge import rows_of_day
from amocrm_assets_tests.rows.days import DAY, capture_header, field, lead, line, merged, rows_in, rows_of, source

DEFINED: list[dict[str, Any]] = [
    {"id": 1, "name": "Город", "code": None, "is_predefined": False},
    {"id": 2, "name": "Источник", "code": "UTM_SOURCE", "is_predefined": True},
    {"id": 3, "name": "Город", "code": "CITY", "is_predefined": False},
    {"id": 4, "name": "город", "code": None},
    {"id": 2024, "name": "7", "code": None, "is_predefined": None},
]
SENT = lead(
    9,
    custom_fields_values=[
        field(
            "text",
            {"value": f"{entry['id']}"},
            field_id=entry["id"],
            field_name=entry["name"],
            field_code=entry["code"],
        )
        for entry in DEFINED
    ],
)


def taken(chosen: list[str | int] | None, sent: dict[str, Any] = SENT) -> list[int]:
    """Ids of the custom fields that come with this choice."""
    (row,) = rows_of([sent], fields=DEFINED, leads_custom_fields=chosen)
    return [entry["id"] for entry in row["custom_fields"]]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (None, [1, 2, 3, 4, 2024]),
        ([], []),
        (["Город"], [1, 3]),
        (["город"], [4]),
        (["UTM_SOURCE"], [2]),
        ([2], [2]),
        (["3"], [3]),
        ([7], [2024]),
        (["Город", 1, "CITY"], [1, 3]),
        (["Source"], []),
    ],
)
def test_fields_are_chosen_by_name_code_or_id(chosen: list[str | int] | None, ids: list[int]) -> None:
    assert taken(chosen) == ids


def test_a_renamed_field_is_found_by_its_name_in_the_lead_and_in_the_header() -> None:
    sent = lead(9, custom_fields_values=[field("text", {"value": "x"}, field_id=1, field_name="Населённый пункт")])
    assert taken(["Населённый пункт"], sent) == [1]
    assert taken(["Город"], sent) == [1]
    assert taken(["Страна"], sent) == []


def test_a_field_is_a_system_field_where_its_definition_says_so() -> None:
    (row,) = rows_of([SENT], fields=DEFINED)
    assert [entry["is_system"] for entry in row["custom_fields"]] == [False, True, False, None, None]


def test_the_newest_definitions_win_and_older_ones_tell_of_fields_that_are_gone() -> None:
    old = [{"id": 1, "name": "Старое", "is_predefined": True}, {"id": 2, "is_predefined": True}]
    new = [{"id": 1, "name": "Новое", "is_predefined": False}]
    sent = lead(9, custom_fields_values=[field("text", field_id=number) for number in (1, 2, 3)])
    captures = [
        OpenCapture(capture_header(0, old), iter([line(sent)])),
        OpenCapture(capture_header(1, new), iter([])),
    ]
    (row,) = rows_in(rows_of_day(LEADS, captures, source=source(), day=DAY))
    assert [entry["is_system"] for entry in row["custom_fields"]] == [False, True, None]


def test_definitions_tell_what_a_field_is_called_and_the_newest_ones_whether_it_is_a_system_field() -> None:
    new, old = [{"id": 1, "name": "Новое", "is_predefined": False}], [{"id": 1, "name": "Старое"}, DEFINED[1]]
    choice = FieldSelection(["Старое"], [new, old])
    assert choice.takes(1, "Новейшее", None)
    assert not choice.takes(2, "Другое", None)
    assert [choice.is_system(number) for number in (1, 2, 3)] == [False, True, None]
    assert choice.missing() == {}


def test_missing_fields_are_named_with_those_that_come_close() -> None:
    rows = merged([SENT], fields=DEFINED, leads_custom_fields=["Горад", "utm_source", "Город", 2024, 555])
    assert rows.missing_fields == {"555": [], "utm_source": ["UTM_SOURCE"], "Горад": ["город"]}


def test_a_field_that_only_a_lead_has_is_not_missing() -> None:
    assert merged([SENT], leads_custom_fields=["CITY"]).missing_fields == {}
    assert merged([lead(1)], leads_custom_fields=["CITY"]).missing_fields == {"CITY": []}


def test_definitions_with_strange_entries_are_no_obstacle() -> None:
    strange: list[dict[str, Any]] = [{}, {"id": "5", "name": 7}, {"id": 6, "name": None, "code": []}, {"id": True}]
    choice = FieldSelection(["x"], [strange])
    assert choice.is_system(6) is None
    assert choice.missing() == {"x": []}
