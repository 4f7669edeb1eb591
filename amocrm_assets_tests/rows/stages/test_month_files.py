"""A table kept up day by day reads only the months that changed, and makes lost or damaged month files again."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import EVENTS, LEADS, STAGES
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.rows.latest_table.tables import day, seconds
from amocrm_assets_tests.rows.stages.tables import (
    MADE,
    content,
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
    from pathlib import Path

    from amocrm_assets.storage import Storage

# The first of February is the day of number 31.
DAYS = range(28, 34)


def lives(seed: int) -> tuple[dict[int, list[dict[str, Any]]], dict[int, list[dict[str, Any]]]]:
    """Events and leads of some days, some of which lie in two months."""
    chance, number = Random(seed), 0
    events: dict[int, list[dict[str, Any]]] = {each: [] for each in DAYS}
    leads: dict[int, list[dict[str, Any]]] = {each: [] for each in DAYS}
    stages = dict.fromkeys(range(1, 40), 21)
    for each in DAYS:
        for lead_id in chance.sample(sorted(stages), 15):
            at, after = seconds(each, chance.randrange(24)), chance.randrange(21, 25)
            number += 1
            events[each].append(moved(number, lead_id, at, stages[lead_id], after))
            leads[each].append(state(lead_id, at, after, made_at=MADE))
            stages[lead_id] = after
    return events, leads


@pytest.mark.slow
def test_a_table_that_is_kept_up_day_by_day_is_the_one_that_is_made_at_once(tmp_path: Path) -> None:
    kept, fresh = (open_storage(str(tmp_path / name)) for name in ("kept", "fresh"))
    events, leads = lives(1)
    read = []
    for number in DAYS:
        write_events(kept, {number: events[number]}, settings())
        write_leads(kept, {number: leads[number]}, settings())
        read.append(written(kept, settings()).days_read)
    assert read == [2, 4, 6, 2, 4, 6]  # the days of one month, of events and of leads
    assert written(kept, settings()).days_read == 0
    # A day that is read again has a lead and an event more.
    more = moved(9999, 77, seconds(29), 21, 22)
    write_events(kept, {29: [*events[29], more]}, settings(), reading=1)
    assert written(kept, settings()).days_read == 3
    write_events(fresh, events | {29: [*events[29], more]}, settings())
    write_leads(fresh, leads, settings())
    found = content(kept, settings())
    # What the rows say is the same; which versions of rows files it was made of is not.
    assert found[STAGES.rows_name("acme")] == content(fresh, settings())[STAGES.rows_name("acme")]
    assert found == content(kept, settings())


def test_a_month_whose_rows_are_gone_and_a_damaged_file_are_not_believed(storage: Storage) -> None:
    fill(storage)
    write_events(storage, {40: [moved(99, 8, seconds(40), 21, 22)]}, settings())
    before = rows(storage, settings())
    assert before[-1]["lead_id"] == 8
    folder = STAGES.rows_folder("acme")
    name = f"{folder}/{EVENTS.name}-2026-01.parquet"
    with storage.as_local_path(name) as path:
        path.write_bytes(path.read_bytes()[:-20])
    assert rows(storage, settings()) == before
    storage.delete(f"{EVENTS.table.rows_folder('acme')}/{day(40)}.parquet")
    assert [row for row in before if row["lead_id"] != 8] == rows(storage, settings())
    assert f"{folder}/{EVENTS.name}-2026-02.parquet" not in storage.names(folder)


def test_what_a_killed_run_left_is_removed(storage: Storage) -> None:
    fill(storage)
    names = (STAGES.rows_name("acme"), f"{STAGES.rows_folder('acme')}/{EVENTS.name}-2026-01.parquet")
    left = []
    for name in names:
        with storage.temp_file(name) as path:
            left.append(path)
        path.write_bytes(b"PAR1 and no more")
    written(storage, settings())
    assert [path for path in left if path.exists()] == []


def test_what_was_noticed_is_counted(storage: Storage) -> None:
    fill(storage)
    write_events(storage, {2: [moved(50, 1, seconds(2), 23, 22)]}, settings())
    began = time.perf_counter()
    found = written(storage, settings())
    assert 0 < found.seconds < time.perf_counter() - began
    assert (found.row_count, found.records, found.days, found.days_read) == (10, 5, 3, 5)
    assert found.origins == {"event": 5, "first_value_before": 3, "present_state": 2}
    assert found.unknown_moments == 1
    assert LEADS is STAGES.of
