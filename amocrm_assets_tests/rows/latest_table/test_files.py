"""The flat table of leads: which row a lead has, what is beside it, and that keeping up equals making anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows.latest_table import sorted_file
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.rows.days import field, lead, stub
from amocrm_assets_tests.rows.latest_table import tables
from amocrm_assets_tests.rows.latest_table.tables import (
    content,
    day,
    defined,
    from_nothing,
    remake_day,
    rows,
    seconds,
    table,
    write_day,
    written,
)
from amocrm_assets_tests.rows.reference.readings import capture, night

SOURCE = tables.settings()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path / "storage"))


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
    write_day(storage, 0, [exact, lead(2, updated_at=seconds(0), price=7)], by=by)
    assert [row["price"] for row in rows(storage, by)] == [Decimal("99.9"), Decimal(7)]
    assert [row["price"] for row in rows(storage, SOURCE)] == [Decimal(99), Decimal(7)]


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


def test_no_day_with_rows_is_told(storage: Storage) -> None:
    with pytest.raises(ActionRequired, match="no day has rows yet") as raised:
        written(storage, SOURCE)
    assert "Materialise `leads`" in raised.value.fix


def test_days_without_leads_give_an_empty_table(storage: Storage) -> None:
    write_day(storage, 0, [], by=SOURCE)
    assert rows(storage, SOURCE) == []
    assert rows(storage, SOURCE) == []


def test_custom_fields_are_columns_of_their_type(storage: Storage) -> None:
    listed = [
        defined(1, "Площадь", "numeric"),
        defined(2, "Дата", "date"),
        defined(3, "Звонок", "date_time"),
        defined(4, "Согласие", "checkbox"),
        defined(5, "Каналы", "multiselect"),
        defined(6, "Пусто", "select"),
    ]
    moment = seconds(0)
    filled = [
        field("numeric", {"value": "12.5"}, field_id=1),
        field("date", {"value": moment}, field_id=2),
        field("date_time", {"value": moment}, field_id=3),
        field("checkbox", {"value": True}, field_id=4),
        field("multiselect", {"value": "почта", "enum_id": 1}, {"value": "чат", "enum_id": 2}, field_id=5),
    ]
    leads = [lead(1, updated_at=moment, custom_fields_values=filled), lead(2, updated_at=moment)]
    write_day(storage, 0, leads, by=SOURCE, fields=listed)
    first, second = rows(storage, SOURCE)
    assert [first[f"cf_{number}"] for number in range(1, 7)] == [
        Decimal("12.5"),
        day(0),
        datetime.fromtimestamp(moment, UTC),
        True,
        "почта, чат",
        None,
    ]
    assert {second[f"cf_{number}"] for number in range(1, 7)} == {None}
    (column,) = [each.column for each in written(storage, SOURCE).fields if each.fields == (1,)]
    assert column.description == "Площадь (custom field 1, numeric)."


def test_a_field_that_changes_its_type_takes_old_values_where_they_fit(storage: Storage) -> None:
    def of(text: str, kind: str) -> list[dict[str, Any]]:
        return [field(kind, {"value": text}, field_id=1)]

    leads = [
        lead(number, updated_at=seconds(0), custom_fields_values=of(text, "text"))
        for number, text in enumerate(["12.5", "about 3", "1e3", "-0.1234567891"])
    ]
    write_day(storage, 0, leads, by=SOURCE, fields=[defined(1, "Площадь", "text")])
    assert [row["cf_1"] for row in rows(storage, SOURCE)] == ["12.5", "about 3", "1e3", "-0.1234567891"]
    write_day(storage, 1, [], by=SOURCE, fields=[defined(1, "Площадь", "numeric")])
    assert [row["cf_1"] for row in rows(storage, SOURCE)] == [
        Decimal("12.5"),
        None,
        Decimal(1000),
        Decimal("-0.123456789"),
    ]
    assert written(storage, SOURCE).unfit == {"cf_1": 1}


def test_a_field_that_is_gone_keeps_its_values_as_text(storage: Storage) -> None:
    filled = [field("text", {"value": "a"}, field_id=1, field_name="Старое")]
    leads = [lead(1, updated_at=seconds(0), custom_fields_values=filled)]
    write_day(storage, 0, leads, by=SOURCE, fields=[defined(1, "Старое")])
    write_day(storage, 1, [], by=SOURCE, fields=[defined(2, "Новое")])
    (row,) = rows(storage, SOURCE)
    assert (row["cf_1"], row["cf_2"]) == ("a", None)
    (column,) = [each.column for each in written(storage, SOURCE).fields if each.fields == (1,)]
    assert column.description == "Старое (custom field 1, text, no longer in amoCRM)."


def test_a_source_names_columns_and_a_rename_in_amocrm_does_no_harm(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}, 2])
    filled = [
        field("text", {"value": "Пермь"}, field_id=1, field_name="Город"),
        field("text", {"value": "b"}, field_id=2, field_name="Два"),
        field("text", {"value": "c"}, field_id=3, field_name="Три"),
    ]
    listed = [defined(1, "Город"), defined(2, "Два"), defined(3, "Три")]
    write_day(storage, 0, [lead(1, updated_at=seconds(0), custom_fields_values=filled)], by=by, fields=listed)
    (row,) = rows(storage, by)
    assert (row["city"], row["cf_2"]) == ("Пермь", "b")
    assert "cf_1" not in row
    assert "cf_3" not in row

    write_day(storage, 1, [], by=by, fields=[defined(1, "Населённый пункт"), *listed[1:]])
    assert rows(storage, by)[0]["city"] == "Пермь"


def test_twins_share_the_column_that_a_source_gives_their_name(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}])
    filled = [
        field("text", {"value": "Пермь"}, field_id=1, field_name="Город"),
        field("text", {"value": "Уфа"}, field_id=2, field_name="Город"),
    ]
    listed = [defined(1, "Город"), defined(2, "Город", "numeric")]
    write_day(storage, 0, [lead(1, updated_at=seconds(0), custom_fields_values=filled)], by=by, fields=listed)
    assert rows(storage, by)[0]["city"] == "Пермь, Уфа"


def test_a_named_column_is_there_though_no_field_is_called_so(storage: Storage) -> None:
    by = tables.settings(leads_custom_fields=[{"field": "Город", "column": "city"}])
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=by)
    assert rows(storage, by)[0]["city"] is None


def test_the_columns_are_those_that_are_declared(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    assert table(storage, SOURCE).schema.remove_metadata() == arrow_schema(latest_table(LEADS.table))


def test_a_damaged_file_of_newest_rows_is_made_anew(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    before = content(storage, SOURCE)
    name = latest_table(LEADS.table).kept_name("acme")
    with storage.temp_file(name) as path:
        path.write_bytes(b"PAR1 torn")
        storage.replace(name, path)
    assert written(storage, SOURCE).is_rebuilt
    assert content(storage, SOURCE) == before


class Killed(BaseException):
    pass


class KilledStorage(FolderStorage):
    """A folder whose process is killed before it publishes the file of this number."""

    writes_left = 0

    def replace(self, name: str, file: Path) -> None:
        if self.writes_left == 0:
            raise Killed
        self.writes_left -= 1
        super().replace(name, file)


@pytest.mark.parametrize("writes", [0, 1])
def test_killed_between_any_two_writes_and_run_again_gives_the_same_table(
    storage: Storage, tmp_path: Path, writes: int
) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0)), lead(2, updated_at=seconds(0))], by=SOURCE)
    written(storage, SOURCE)
    write_day(storage, 1, [lead(2, updated_at=seconds(1), price=5), lead(3, updated_at=seconds(1))], by=SOURCE)
    killed = KilledStorage(tmp_path / "storage")
    killed.writes_left = writes
    with pytest.raises(Killed):
        written(killed, SOURCE)
    assert content(storage, SOURCE) == from_nothing(storage, SOURCE, tmp_path / "fresh")


LISTED = [defined(1, "Один", "text"), defined(2, "Два", "numeric"), defined(3, "Три", "select", "CODE")]
CHOICES: tuple[dict[str, Any], ...] = (
    {},
    {"leads_custom_fields": ["Один"]},
    {"leads_custom_fields": [{"field": "Два", "column": "two"}, "CODE"]},
    {"leads_custom_fields": []},
    {"import_lead_details": True},
)
some_lead = st.tuples(
    st.integers(1, 9), st.integers(0, 23), st.sampled_from(["live", "stub", "deleted"]), st.integers(0, 3)
)
step: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 3), st.lists(some_lead, max_size=6)),
    st.tuples(st.just("forget"), st.integers(0, 3), st.just([])),
    st.tuples(st.just("choose"), st.integers(0, len(CHOICES) - 1), st.just([])),
    st.tuples(st.just("retype"), st.integers(0, 2), st.just([])),
    st.tuples(st.just("update"), st.just(0), st.just([])),
)


class Account:
    """Days that are read, read again, lost; fields that change; and the table that is kept up meanwhile."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.by = SOURCE
        self.listed = list(LISTED)
        self.readings = 0

    def take(self, kind: str, number: int, leads: list[tuple[int, int, str, int]]) -> None:
        steps: dict[str, Callable[[], None]] = {
            "read": lambda: self.read(number, leads),
            "forget": lambda: self.forget(number),
            "choose": lambda: self.choose(number),
            "retype": lambda: self.retype(number),
            "update": lambda: None,
        }
        steps[kind]()

    def read(self, number: int, leads: list[tuple[int, int, str, int]]) -> None:
        self.readings += 1
        write_day(
            self.storage,
            number,
            [self.sent(number, *each) for each in leads],
            by=self.by,
            reading=self.readings,
            fields=self.listed,
        )

    def sent(self, number: int, lead_id: int, hour: int, kind: str, amount: int) -> dict[str, Any]:
        at = seconds(number, hour)
        if kind == "stub":
            return stub(lead_id, updated_at=at)
        filled = [
            field(each["type"], {"value": str(amount)}, field_id=each["id"], field_name=each["name"])
            for each in self.listed[:amount]
        ]
        more = {"price_with_minor_units": amount / 4, "is_deleted": kind == "deleted"}
        return lead(lead_id, updated_at=at, price=amount, custom_fields_values=filled, **more)

    def forget(self, number: int) -> None:
        for name in [*self.storage.names(f"captures/acme/leads/{day(number)}"), *self.rows_of(number)]:
            self.storage.delete(name)

    def rows_of(self, number: int) -> list[str]:
        return [name for name in self.storage.names("rows") if name.endswith(f"{day(number)}.parquet")]

    def choose(self, number: int) -> None:
        self.by = tables.settings(**CHOICES[number])
        for other in range(2):  # the others wait until somebody makes them again
            if self.rows_of(other):
                remake_day(self.storage, other, by=self.by)

    def retype(self, number: int) -> None:
        kind = {"text": "numeric", "numeric": "date", "date": "text", "select": "checkbox", "checkbox": "select"}
        self.listed[number] = self.listed[number] | {"type": kind[self.listed[number]["type"]]}

    @property
    def has_rows(self) -> bool:
        return any(self.rows_of(number) for number in range(4))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, min_size=1, max_size=8), group=st.integers(1, 3))
def test_a_table_that_is_kept_up_equals_one_that_is_made_anew_byte_for_byte(
    tmp_path: Path, steps: list[tuple[str, int, list[tuple[int, int, str, int]]]], group: int
) -> None:
    """Edits, deletions, days that are read again or lost, other choices, other types; in small groups."""
    for folder in ("kept", "fresh"):
        shutil.rmtree(tmp_path / folder, ignore_errors=True)
    account = Account(open_storage(str(tmp_path / "kept")))
    with (
        mock.patch.object(sorted_file, "ROW_GROUP", group),
        mock.patch.object(sorted_file, "_BUCKET_ROWS", 2),
    ):
        for kind, number, leads in steps:
            account.take(kind, number, leads)
            if kind in ("update", "forget", "choose") and account.has_rows:
                written(account.storage, account.by)
        if account.has_rows:
            kept = content(account.storage, account.by)
            assert kept == from_nothing(account.storage, account.by, tmp_path / "fresh")
