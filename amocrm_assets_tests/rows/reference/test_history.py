"""History of the reference tables, as a function of captures alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.entities.reference import REFERENCE_TABLES, reference_table
from amocrm_assets.errors import ActionRequired, CapturesMixed
from amocrm_assets.rows.reference import reference_rows, write_reference_tables
from amocrm_assets.rows.reference.history import History, Version
from amocrm_assets.rows.reference.records import Key, ListedRecord, TableReading
from amocrm_assets_tests.rows.reference.readings import BEGINNING, capture, night, rows
from amocrm_assets_tests.rows.reference.records import GROUPS, STATUSES, USERS, periods, pipeline, user

if TYPE_CHECKING:
    from datetime import datetime

    from amocrm_assets.storage import Storage


def test_a_user_who_was_renamed_has_two_rows_that_do_not_overlap(storage: Storage) -> None:
    capture(storage, night(0), {"users": [user(1, "Анна Ветрова")]})
    capture(storage, night(1), {"users": [user(1, "Анна Ветрова")]})
    capture(storage, night(2), {"users": [user(1, "Анна Кленова")]})

    found = rows(storage, USERS)

    assert periods(found, 1) == [("Анна Ветрова", BEGINNING, night(2)), ("Анна Кленова", night(2), None)]
    assert [row["is_current"] for row in found if row["id"] == 1] == [False, True]
    assert {row["first_seen_at"] for row in found if row["id"] == 1} == {night(0)}


def test_a_stage_that_is_gone_keeps_its_name_and_says_since_when(storage: Storage) -> None:
    stage, other = {"id": 11, "name": "Переговоры", "type": 0}, {"id": 142, "name": "Успех", "type": 0}
    capture(storage, night(0), {"pipelines": [pipeline(stage, other)]})
    for number in (1, 2):
        capture(storage, night(number), {"pipelines": [pipeline(other)]})

    found = rows(storage, STATUSES)

    assert periods(found, 11) == [("Переговоры", BEGINNING, night(1)), ("Переговоры", night(1), None)]
    (current,) = [row for row in found if row["id"] == 11 and row["is_current"]]
    assert (current["is_deleted"], current["deleted_at"], current["pipeline_id"]) == (True, night(1), 3)
    assert {row["outcome"] for row in found} == {"open", "won"}


def test_what_an_unproven_list_does_not_show_is_not_deleted(storage: Storage) -> None:
    capture(storage, night(0), {"users": [user(1, "A"), user(2, "B")]})
    capture(storage, night(1), {"users": [user(1, "A2")]}, incomplete=["users"])

    assert periods(rows(storage, USERS), 1)[-1] == ("A2", night(1), None)
    assert periods(rows(storage, USERS), 2) == [("B", BEGINNING, None)]


def test_a_list_that_says_nothing_of_a_part_deletes_nothing_of_it(storage: Storage) -> None:
    group = {"id": 31, "name": "Опт"}
    capture(storage, night(0), {"account": [{"id": 7, "_embedded": {"users_groups": [group]}}]})
    capture(storage, night(1), {"account": [{"id": 7, "_embedded": {}}]})

    assert periods(rows(storage, GROUPS), 31) == [("Опт", BEGINNING, None)]
    written = write_reference_tables([GROUPS], storage, "acme")["amoCrmGroups"]
    assert written.oddities == {"account without _embedded.users_groups": 1}
    assert not written.is_complete


def test_a_record_that_comes_back_has_a_row_for_each_of_its_times(storage: Storage) -> None:
    for number, users in enumerate([[user(1, "A")], [], [user(1, "A")]]):
        capture(storage, night(number), {"users": users})

    found = [row for row in rows(storage, USERS) if row["id"] == 1]
    assert [(row["valid_from"], row["is_deleted"]) for row in found] == [
        (BEGINNING, False),
        (night(1), True),
        (night(2), False),
    ]
    assert found[-1]["deleted_at"] is None


def test_the_first_row_reaches_back_to_the_creation_where_amocrm_tells_it(storage: Storage) -> None:
    reasons = [
        {"id": 1, "name": "Дорого", "created_at": 1_690_000_000},
        {"id": 2, "name": "created later than it was read", "created_at": 2_000_000_000},
        {"id": 3, "name": "created in the second of the reading", "created_at": int(night(0).timestamp())},
        {"id": 4, "name": "created in the first second of all", "created_at": 1},
    ]
    capture(storage, night(0), {"loss_reasons": reasons})
    found = rows(storage, reference_table("amoCrmLossReasons"))
    assert [row["valid_from"].timestamp() for row in found] == [1_690_000_000, 0, night(0).timestamp(), 1]


def test_robot_and_default_group_are_there_and_a_users_group_joins_with_a_leads(storage: Storage) -> None:
    capture(storage, night(0), {"users": [user(1, "A"), user(2, "B", group_id=31)]})

    users, groups = rows(storage, USERS), rows(storage, GROUPS)
    assert {row["id"]: row["group_id"] for row in users} == {0: None, 1: 0, 2: 31}
    assert [(row["name"], row["first_seen_at"]) for row in users if row["id"] == 0] == [("Robot", None)]
    assert [(row["id"], row["name"]) for row in groups] == [(0, "Default group")]


def test_a_list_that_names_the_default_group_gives_it_its_name_from_the_beginning(storage: Storage) -> None:
    capture(storage, night(0), {"users": []})
    group = {"id": 0, "name": "Отдел продаж"}
    capture(storage, night(1), {"account": [{"id": 7, "_embedded": {"users_groups": [group]}}]})
    capture(storage, night(2), {"users": []})

    assert periods(rows(storage, GROUPS), 0) == [("Отдел продаж", BEGINNING, None)]


def test_values_that_no_column_holds_become_null_and_are_counted(storage: Storage) -> None:
    broken = {"id": "5", "name": ["x"], "rights": {"is_admin": "1", "is_free": 3}, "lang": "\ud83d"}
    capture(storage, night(0), {"users": [broken, {"name": "no id"}]})

    written = write_reference_tables(REFERENCE_TABLES, storage, "acme")["amoCrmUsers"]
    (row,) = [row for row in rows(storage, USERS) if row["id"] == 5]
    assert (row["name"], row["is_admin"], row["is_free"], row["lang"]) == (None, True, None, "\ufffd")
    assert written.oddities == {"name: list": 1, "is_free: number": 1, "user without id": 1}


def test_choices_of_fields_are_compared_and_kept(storage: Storage) -> None:
    fields = reference_table("amoCrmCustomFields")
    for number, value in enumerate(("Сайт", "Сайт", "Веб-сайт")):
        choice = {"id": 9, "value": value, "sort": 1, "code": None}
        field = {"id": 1, "name": "Источник", "type": "select", "enums": [choice]}
        capture(storage, night(number), {"leads_custom_fields": [field], "contacts_custom_fields": [field]})

    found = rows(storage, fields)
    assert [(row["entity_type"], row["enums"][0]["value"]) for row in found] == [
        ("contacts", "Сайт"),
        ("contacts", "Веб-сайт"),
        ("leads", "Сайт"),
        ("leads", "Веб-сайт"),
    ]


@pytest.mark.parametrize(("enums", "kind"), [("none", "text"), ([{"id": 9}, 9], "list"), ({"id": 9}, "object")])
def test_choices_that_are_no_list_of_objects_are_none_and_counted(storage: Storage, enums: Any, kind: str) -> None:
    fields = reference_table("amoCrmCustomFields")
    lists = [{"id": 1, "name": "Источник", "enums": enums}, {"id": 2, "name": "Город", "enums": None}]
    capture(storage, night(0), {"leads_custom_fields": lists})
    assert [row["enums"] for row in rows(storage, fields)] == [[], []]
    written = write_reference_tables([fields], storage, "acme")["amoCrmCustomFields"]
    assert (written.oddities, written.is_complete) == ({f"enums: {kind}": 1}, True)


def test_tables_without_a_capture_name_what_to_do(storage: Storage) -> None:
    with pytest.raises(ActionRequired, match="Materialise `raw_reference` first"):
        write_reference_tables(REFERENCE_TABLES, storage, "acme")
    assert reference_rows(USERS, storage, "acme", ["id"]) is None


def test_captures_of_two_accounts_make_no_table(storage: Storage) -> None:
    capture(storage, night(0), {})
    capture(storage, night(1), {}, account_id=8)
    with pytest.raises(CapturesMixed):
        write_reference_tables(REFERENCE_TABLES, storage, "acme")


# What holds for any readings.

_SEEN = st.builds(
    ListedRecord,
    values=st.sampled_from([(value,) for value in "abc"]),
    created_at=st.none() | st.integers(0, int(night(40).timestamp())),
)
_READINGS = st.lists(
    st.builds(
        TableReading,
        records=st.dictionaries(st.sampled_from([(0,), (1,), (2,)]), _SEEN),
        is_complete=st.booleans(),
    ),
    max_size=12,
)


def made(readings: list[TableReading], split: int = 0) -> list[Version]:
    """Versions after all readings; `split`: after so many, the versions are kept and taken up again."""
    before = History(GROUPS)
    for number, reading in enumerate(readings[:split]):
        before.add(night(number), reading)
    history = History(GROUPS, before.versions()) if split else before
    for number, reading in enumerate(readings[split:], start=split):
        history.add(night(number), reading)
    return list(history.versions())


def found_at(versions: list[Version], key: Key, at: datetime) -> list[Version]:
    return [
        each
        for each in versions
        if each.key == key and each.valid_from <= at and (each.valid_to is None or at < each.valid_to)
    ]


@given(_READINGS)
def test_every_moment_since_its_beginning_finds_a_record_once(readings: list[TableReading]) -> None:
    versions = made(readings)
    for key in {each.key for each in versions}:
        begin = min(each.valid_from for each in versions if each.key == key)
        for number in range(len(readings) + 1):
            assert len(found_at(versions, key, max(begin, night(number)))) == 1
    assert all(each.valid_to is None or each.valid_from < each.valid_to for each in versions)


@pytest.mark.slow
@given(_READINGS)
def test_each_reading_is_found_again_as_of_its_time(readings: list[TableReading]) -> None:
    versions = made(readings)
    for number, reading in enumerate(readings):
        for key, seen in reading.records.items():
            (version,) = found_at(versions, key, night(number))
            assert (version.values, version.is_deleted) == (seen.values, False)
        seen_before = {key for earlier in readings[:number] for key in earlier.records} - {(0,)}
        if reading.is_complete:
            for key in seen_before - reading.records.keys():
                (version,) = found_at(versions, key, night(number))
                assert version.is_deleted


@pytest.mark.slow
@given(_READINGS)
def test_no_record_that_was_seen_is_lost_and_each_has_one_open_row(readings: list[TableReading]) -> None:
    versions = made(readings)
    seen = {key for reading in readings for key in reading.records} | {(0,)}
    assert {each.key for each in versions} == seen
    assert Counter(each.key for each in versions if each.valid_to is None) == Counter(seen)


@pytest.mark.slow
@given(_READINGS, st.data())
def test_going_on_equals_beginning_anew(readings: list[TableReading], data: st.DataObject) -> None:
    split = data.draw(st.integers(0, len(readings)))
    assert made(readings, split) == made(readings)
