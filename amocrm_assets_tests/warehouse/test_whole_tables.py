"""Tables that an account has once, in every warehouse: replaced whole, verified, beside all wildcards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE_TABLES, ReferenceTable, reference_table
from amocrm_assets.errors import ShardMismatch, WarehouseRefused
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse import LoadResult, TableLoad
from amocrm_assets_tests.warehouse.places import Place, lead

pytestmark = pytest.mark.slow

FIELDS, USERS = reference_table("amoCrmCustomFields"), reference_table("amoCrmUsers")
FROM = datetime(2026, 3, 1, 0, 30, 0, 123456, tzinfo=UTC)
HISTORY = {"valid_from": FROM, "valid_to": None, "first_seen_at": FROM, "is_current": True, "is_deleted": False}


def rows_of(place: Place, table: ReferenceTable, rows: list[dict[str, Any]]) -> TableLoad:
    """Write the rows of a table, as `rows.reference` does."""
    name = table.rows_name("my-shop")
    with place.storage.temp_file(name) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(table)), file)
        place.storage.replace(name, file)
    return TableLoad(table, "my-shop", name, len(rows))


def load_tables(place: Place, *loads: TableLoad, run_id: str = "run-1") -> list[LoadResult | Exception]:
    return [outcome for _, outcome in place.warehouse.load(loads, place.storage, run_id=run_id)]


def field(number: int, name: str) -> dict[str, Any]:
    enums = [{"id": 9, "value": "Сайт", "sort": 1}, {"id": 10, "value": None, "sort": None}]
    return {"entity_type": "leads", "id": number, "name": name, "enums": enums[: number + 1], **HISTORY}


def test_a_table_is_replaced_with_its_times_and_choices(place: Place) -> None:
    load_tables(place, rows_of(place, FIELDS, [field(0, "old"), field(1, "gone")]))
    (outcome,) = load_tables(place, rows_of(place, FIELDS, [field(1, "Источник")]), run_id="run-2")

    assert isinstance(outcome, LoadResult), outcome
    assert (outcome.row_count, outcome.table) == (1, place.warehouse.table("amoCrmCustomFields_my-shop"))
    table = place.quoted("amoCrmCustomFields_my-shop")
    ((name, begin, end),) = place.query(f"SELECT name, valid_from, valid_to FROM {table}")
    assert (name, begin, end) == ("Источник", FROM, None)
    ((count,),) = place.query(f"SELECT COUNT(*) FROM {table} AS t, UNNEST(t.enums) AS e")
    assert count == 2


def test_all_reference_tables_are_loaded_by_one_call(place: Place) -> None:
    outcomes = load_tables(place, *[rows_of(place, table, []) for table in REFERENCE_TABLES])
    assert [type(outcome) for outcome in outcomes] == [LoadResult] * len(REFERENCE_TABLES), outcomes


def test_tables_of_an_account_are_listed_with_their_rows_and_the_time_of_their_load(place: Place) -> None:
    assert place.warehouse.held_tables("my-shop") == []
    began = datetime.now(UTC) - timedelta(seconds=2)
    place.load_shards(place.load(date(2026, 1, 1), [lead(1), lead(2)], subdomain="my-shop"))
    place.load_shards(place.load(date(2026, 1, 1), [lead(1)], subdomain="other"))
    load_tables(place, rows_of(place, USERS, []))
    first = {each.name: each for each in place.warehouse.held_tables("my-shop")}

    counts = {"amoCrmLeads_my-shop_20260101": 2, "amoCrmUsers_my-shop": 0}
    assert {name: each.row_count for name, each in first.items()} == counts
    now = datetime.now(UTC) + timedelta(seconds=2)
    assert all(each.loaded_at and began <= each.loaded_at <= now for each in first.values())

    load_tables(place, rows_of(place, USERS, [{"id": 1, "name": "A", **HISTORY}]), run_id="run-2")
    second = {each.name: each for each in place.warehouse.held_tables("my-shop")}
    users, leads = "amoCrmUsers_my-shop", "amoCrmLeads_my-shop_20260101"
    assert second[leads] == first[leads]
    assert second[users].row_count == 1
    if (
        place.quoted("x") == '"x"'
    ):  # the emulator does not move the time of a table that is replaced, as BigQuery does
        assert str(second[users].loaded_at) > str(first[users].loaded_at)


def test_no_wildcard_over_shards_catches_a_table_of_the_account(place: Place) -> None:
    day = date(2026, 1, 1)
    place.load_shards(place.load(day, [lead(1)], subdomain="my-shop"))
    load_tables(place, rows_of(place, USERS, []))

    assert place.warehouse.shard_days(LEADS.table, "my-shop") == {day: 1}
    shards = LEADS.table.shard_prefix("my-shop")
    assert not [table for table in REFERENCE_TABLES if table.name_of("my-shop", None).startswith(shards)]


def test_a_count_that_differs_and_rows_that_are_missing_fail_the_table_alone(place: Place) -> None:
    good = rows_of(place, FIELDS, [field(0, "A")])
    wrong = TableLoad(USERS, "my-shop", rows_of(place, USERS, []).rows, row_count=3)
    gone = TableLoad(reference_table("amoCrmTags"), "my-shop", "rows/my-shop/nowhere.parquet", 0)

    outcomes = {
        load.table.asset: outcome
        for load, outcome in place.warehouse.load([good, wrong, gone], place.storage, run_id="r")
    }

    assert isinstance(outcomes["amoCrmCustomFields"], LoadResult)
    assert isinstance(outcomes["amoCrmUsers"], ShardMismatch)
    missing = outcomes["amoCrmTags"]
    assert isinstance(missing, WarehouseRefused)
    assert "Materialise the asset `amoCrmTags` first" in missing.fix
