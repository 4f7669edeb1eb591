"""A day's rows hold what belongs to it by the zone as it is now, from whatever capture, and all of that."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from amocrm_assets.captures import (
    CaptureWriter,
    captures_by_day,
    captures_of_day,
    captures_with_seconds_of,
    days_read_otherwise,
    finding,
    newest_whole_capture,
    read_header,
)
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired, CaptureDamaged, CapturesMixed, RowsIncomplete
from amocrm_assets.rows import latest, rows_name, write_rows
from amocrm_assets.rows.day_rows import DayRows
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.rows.days import DAY, capture_header, keep, lead, source, stub

if TYPE_CHECKING:
    from amocrm_assets.captures import CaptureHeader
    from amocrm_assets.captures.finding import CapturesByDay
    from amocrm_assets.storage import Storage

WEEK = [DAY + timedelta(days=number) for number in range(7)]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def rows_of(storage: Storage, day: date, zone: str) -> dict[int, int]:
    """`updated_at` by id of the rows of a day, made by a zone."""
    write_rows(LEADS, storage, source(timezone=zone), day, others=captures_by_day(LEADS, storage, "acme"))
    table = pq.read_table(storage.uri(rows_name(LEADS.table, "acme", day)))
    return dict(zip(table["id"].to_pylist(), table["updated_at"].to_pylist(), strict=True))


def read_week(storage: Storage, stamps: dict[int, int], zone: str, days: list[date], *, number: int) -> None:
    """Captures of days by the midnights of a zone."""
    for day in days:
        window = day_window(day, ZoneInfo(zone))
        leads = [lead(each, updated_at=at) for each, at in stamps.items() if window.holds(at)]
        keep(storage, leads, number=number, day=day, zone=zone)


@pytest.mark.parametrize(
    ("before", "after"),
    [("UTC", "Europe/Moscow"), ("Europe/Moscow", "America/New_York"), ("Etc/GMT+12", "Pacific/Kiritimati")],
)
def test_a_corrected_zone_leaves_each_lead_in_its_day_once(storage: Storage, before: str, after: str) -> None:
    first, last = day_window(WEEK[0], ZoneInfo(before)).from_at, day_window(WEEK[-1], ZoneInfo(before)).to_at
    chance = random.Random(1)
    stamps = {number: chance.randint(first, last) for number in range(300)}
    read_week(storage, stamps, before, WEEK, number=0)
    inner = WEEK[2:5]
    expected = {
        day: {each: at for each, at in stamps.items() if day_window(day, ZoneInfo(after)).holds(at)}
        for day in inner
    }
    assert {day: rows_of(storage, day, after) for day in inner} == expected

    # Run again by the new midnights, all of them or one: nothing is doubled, nothing lost.
    read_week(storage, stamps, after, WEEK[3:4], number=1)
    assert {day: rows_of(storage, day, after) for day in inner} == expected
    read_week(storage, stamps, after, inner, number=2)
    assert {day: rows_of(storage, day, after) for day in inner} == expected
    # And back: captures by the first zone are still there.
    assert {each: at for day in WEEK for each, at in rows_of(storage, day, before).items()} == stamps


def test_a_day_that_no_capture_holds_whole_is_refused_with_the_hours_that_are_missing(storage: Storage) -> None:
    keep(storage, [lead(1)], day=DAY, zone="UTC")
    with pytest.raises(ActionRequired, match=r"lack 2026-01-01 00:00:00 to 2026-01-01 02:59:59 \(Europe/Moscow\)"):
        write_rows(LEADS, storage, source(), DAY)
    assert not storage.names("rows")


def test_days_read_by_other_midnights_are_known(storage: Storage) -> None:
    for day in WEEK[:3]:
        keep(storage, [], day=day, zone="UTC")
    keep(storage, [], day=WEEK[0], zone="Europe/Moscow", number=1)
    keep(storage, [], day=WEEK[1], zone="Europe/Simferopol", number=1)
    # The zone may have been set back since: any capture that holds the whole day will do.
    keep(storage, [], day=WEEK[1], zone="UTC", number=2)
    found = captures_by_day(LEADS, storage, "acme")
    assert days_read_otherwise(LEADS, storage, source(), WEEK, found) == [WEEK[2]]
    assert days_read_otherwise(LEADS, storage, source(timezone="UTC"), WEEK, found) == []
    assert days_read_otherwise(LEADS, storage, source(timezone="Asia/Tokyo"), WEEK, found) == WEEK[:3]


def test_a_day_with_a_damaged_capture_counts_as_missing_and_others_are_judged(storage: Storage) -> None:
    names = [keep(storage, [], day=day) for day in WEEK[:2]]
    with storage.as_local_path(names[0]) as path:
        path.write_bytes(path.read_bytes()[:20])
    assert days_read_otherwise(LEADS, storage, source(), WEEK, captures_by_day(LEADS, storage, "acme")) == [
        WEEK[0]
    ]


def test_a_stub_deletes_by_the_versions_of_its_own_day(storage: Storage) -> None:
    moscow = day_window(DAY, ZoneInfo("Europe/Moscow"))
    for day in (DAY - timedelta(days=1), DAY):
        keep(storage, [], day=day, zone="UTC")
    keep(
        storage,
        [lead(1, updated_at=moscow.from_at - 5), lead(2, updated_at=moscow.from_at), stub(1), stub(2)],
        day=DAY - timedelta(days=1),
        zone="UTC",
        number=1,
    )
    write_rows(LEADS, storage, source(), DAY)
    rows = {row["id"]: row for row in pq.read_table(storage.uri(rows_name(LEADS.table, "acme", DAY))).to_pylist()}
    assert {each: (row["is_deleted"], row["name"]) for each, row in rows.items()} == {
        1: (True, None),
        2: (True, "Сделка 2"),
    }


def test_a_lead_without_a_time_stays_in_the_day_of_its_capture(storage: Storage) -> None:
    for day in (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)):
        keep(storage, [lead(day.day, updated_at=None)], day=day, zone="UTC")
    assert set(rows_of(storage, DAY, "Europe/Moscow")) == {1}


def test_captures_of_two_accounts_are_never_merged(storage: Storage) -> None:
    mine = keep(storage, [lead(1)])
    other = keep(storage, [lead(2)], number=1, account_id=5)
    with pytest.raises(CapturesMixed) as refused:
        write_rows(LEADS, storage, source(), DAY)
    assert f"account 31000001: {mine}; account 5: {other}" in refused.value.cause
    assert "docs/captures.md" in refused.value.fix
    assert not storage.names("rows")


def test_a_lead_without_a_row_is_a_defect_and_leaves_the_rows_as_they_were(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(storage, [lead(1), lead(2)])
    write_rows(LEADS, storage, source(), DAY)
    tables = DayRows.tables
    monkeypatch.setattr(DayRows, "tables", lambda rows: (table.slice(1) for table in tables(rows)))
    keep(storage, [lead(3)], number=1)
    with pytest.raises(RowsIncomplete, match=r"hold 3 leads .* there are 2 rows \(1 missing, for example 1\)"):
        write_rows(LEADS, storage, source(), DAY)
    assert pq.read_table(storage.uri(rows_name(LEADS.table, "acme", DAY)))["id"].to_pylist() == [1, 2]


def damage(storage: Storage, name: str) -> None:
    Path(storage.uri(name)).write_bytes(b"no capture")


def test_a_damaged_capture_of_the_day_fails_it_whatever_others_hold(storage: Storage) -> None:
    damage(storage, keep(storage, [lead(1)]))
    keep(storage, [lead(2)], number=1)
    with pytest.raises(CaptureDamaged):
        captures_with_seconds_of(LEADS, storage, source(), DAY)


def test_a_damaged_capture_of_a_neighbour_hides_no_other_capture(storage: Storage) -> None:
    before = DAY - timedelta(days=1)
    damage(storage, keep(storage, [], day=before, zone="UTC"))
    whole = [keep(storage, [], day=day, zone="UTC", number=1) for day in (before, DAY)]
    assert captures_with_seconds_of(LEADS, storage, source(), DAY) == whole


def test_captures_of_several_days_are_ordered_by_the_time_in_their_names(storage: Storage) -> None:
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    keep(storage, [], number=1)
    late = keep(storage, [], day=before, zone="UTC", number=5)
    early = keep(storage, [], day=after, zone="Asia/Tokyo", number=3)
    # Its name is later than its header: the clock was set back meanwhile.
    header = capture_header(2, day=before, zone="UTC")
    latest_of_all = CaptureWriter(LEADS, storage, header, after=capture_header(5).captured_at).publish().name
    names = captures_with_seconds_of(LEADS, storage, source(), DAY)
    assert names[1:] == [early, late, latest_of_all]


def test_captures_of_the_day_itself_are_listed_again(storage: Storage) -> None:
    name = keep(storage, [lead(1)])
    listed_before: CapturesByDay = {DAY: [], DAY + timedelta(days=1): []}
    assert captures_with_seconds_of(LEADS, storage, source(), DAY, others=listed_before) == [name]


def test_ids_of_thousands_of_captures_are_each_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "_IDS_GATHERED", 100)
    ids = latest.CapturedIds()
    for _ in range(500):
        ids.add(range(10, 60))
    assert len(ids) < 500
    assert ids.sorted().tolist() == list(range(10, 60))


def test_headers_are_read_once_and_hold_no_custom_fields(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = keep(storage, [], fields=[{"id": 5}])
    header = read_header(LEADS, storage, name)
    assert (header.day, header.window, header.fields) == (DAY, capture_header().window, [])
    monkeypatch.setattr(storage, "as_local_path", None)
    assert read_header(LEADS, storage, name) is header


def test_only_so_many_headers_are_remembered(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: dict[str, CaptureHeader] = {}
    monkeypatch.setattr(finding, "_headers", remembered)
    monkeypatch.setattr(finding, "_MAX_HEADERS", 2)
    names = [keep(storage, [], number=number) for number in range(5)]
    for name in names:
        assert read_header(LEADS, storage, name).captured_at.hour == names.index(name)
        assert 1 <= len(remembered) <= 2
    remembered.clear()
    both = [read_header(LEADS, storage, name) for name in names[:2]]
    assert len(remembered) == 2
    assert [read_header(LEADS, storage, name) for name in names[:2]] == both


def test_the_newest_of_the_captures_that_cover_a_day_saves_reading_it_again(storage: Storage) -> None:
    names = [keep(storage, [], number=number) for number in range(3)]
    found = captures_of_day(LEADS, storage, "acme", DAY)
    newest = newest_whole_capture(LEADS, storage, source(), DAY, found)
    assert newest is not None
    assert newest.name == names[-1]


@pytest.mark.parametrize(
    ("runs", "number"), [(None, 2), (["one"], 1), (["one", "other"], 2), (["nobody"], None), ([], None)]
)
def test_after_a_retry_only_captures_of_its_runs_save_reading_the_day_again(
    storage: Storage, runs: list[str] | None, number: int | None
) -> None:
    names = [keep(storage, [], number=number, run_id=run) for number, run in enumerate([None, "one", "other"])]
    found = captures_of_day(LEADS, storage, "acme", DAY)
    newest = newest_whole_capture(LEADS, storage, source(), DAY, found, runs=runs)
    assert (newest and newest.name) == (None if number is None else names[number])
