"""Rows of tasks and calls: results, directions, the parts of a call, and what telephony services make of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.entities import CALLS, TASKS
from amocrm_assets_tests.rows.any_json import JSON
from amocrm_assets_tests.rows.days import UPDATED_AT
from amocrm_assets_tests.rows.tasks_and_calls import call, task
from amocrm_assets_tests.rows.test_parties import rows


@pytest.mark.parametrize(
    ("result", "text"), [([], None), ({}, None), (None, None), ({"text": "Оплатили"}, "Оплатили"), ("ok", "ok")]
)
def test_a_task_has_the_text_of_its_result(result: Any, text: str | None) -> None:
    ((row,), oddities) = rows(TASKS, [task(5, result=result)])
    assert row["result"] == text
    assert oddities == []
    assert {name: row[name] for name in ("entity_type", "entity_id", "is_completed", "complete_till")} == {
        "entity_type": "leads",
        "entity_id": 21,
        "is_completed": False,
        "complete_till": UPDATED_AT + 86_400,
    }


@pytest.mark.parametrize(
    ("result", "oddity"),
    [
        ([{"text": "a"}], "result: list instead of text"),
        ({"text": 5}, "result: number instead of text"),
        (5, "result: number instead of text"),
    ],
)
def test_a_result_that_is_no_text_is_noted(result: Any, oddity: str) -> None:
    ((row,), oddities) = rows(TASKS, [task(5, result=result)])
    assert row["result"] is None
    assert oddities == [oddity]


def test_a_task_about_nothing_is_a_row() -> None:
    ((row,), oddities) = rows(TASKS, [task(5, entity_id=None, entity_type=None)])
    assert (row["entity_id"], row["entity_type"], oddities) == (None, None, [])


def test_of_a_task_the_newest_version_is_its_row() -> None:
    done = task(5, is_completed=True, updated_at=UPDATED_AT + 5)
    ((row,), _) = rows(TASKS, [done], [task(5), task(5, text="later in the same second")])
    assert (row["is_completed"], row["updated_at"]) == (True, UPDATED_AT + 5)


def test_a_call_has_its_parts_in_columns() -> None:
    ((row,), oddities) = rows(CALLS, [call(5, is_pinned=False)])
    assert oddities == []
    assert {name: row[name] for name in ("entity_type", "entity_id", "id", "direction", "duration", "phone")} == {
        "entity_type": "contacts",
        "entity_id": 51,
        "id": 5,
        "direction": "in",
        "duration": 54,
        "phone": "+7 999 000-11-22",
    }
    assert (row["uniq"], row["source"], row["link"]) == (
        "8f52d38a-5fb3",
        "pbx",
        "https://pbx.example/8f52d38a.mp3",
    )
    assert (row["call_status"], row["call_result"], row["call_responsible"]) == (4, "Договорились", "Мария")


def test_calls_of_one_id_in_two_lists_are_two_rows_sorted_by_both() -> None:
    found, oddities = rows(
        CALLS, [call(5, "leads"), call(9, "contacts"), call(5, "contacts"), call(5, "companies")]
    )
    assert [(row["entity_type"], row["id"]) for row in found] == [
        ("companies", 5),
        ("contacts", 5),
        ("contacts", 9),
        ("leads", 5),
    ]
    assert oddities == []


def test_numbers_where_texts_belong_are_texts() -> None:
    params = {
        "uniq": 17,
        "phone": 79990001122,
        "call_responsible": 8100001,
        "call_result": None,
        "call_status": "4",
    }
    ((row,), oddities) = rows(CALLS, [call(5, params=params, note_type="call_out")])
    assert (row["uniq"], row["phone"], row["call_responsible"]) == ("17", "79990001122", "8100001")
    assert (row["direction"], row["call_result"], row["call_status"]) == ("out", None, 4)
    assert oddities == ["call_status: text instead of an integer, converted"]


@pytest.mark.parametrize(("params", "oddities"), [([], []), ("x", ["duration: text instead of an integer"])])
def test_a_call_without_parts_is_a_row_all_the_same(params: Any, oddities: list[str]) -> None:
    ((row,), found) = rows(CALLS, [call(5, params=params)])
    assert (row["direction"], row["duration"], row["phone"]) == ("in", None, None)
    assert found == oddities


@pytest.mark.slow
@given(result=JSON, params=JSON, kind=JSON, owner=JSON)
def test_no_value_of_any_property_loses_a_task_or_a_call(result: Any, params: Any, kind: Any, owner: Any) -> None:
    assert [row["id"] for row in rows(TASKS, [task(5, result=result, entity_id=owner), task(6)])[0]] == [5, 6]
    calls = [call(5, note_type=kind, entity_id=owner) | {"params": params}, call(6)]
    assert [row["id"] for row in rows(CALLS, calls)[0]] == [5, 6]


@pytest.mark.slow
@given(sent=st.lists(st.tuples(st.sampled_from(["leads", "contacts"]), st.integers(1, 5), st.integers(0, 9))))
def test_of_each_call_the_newest_version_is_its_row(sent: list[tuple[str, int, int]]) -> None:
    newest: dict[tuple[str, int], int] = {}
    for owners, number, later in sent:
        newest[owners, number] = max(later, newest.get((owners, number), 0))
    calls = [call(number, owners, updated_at=UPDATED_AT + later) for owners, number, later in sent]
    found = {
        (row["entity_type"], row["id"]): row["updated_at"] - UPDATED_AT
        for row in rows(CALLS, calls[::2], calls[1::2])[0]
    }
    assert found == newest
