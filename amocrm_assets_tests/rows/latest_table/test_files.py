"""The flat table of leads: which row a lead has, what is beside it, and that keeping up equals making anew."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.errors import ActionRequired, InternalError
from amocrm_assets.rows.latest_table import files
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets_tests.rows.days import field, lead, stub
from amocrm_assets_tests.rows.latest_table import tables
from amocrm_assets_tests.rows.latest_table.tables import (
    SOURCE,
    day,
    folder_storage,
    rows,
    seconds,
    write_day,
    written,
)
from amocrm_assets_tests.rows.reference.readings import capture, night

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

__all__ = ["folder_storage"]


def test_a_lead_has_the_row_of_its_newest_day(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0)), lead(2, updated_at=seconds(0))], by=SOURCE)
    write_day(storage, 2, [lead(1, updated_at=seconds(2), name="new", status_id=21)], by=SOURCE)
    found = {row["id"]: row for row in rows(storage, SOURCE)}

    assert (found[1]["name"], found[1]["day"], found[1]["updated_at"]) == ("new", day(2), seconds(2))
    assert (found[2]["name"], found[2]["day"]) == ("Сделка 2", day(0))
    assert (found[1]["is_won"], found[2]["is_won"], found[2]["is_lost"]) == (False, True, False)


def test_a_deleted_lead_keeps_its_last_known_columns(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0), price=70)], by=SOURCE)
    write_day(storage, 1, [stub(1, updated_at=seconds(1)), stub(9, updated_at=seconds(1))], by=SOURCE)
    known, unknown = rows(storage, SOURCE)

    assert (known["sale"], known["is_deleted"], known["has_properties"]) == (70, True, True)
    assert known["deleted_at"] == known["updated_at"] == seconds(1)
    assert known["deleted_time"] == datetime.fromtimestamp(seconds(1), UTC)
    assert (known["day"], unknown["day"]) == (day(1), day(1))
    assert (unknown["has_properties"], unknown["is_deleted"], unknown["sale"], unknown["is_won"]) == (
        False,
        True,
        None,
        None,
    )


def test_a_deleted_lead_is_a_stub_only_without_columns_and_fields(storage: Storage) -> None:
    at = {"updated_at": seconds(0)}
    filled = field("text", {"value": "a"})
    leads = [
        stub(1, **at),
        stub(2, **at, custom_fields_values=[filled]),
        stub(3, **at, custom_fields_values=[filled, filled | {"field_id": 6}]),
        stub(4, **at, status_id=21),
        stub(5, **at, is_deleted=None),
        lead(6, **at, is_deleted=True),
    ]
    write_day(storage, 0, leads, by=SOURCE)
    found = {row["id"]: (row["has_properties"], row["deleted_at"] is not None) for row in rows(storage, SOURCE)}
    deleted = (True, True)
    assert found == {1: (False, True), 2: deleted, 3: deleted, 4: deleted, 5: (True, False), 6: deleted}


def test_a_lead_that_is_restored_is_not_deleted_any_more(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    write_day(storage, 1, [stub(1, updated_at=seconds(1))], by=SOURCE)
    written(storage, SOURCE)
    write_day(storage, 2, [lead(1, updated_at=seconds(2))], by=SOURCE)
    (row,) = rows(storage, SOURCE)
    assert (row["is_deleted"], row["deleted_at"], row["deleted_time"]) == (False, None, None)


def test_properties_that_are_found_behind_a_deletion_fill_the_row(storage: Storage) -> None:
    """A day is read that had been missing: the lead was alive then."""
    write_day(storage, 3, [stub(1, updated_at=seconds(3))], by=SOURCE)
    assert rows(storage, SOURCE)[0]["has_properties"] is False
    write_day(storage, 1, [lead(1, updated_at=seconds(1), price=5)], by=SOURCE)
    (row,) = rows(storage, SOURCE)
    assert (row["sale"], row["is_deleted"], row["day"], row["updated_at"]) == (5, True, day(3), seconds(3))


def test_only_days_that_have_changed_are_read(storage: Storage) -> None:
    for number in range(4):
        write_day(storage, number, [lead(number, updated_at=seconds(number))], by=SOURCE)
    assert written(storage, SOURCE).days_read == 4
    assert written(storage, SOURCE).days_read == 0
    write_day(storage, 2, [lead(2, updated_at=seconds(2), price=3)], by=SOURCE, reading=1)
    again = written(storage, SOURCE)
    assert (again.days_read, again.is_rebuilt, again.row_count) == (1, False, 4)
    assert [row["sale"] for row in rows(storage, SOURCE)] == [1000, 1000, 3, 1000]


def test_a_day_that_has_lost_a_lead_gives_way_to_the_day_before(storage: Storage) -> None:
    """As when the time zone changes, or captures are taken away: what was kept is not enough then."""
    write_day(storage, 0, [lead(1, updated_at=seconds(0), price=1)], by=SOURCE)
    write_day(storage, 1, [lead(1, updated_at=seconds(1), price=2)], by=SOURCE)
    written(storage, SOURCE)
    for name in storage.names("captures/acme/leads/2026-01-02"):
        storage.delete(name)
    write_day(storage, 1, [lead(8, updated_at=seconds(1))], by=SOURCE, reading=3)
    again = written(storage, SOURCE)
    assert again.is_rebuilt
    assert [(row["id"], row["sale"], row["day"]) for row in rows(storage, SOURCE)] == [
        (1, 1, day(0)),
        (8, 1000, day(1)),
    ]


def test_times_are_beside_the_seconds_and_dates_are_those_of_the_account(storage: Storage) -> None:
    at = int(datetime(2026, 1, 1, 22, 30, tzinfo=UTC).timestamp())  # the next day in Moscow
    write_day(storage, 1, [lead(1, updated_at=at, created_at=at - 7200, closed_at=9 * 10**18)], by=SOURCE)
    (row,) = rows(storage, SOURCE)
    assert (row["created_date"], row["updated_date"]) == (date(2026, 1, 1), date(2026, 1, 2))
    assert row["updated_time"] == datetime.fromtimestamp(at, UTC)
    assert (row["closed_at"], row["closed_time"], row["closed_date"]) == (9 * 10**18, None, None)
    assert row["closest_task_time"] is None


def test_the_price_has_kopecks_where_amocrm_has_them(storage: Storage) -> None:
    by = tables.settings(import_lead_details=True)
    exact = lead(1, updated_at=seconds(0), price=99, price_with_minor_units=99.9)
    # Without a time nothing shows that both are of one state.
    timeless = lead(3, updated_at=None, price=8, price_with_minor_units=8.5)
    write_day(storage, 0, [exact, lead(2, updated_at=seconds(0), price=7), timeless], by=by)
    assert [row["price"] for row in rows(storage, by)] == [Decimal("99.9"), Decimal(7), Decimal(8)]
    assert [row["price"] for row in rows(storage, SOURCE)] == [Decimal(99), Decimal(7), Decimal(8)]


def test_a_day_whose_details_are_not_made_yet_has_the_price_without_them(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0), price=7, price_with_minor_units=7.5)], by=SOURCE)
    assert [row["price"] for row in rows(storage, tables.settings(import_lead_details=True))] == [Decimal(7)]


def test_details_of_another_state_of_a_lead_are_not_taken(storage: Storage) -> None:
    by = tables.settings(import_lead_details=True)
    write_day(storage, 0, [lead(1, updated_at=seconds(0), price=99, price_with_minor_units=99.9)], by=by)
    write_day(storage, 0, [lead(1, updated_at=seconds(0, 13), price=120)], by=SOURCE, reading=1)
    assert [row["price"] for row in rows(storage, by)] == [Decimal(120)]


def test_a_loss_reason_that_no_list_knows_has_the_name_that_the_lead_carries(storage: Storage) -> None:
    by = tables.settings(import_lead_details=True, import_reference=True)
    capture(storage, night(0), {"loss_reasons": [{"id": 5, "name": "Too expensive now"}]})
    write_reference_tables(REFERENCE_TABLES, storage, "acme")

    def lost(number: int, reason: int, name: str) -> dict[str, Any]:
        embedded = {"contacts": [], "loss_reason": [{"id": reason, "name": name}]}
        return lead(number, updated_at=seconds(0), loss_reason_id=reason, _embedded=embedded)

    won = lead(3, updated_at=seconds(0))
    write_day(storage, 0, [lost(1, 5, "Too expensive"), lost(2, 6, "Gone from the list"), won], by=by)
    names = [row["loss_reason_name"] for row in rows(storage, by)]
    assert names == ["Too expensive now", "Gone from the list", None]
    apart = tables.settings(import_reference=True)
    assert [row["loss_reason_name"] for row in rows(storage, apart)] == ["Too expensive now", None, None]


def test_the_seconds_are_those_since_the_beginning(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    monkeypatch.setattr("amocrm_assets.rows.latest_table.files.time.perf_counter", lambda: 1000.0)
    assert written(storage, SOURCE).seconds == 0.0


def test_a_file_that_is_not_what_was_written_is_an_error(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    monkeypatch.setattr(files, "newest_file", lambda *_: nullcontext(None))
    with pytest.raises(InternalError, match="differs from what was written"):
        written(storage, SOURCE)


def test_no_day_with_rows_is_told(storage: Storage) -> None:
    with pytest.raises(ActionRequired, match="no day has rows yet") as raised:
        written(storage, SOURCE)
    assert "Materialise `leads`" in raised.value.fix


def test_days_without_leads_give_an_empty_table(storage: Storage) -> None:
    write_day(storage, 0, [], by=SOURCE)
    assert rows(storage, SOURCE) == []
    assert rows(storage, SOURCE) == []
