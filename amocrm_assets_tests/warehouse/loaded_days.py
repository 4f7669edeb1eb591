"""What tests of a warehouse load: a day, or a flat table without rows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from amocrm_assets.entities import LEADS, latest_table
from amocrm_assets.shard import arrow_schema
from amocrm_assets.warehouse import TableLoad
from amocrm_assets_tests.warehouse.places import Place, lead

if TYPE_CHECKING:
    from amocrm_assets.warehouse import LoadResult

DAY = date(2026, 1, 1)
SHARD = "amoCrmLeads_acme_20260101"
FLAT = "amoCrmLeadsLatest_acme"
UPLOAD = "^/upload/.*/jobs$"


def load_day(place: Place, *, run_id: str = "run-1") -> LoadResult | Exception:
    """Load one shard of two rows."""
    return place.load_shards(place.load(DAY, [lead(1), lead(2)]), run_id=run_id)[DAY]


def load_flat(place: Place) -> LoadResult | Exception:
    """Load the flat table without rows."""
    load = TableLoad(latest_table(LEADS.table), "acme", "rows/flat.parquet", 0)
    with place.storage.temp_file(load.rows) as file:
        pq.write_table(pa.Table.from_pylist([], schema=arrow_schema(load.table)), file)
        place.storage.replace(load.rows, file)
    ((_, outcome),) = place.warehouse.load([load], place.storage, run_id="run-1")
    return outcome
