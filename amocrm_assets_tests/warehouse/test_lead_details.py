"""Shards with records, lists and exact numbers in them, in every warehouse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse import LoadResult, ShardLoad
from amocrm_assets_tests.warehouse.places import Place

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 1)
FULL = {
    "id": 1,
    "account_id": 31_000_001,
    "updated_at": 1_767_229_200,
    "is_deleted": False,
    "company_id": 41,
    "main_contact_id": 52,
    "contacts": [{"id": 51, "is_main": False}, {"id": 52, "is_main": True}],
    "tags": [{"id": 3, "name": "опт", "color": None}],
    "catalog_elements": [{"id": 71, "catalog_id": 7, "quantity": Decimal("1.500000000"), "price_id": None}],
    "loss_reason": {"id": 91, "name": "Дорого"},
    "source": {"id": 61, "name": None, "type": None},
    "score": 5,
    "labor_cost": 60,
    "price_with_minor_units": Decimal("12345678901234567890123456789.123456789"),
    "is_price_modified_by_robot": True,
}
EMPTY = dict.fromkeys(FULL) | {"id": 2, "contacts": [], "tags": [], "catalog_elements": []}


def load(place: Place, rows: list[dict[str, Any]]) -> ShardLoad:
    name = f"rows/my-shop/lead_details/{DAY}.parquet"
    with place.storage.temp_file(name) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(LEAD_DETAILS)), file)
        place.storage.replace(name, file)
    return ShardLoad(LEAD_DETAILS, "my-shop", DAY, name, len(rows))


def test_what_hangs_on_leads_is_read_as_it_was_put(place: Place) -> None:
    for run in ("run-1", "run-2"):
        ((_, outcome),) = place.warehouse.load([load(place, [FULL, EMPTY])], place.storage, run_id=run)
        assert isinstance(outcome, LoadResult), outcome
        assert outcome.table == place.warehouse.table("amoCrmLeadDetails_my-shop_20260101")
    (found,) = place.warehouse.tables(LEAD_DETAILS, "my-shop", [DAY])
    assert found.schema == arrow_schema(LEAD_DETAILS)
    assert sorted(found.to_pylist(), key=lambda row: row["id"]) == [FULL, EMPTY]
    assert place.warehouse.shard_days(LEAD_DETAILS, "my-shop") == {DAY: 2}


def test_records_and_numbers_are_queried_by_name(place: Place) -> None:
    list(place.warehouse.load([load(place, [FULL, EMPTY])], place.storage, run_id="run-1"))
    table = place.quoted("amoCrmLeadDetails_my-shop_20260101")
    rows = place.query(f"SELECT id, loss_reason.name, source.id, price_with_minor_units FROM {table} ORDER BY id")
    assert rows == [(1, "Дорого", 61, FULL["price_with_minor_units"]), (2, None, None, None)]
