"""Shards with a column of names, in every warehouse: loaded, replaced by others without it, listed and read."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import WarehouseRefused
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
NAMED = LEADS.table.with_names()


def load(place: Place, day: date, *names: str | None) -> ShardLoad:
    """The rows of a shard with names, as they are made for a load."""
    rows = [lead(number, status_name=name) for number, name in enumerate(names)]
    file = f"rows/acme/amoCrmLeads/{day}.parquet"
    with place.storage.temp_file(file) as path:
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(NAMED)), path)
        place.storage.replace(file, path)
    return ShardLoad(NAMED, "acme", day, file, len(rows))


def test_a_shard_has_the_column_behind_the_ids_while_it_is_wanted(place: Place) -> None:
    place.load_shards(place.load(SECOND, [lead(1)]))
    done = place.load_shards(load(place, FIRST, "Переговоры", None))
    assert isinstance(done[FIRST], LoadResult), done
    shard = place.quoted("amoCrmLeads_acme_20260101")
    assert place.query(f"SELECT id, status_name FROM {shard} ORDER BY id") == [(0, "Переговоры"), (1, None)]
    assert place.warehouse.days_with_column(LEADS.table, "acme", "status_name") == {FIRST}
    assert place.warehouse.days_with_column(LEADS.table, "acme", "status_id") == {FIRST, SECOND}
    assert place.warehouse.days_with_column(LEADS.table, "another", "status_id") == set()

    assert isinstance(place.load_shards(place.load(FIRST, [lead(1)]), run_id="run-2")[FIRST], LoadResult)
    assert place.warehouse.days_with_column(LEADS.table, "acme", "status_name") == set()


def test_shards_with_and_without_it_are_read_by_the_columns_that_both_have(place: Place) -> None:
    place.load_shards(load(place, FIRST, "Переговоры"), place.load(SECOND, [lead(7)]))
    assert place.warehouse.read(LEADS.table, "acme", [FIRST, SECOND])["id"].tolist() == [0, 7]
    assert place.warehouse.read(NAMED, "acme", [FIRST])["status_name"].tolist() == ["Переговоры"]
    with pytest.raises(WarehouseRefused, match=r"no column status_name.*Materialise `amoCrmLeads` for 2026-01-02"):
        place.warehouse.read(NAMED, "acme", [FIRST, SECOND])


def test_a_warehouse_that_does_not_exist_yet_has_no_such_shards(duckdb_place: Place) -> None:
    assert duckdb_place.warehouse.days_with_column(LEADS.table, "acme", "status_name") == set()
