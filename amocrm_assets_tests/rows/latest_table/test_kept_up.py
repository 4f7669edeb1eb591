"""A flat table that is kept up: after damage and killed processes it equals one that is built anew."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from unittest import mock

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.rows.latest_table import sorted_file
from amocrm_assets.rows.seal import sealed_file
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets_tests.rows.days import field, lead, stub
from amocrm_assets_tests.rows.latest_table import tables
from amocrm_assets_tests.rows.latest_table.tables import (
    SOURCE,
    content,
    day,
    defined,
    folder_storage,
    from_nothing,
    remake_day,
    seconds,
    write_day,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["folder_storage"]


def test_a_damaged_file_of_newest_rows_is_made_anew(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    before = content(storage, SOURCE)
    name = latest_table(LEADS.table).kept_name("acme")
    with storage.temp_file(name) as path:
        path.write_bytes(b"PAR1 torn")
        storage.replace(name, path)
    assert written(storage, SOURCE).is_rebuilt
    assert content(storage, SOURCE) == before


def test_a_file_of_newest_rows_with_other_columns_is_made_anew(storage: Storage) -> None:
    """As after an upgrade that adds a column."""
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    before = content(storage, SOURCE)
    name = latest_table(LEADS.table).kept_name("acme")
    with storage.as_local_path(name) as path:
        rows, known = pq.read_table(path), pq.read_metadata(path).metadata
    metadata = {key.decode(): value.decode() for key, value in known.items() if key.startswith(b"amocrm_assets")}
    other = rows.drop_columns(["deleted_at"])
    with sealed_file(storage, name, other.schema, metadata) as writer:
        writer.write_table(other)
    again = written(storage, SOURCE)
    assert (again.is_rebuilt, again.days_read) == (True, 1)
    assert content(storage, SOURCE) == before
    assert not written(storage, SOURCE).is_rebuilt


def test_what_a_killed_run_left_is_removed(storage: Storage) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    table = latest_table(LEADS.table)
    with storage.temp_file(table.kept_name("acme")) as kept, storage.temp_file(table.rows_name("acme")) as rows:
        written(storage, SOURCE)
        assert not kept.exists()
        assert not rows.exists()


def test_rows_that_stay_are_those_that_are_made_anew(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside new rows of the same group: later stubs, and older states that are found afterwards."""
    monkeypatch.setattr(sorted_file, "ROW_GROUP", 3)

    def state(number: int, day_number: int, **more: Any) -> dict[str, Any]:
        return lead(number, updated_at=seconds(day_number), name=f"{number} of {day_number}", **more)

    def gone(number: int, day_number: int) -> dict[str, Any]:
        return stub(number, updated_at=seconds(day_number))

    changes = [
        (2, [state(1, 2), state(2, 2), state(4, 2, is_deleted=None), state(5, 2), state(6, 2), state(8, 2)]),
        (3, [gone(2, 3), state(3, 3), state(5, 3), gone(6, 3), gone(7, 3)]),
        (1, [state(4, 1), state(7, 1), state(9, 1)]),
        (0, [gone(1, 0), state(4, 0), state(6, 0), state(9, 0, is_deleted=True)]),
        (4, []),
    ]
    for number, leads in changes:
        write_day(storage, number, leads, by=SOURCE)
        kept = content(storage, SOURCE)
    assert kept == from_nothing(storage, SOURCE, tmp_path / "fresh")
    with storage.as_local_path(latest_table(LEADS.table).rows_name("acme")) as path:
        found = pq.read_table(path, columns=["id", "name", "is_deleted", "deleted_at"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (1, "1 of 2", False, None),
        (2, "2 of 2", True, seconds(3)),
        (3, "3 of 3", False, None),
        (4, "4 of 2", None, None),
        (5, "5 of 3", False, None),
        (6, "6 of 2", True, seconds(3)),
        (7, "7 of 1", True, seconds(3)),
        (8, "8 of 2", False, None),
        (9, "9 of 1", False, None),
    ]


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


def test_without_a_change_the_table_alone_is_written_again(storage: Storage, tmp_path: Path) -> None:
    write_day(storage, 0, [lead(1, updated_at=seconds(0))], by=SOURCE)
    assert written(storage, SOURCE).is_rebuilt
    counting = KilledStorage(tmp_path / "storage")
    counting.writes_left = 1
    again = written(counting, SOURCE)
    assert (again.is_rebuilt, again.days_read, counting.writes_left) == (False, 0, 0)


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
