"""DuckDB's file: who waits for it, what a failed load leaves in it, and what is found before there is one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import Busy, ShardMismatch, WarehouseRefused
from amocrm_assets.warehouse import LoadResult
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.warehouse.duckdb_holder import holder
from amocrm_assets_tests.warehouse.loaded_days import FLAT, load_flat
from amocrm_assets_tests.warehouse.places import Place, lead

DAY = date(2026, 1, 1)
NEXT = DAY + timedelta(days=1)
SHARD = "amoCrmLeads_acme_20260101"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is said of each wait."""
    said: list[dict[str, Any]] = []

    @contextmanager
    def waiting(what: str, **more: Any) -> Iterator[None]:
        said.append({"what": what, **more})
        yield

    monkeypatch.setattr("amocrm_assets.warehouse.duckdb.file.waiting", waiting)
    return said


def test_readers_do_not_wait_for_other_readers(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    reader = DuckDbWarehouse(duckdb_file, wait_seconds=0)

    with holder(duckdb_file, seconds=60, read_only=True) as process:
        assert reader.shard_days(LEADS.table, "acme") == {DAY: 1}
        assert reader.days_with_column(LEADS.table, "acme", "id") == {DAY}
        assert [each.name for each in reader.held_tables("acme")] == [SHARD]
        assert len(reader.read(LEADS.table, "acme", [DAY])) == 1
        with pytest.raises(Busy):
            reader.prepare()
        process.kill()


def test_a_wait_names_the_other_program_and_its_end(
    duckdb_place: Place, duckdb_file: Path, waits: list[dict[str, Any]]
) -> None:
    duckdb_place.warehouse.prepare()
    with holder(duckdb_file, seconds=60) as process:
        began = time.time()
        with pytest.raises(Busy):
            DuckDbWarehouse(duckdb_file, wait_seconds=0.1).prepare()
        ended = time.time()
        process.kill()

    (wait,) = waits
    assert began + 0.1 <= wait["until"] <= ended + 0.1
    assert wait["holder"].endswith(f" (PID {process.pid})")
    assert "lock" not in wait["holder"]


def test_a_file_that_cannot_be_opened_is_not_waited_for(tmp_path: Path, waits: list[dict[str, Any]]) -> None:
    (tmp_path / "notes.duckdb").write_text("no database" * 1000)

    with pytest.raises(WarehouseRefused):
        DuckDbWarehouse(tmp_path / "notes.duckdb").prepare()
    assert waits == []


def test_before_the_first_load_there_is_nothing_and_asking_makes_no_file(
    duckdb_place: Place, duckdb_file: Path
) -> None:
    warehouse = duckdb_place.warehouse

    assert warehouse.shard_days_of(LEADS.table, ["acme", "other"]) == {"acme": {}, "other": {}}
    assert warehouse.days_with_column(LEADS.table, "acme", "id") == set()
    assert warehouse.held_tables("acme") == []
    assert list(warehouse.tables(LEADS.table, "acme", [])) == []
    with pytest.raises(WarehouseRefused, match="there is no such table") as caught:
        list(warehouse.tables(LEADS.table, "acme", [DAY, NEXT]))
    assert caught.value.facts == {"table": f"warehouse.main.{SHARD}", "day": "2026-01-01"}
    assert not duckdb_file.exists()


def test_a_load_that_is_not_its_rows_is_undone_and_the_next_one_of_the_call_succeeds(duckdb_place: Place) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    wrong = replace(duckdb_place.load(DAY, [lead(2)]), row_count=7)

    outcomes = duckdb_place.load_shards(wrong, duckdb_place.load(NEXT, [lead(3)]))

    assert isinstance(outcomes[DAY], ShardMismatch)
    assert isinstance(outcomes[NEXT], LoadResult), outcomes
    assert duckdb_place.leads(DAY, NEXT) == [lead(1), lead(3)]


def test_all_days_are_found_before_the_first_is_read(duckdb_place: Place) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))

    with pytest.raises(WarehouseRefused, match="20260102"):
        next(duckdb_place.warehouse.tables(LEADS.table, "acme", [DAY, NEXT]))


@pytest.mark.parametrize("comment", ["NULL", "'mine'", "'written by amocrm-assets at noon'"])
def test_a_table_with_a_comment_of_its_users_has_no_time_of_a_load(
    duckdb_place: Place, duckdb_file: Path, comment: str
) -> None:
    began = datetime.now(UTC)
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    (held,) = duckdb_place.warehouse.held_tables("acme")
    assert held.loaded_at is not None
    assert began <= held.loaded_at <= datetime.now(UTC)

    with duckdb.connect(str(duckdb_file)) as connection:
        connection.execute(f'COMMENT ON TABLE "{SHARD}" IS {comment}')
    assert [each.loaded_at for each in duckdb_place.warehouse.held_tables("acme")] == [None]


def test_the_time_that_a_load_took_is_a_part_of_the_call(duckdb_place: Place) -> None:
    began = time.monotonic()
    outcome = duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))[DAY]

    assert isinstance(outcome, LoadResult)
    assert 0 < outcome.seconds < time.monotonic() - began


def test_a_view_of_an_older_version_gives_way_to_the_flat_table(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.warehouse.prepare()
    with duckdb.connect(str(duckdb_file)) as connection:
        connection.execute(f'CREATE VIEW "{FLAT}" AS SELECT 1 AS id')

    outcome = load_flat(duckdb_place)

    assert isinstance(outcome, LoadResult), outcome
    assert duckdb_place.query(f'SELECT count(*) FROM "{FLAT}"') == [(0,)]


def test_a_shard_that_lacks_a_column_says_what_to_materialise(duckdb_place: Place, duckdb_file: Path) -> None:
    duckdb_place.load_shards(duckdb_place.load(DAY, [lead(1)]))
    with duckdb.connect(str(duckdb_file)) as connection:
        connection.execute(f'ALTER TABLE "{SHARD}" DROP COLUMN sale')

    with pytest.raises(WarehouseRefused, match="it has no column sale: it was loaded before"):
        duckdb_place.leads(DAY)
