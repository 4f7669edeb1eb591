"""The table of stages is what the rows of all days say: made from nothing, kept up day by day, on any storage."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import EVENTS, LEADS, STAGES
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows import write_rows
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.rows.stages import files, ordered
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.rows.days import keep, stub
from amocrm_assets_tests.rows.latest_table.tables import day, seconds
from amocrm_assets_tests.rows.reference.readings import capture, night
from amocrm_assets_tests.rows.stages.tables import (
    MADE,
    event,
    fill,
    moved,
    rows,
    settings,
    state,
    write_events,
    write_leads,
    written,
)

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage


def shown(found: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found]


def test_events_and_newest_rows_of_all_days_give_the_stages_of_each_lead(storage: Storage) -> None:
    fill(storage)
    found = rows(storage, settings())
    assert shown(
        found, "lead_id", "stage_number", "status_id", "entered_at", "left_at", "is_current", "origin"
    ) == [
        (1, 1, 21, MADE, MADE + 60, False, "first_value_before"),
        (1, 2, 22, MADE + 60, seconds(1), False, "event"),
        (1, 3, 142, seconds(1), None, True, "event"),
        (2, 1, 22, MADE, seconds(1), False, "present_state"),
        (3, 1, 22, MADE, None, True, "present_state"),
        (4, 1, 21, MADE - 10**7, seconds(1), False, "first_value_before"),
        (4, 2, 23, seconds(1), None, True, "event"),
        (5, 1, None, MADE, None, True, "event"),
    ]
    assert [row["is_deleted"] for row in found] == [row["lead_id"] == 2 for row in found]


def test_the_other_columns_follow_from_these(storage: Storage) -> None:
    fill(storage)
    first, second, third = rows(storage, settings())[:3]
    assert list(first) == list(STAGES.column_names)
    assert second == {
        "lead_id": 1,
        "stage_number": 2,
        "pipeline_id": 11,
        "status_id": 22,
        "previous_pipeline_id": 11,
        "previous_status_id": 21,
        "pipeline_name": None,
        "status_name": None,
        "status_sort": None,
        "previous_status_name": None,
        "outcome": "open",
        "visit_number": 1,
        "entered_at": MADE + 60,
        "left_at": seconds(1),
        "entered_date": date(2026, 1, 1),
        "entered_time": datetime.fromtimestamp(MADE + 60, UTC),
        "left_time": datetime.fromtimestamp(seconds(1), UTC),
        "seconds_in_stage": seconds(1) - MADE - 60,
        "is_current": False,
        "entered_by": 7,
        "entered_by_name": None,
        "is_deleted": False,
        "origin": "event",
    }
    assert (first["previous_status_id"], first["entered_by"]) == (None, 3)
    assert (third["outcome"], third["left_time"], third["seconds_in_stage"]) == ("won", None, None)


def test_visits_of_a_stage_are_counted_by_pipeline_and_stage(storage: Storage) -> None:
    other = {"value_after": [{"lead_status": {"id": 21, "pipeline_id": 12}}]}
    back = {"value_before": [{"lead_status": {"id": 21, "pipeline_id": 12}}]}
    write_events(
        storage,
        {
            0: [
                moved(1, 1, MADE, 21, 143),
                moved(2, 1, MADE + 1, 143, 21),
                moved(3, 1, MADE + 2, 21, None, **other),
                moved(4, 1, MADE + 3, None, 21, **back),
            ]
        },
        settings(),
    )
    found = rows(storage, settings())
    assert shown(found, "pipeline_id", "status_id", "visit_number", "outcome") == [
        (11, 21, 1, "open"),
        (11, 143, 1, "lost"),
        (11, 21, 2, "open"),
        (12, 21, 1, "open"),
        (11, 21, 3, "open"),
    ]


@pytest.mark.parametrize("batch_rows", [1, 3, 50])
def test_a_file_has_groups_of_one_size_however_many_records_come_together(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(files, "_GROUP_ROWS", 3)
    monkeypatch.setattr(ordered, "_BATCH_ROWS", batch_rows)
    fill(storage)
    with storage.as_local_path(written(storage, settings()).name) as path:
        metadata = pq.read_metadata(path)
        ids = pq.read_table(path, columns=["lead_id"])["lead_id"].to_pylist()
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [3, 3, 2]
    assert ids == [1, 1, 1, 2, 3, 4, 4, 5]


def test_names_are_those_of_the_reference_tables(storage: Storage) -> None:
    fill(storage)
    statuses = [{"id": 21, "name": "New", "sort": 10}, {"id": 22, "name": "Talks", "sort": 20}]
    pipelines = [{"id": 11, "name": "Sales", "_embedded": {"statuses": statuses}}]
    capture(storage, night(0), {"pipelines": pipelines, "users": [{"id": 7, "name": "Peter Reed"}]})
    write_reference_tables(REFERENCE_TABLES, storage, "acme")
    found = rows(storage, settings(import_reference=True))
    names = ("pipeline_name", "previous_status_name", "status_name", "status_sort", "entered_by_name")
    assert shown(found[:3], *names) == [
        ("Sales", None, "New", 10, None),
        ("Sales", "New", "Talks", 20, "Peter Reed"),
        ("Sales", "Talks", None, None, "Peter Reed"),
    ]
    assert shown(rows(storage, settings())[:1], *names) == [(None,) * 5]


def test_a_row_of_a_later_day_counts_among_equally_new_ones_and_a_stub_says_nothing_of_the_stage(
    storage: Storage,
) -> None:
    write_events(storage, {0: [event(1, "lead_added", 9, MADE)]}, settings())
    write_leads(
        storage,
        {
            0: [state(1, MADE, 21, made_at=MADE), state(2, MADE, 22, made_at=MADE)],
            1: [state(2, seconds(1), 23, made_at=MADE)],
            2: [stub(2, updated_at=seconds(2))],
        },
        settings(),
    )
    found = rows(storage, settings())
    assert shown(found, "lead_id", "status_id", "left_at", "is_deleted") == [
        (1, 21, None, False),
        (2, 23, seconds(2), True),
        (9, None, None, False),
    ]


def test_an_event_that_two_days_hold_after_a_change_of_the_time_zone_counts_once(storage: Storage) -> None:
    late = seconds(0, 23)
    write_events(storage, {0: [moved(1, 1, late, 21, 22)]}, settings())
    by = settings(timezone="Asia/Vladivostok")
    keep(storage, [moved(1, 1, late, 21, 22)], entity=EVENTS, day=day(1), zone="Asia/Vladivostok", number=30)
    write_rows(EVENTS, storage, by, day(1))
    found = rows(storage, by)
    assert shown(found, "status_id", "entered_at") == [(21, None), (22, late)]


def test_an_older_state_in_a_later_day_after_a_change_of_the_time_zone_does_not_count(storage: Storage) -> None:
    late = seconds(0, 23)
    write_events(storage, {0: [event(1, "lead_added", 1, late - 900)]}, settings())
    by = settings(timezone="Asia/Vladivostok")
    older = [state(1, late - 600, 21, made_at=late - 900)]
    keep(storage, older, entity=LEADS, day=day(1), zone="Asia/Vladivostok", number=30)
    write_rows(LEADS, storage, by, day(1))
    write_leads(storage, {0: [state(1, late, 22, made_at=late - 900)]}, settings())
    assert shown(rows(storage, by), "status_id", "entered_at") == [(22, late - 900)]


def test_without_rows_of_leads_events_alone_give_stages_and_without_events_there_is_no_table(
    storage: Storage,
) -> None:
    with pytest.raises(ActionRequired, match="Materialise `events` for a day first"):
        rows(storage, settings())
    write_leads(storage, {0: [state(1, MADE, 21, made_at=MADE)]}, settings())
    with pytest.raises(ActionRequired):
        rows(storage, settings())
    fresh = open_storage(str(storage.uri("fresh")))
    write_events(fresh, {0: [event(1, "lead_added", 1, MADE), moved(2, 1, MADE + 5, 21, 22)]}, settings())
    assert shown(rows(fresh, settings()), "status_id", "entered_at") == [(21, MADE), (22, MADE + 5)]
