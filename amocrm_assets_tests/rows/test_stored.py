"""What rows files tell without their rows: days, numbers of rows, and keys that occur twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ActionRequired
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.rows.seal import seal
from amocrm_assets.rows.stored import days_with_rows, repeated_ids, row_count
from amocrm_assets_tests.rows.days import DAY, keep, lead, rewrite_rows, source

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.storage import Storage

DAYS = [DAY + timedelta(days=number) for number in range(3)]


@pytest.fixture(autouse=True)
def three_leads(storage: Storage) -> None:
    keep(storage, [lead(1), lead(2), lead(3)])
    write_rows(LEADS, storage, source(), DAY)


def path_of_rows(storage: Storage) -> Path:
    return Path(storage.uri(rows_name(LEADS.table, "acme", DAY)))


def test_days_with_rows_are_those_of_the_table_and_the_account_in_order(storage: Storage) -> None:
    for day in reversed(DAYS[1:]):
        keep(storage, [], day=day)
        write_rows(LEADS, storage, source(), day)
    assert days_with_rows(LEADS.table, storage, "acme") == DAYS
    assert days_with_rows(LEADS.tables[1], storage, "acme") == []
    assert days_with_rows(LEADS.table, storage, "other") == []


def test_the_number_of_rows_is_that_of_the_file(storage: Storage) -> None:
    assert row_count(LEADS.table, storage, "acme", DAY) == 3
    with pytest.raises(ActionRequired, match="Materialise `leads` for that day first"):
        row_count(LEADS.table, storage, "acme", DAYS[1])


def test_a_key_that_occurs_twice_is_named_once(storage: Storage) -> None:
    assert repeated_ids(LEADS.table, storage, "acme", DAY) == []
    path = path_of_rows(storage)
    rows = pq.read_table(path)
    rewrite_rows(path, pa.concat_tables([rows, rows.slice(1, 1), rows.slice(1, 1)]))
    assert repeated_ids(LEADS.table, storage, "acme", DAY) == ["2"]


def with_a_bad_page(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 200 + content[204:])
    seal(path)


def without_the_key(path: Path) -> None:
    rewrite_rows(path, pq.read_table(path).drop_columns(["id"]))


@pytest.mark.parametrize("damage", [with_a_bad_page, without_the_key])
def test_rows_that_cannot_be_read_though_their_checksum_is_right_are_refused(
    storage: Storage, damage: Callable[[Path], None]
) -> None:
    damage(path_of_rows(storage))
    with pytest.raises(ActionRequired, match="is damaged") as refused:
        repeated_ids(LEADS.table, storage, "acme", DAY)
    assert "Materialise `leads` for that day again" in refused.value.fix
