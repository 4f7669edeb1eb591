"""A warehouse under test, together with the storage of its rows, and rows to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from amocrm_assets.entities import LEADS
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.folder import FolderStorage
from amocrm_assets.warehouse import LoadResult, ShardLoad, Warehouse, open_warehouse
from amocrm_assets.warehouse.address import BigQueryAddress, read_address
from amocrm_assets.warehouse.bigquery import BigQueryWarehouse
from amocrm_assets.warehouse.bigquery.clients import open_client
from amocrm_assets.warehouse.bigquery.timeouts import Timeouts
from amocrm_assets_tests.warehouse.recording_bigquery import RecordingBigQuery

Lead = dict[str, Any]


def lead(number: int, **columns: Any) -> Lead:
    """A row that fills every column, the nested ones included."""
    return {
        "id": number,
        "name": f"Сделка {number}",
        "responsible_user_id": 7,
        "created_by": 0,
        "created_at": 1_767_225_600,
        "updated_at": 1_767_229_200 + number,
        "account_id": 31_000_001,
        "pipeline_id": 11,
        "status_id": 142,
        "updated_by": None,
        "is_deleted": False,
        "group_id": 0,
        "closed_at": None,
        "closest_task_at": None,
        "sale": 2**53 + 1,  # one more than a double can hold
        "loss_reason_id": None,
        "custom_fields": [
            {"id": 1, "name": "Город", "is_system": False, "values": [{"value": "Пермь", "enum": 5}]},
            {
                "id": 2,
                "name": "UTM_SOURCE",
                "is_system": True,
                "values": [{"value": "ad", "enum": None}, {"value": None, "enum": None}],
            },
            {"id": 3, "name": None, "is_system": None, "values": []},
        ],
        **columns,
    }


@dataclass
class Place:
    """A warehouse with the storage of its rows."""

    warehouse: Warehouse
    storage: Storage
    query: Callable[[str], list[tuple[Any, ...]]]
    """Ask the warehouse itself, as its users do."""
    quoted: Callable[[str], str]
    """A table's or view's name as a query writes it."""

    def load(self, day: date, leads: Sequence[Lead], *, subdomain: str = "acme") -> ShardLoad:
        """Write the rows of a day, as `rows` does."""
        name = f"rows/{subdomain}/leads/{day.isoformat()}.parquet"
        with self.storage.temp_file(name) as file:
            pq.write_table(pa.Table.from_pylist(list(leads), schema=arrow_schema(LEADS.table)), file)
            self.storage.replace(name, file)
        return ShardLoad(LEADS.table, subdomain, day, name, len(leads))

    def load_shards(self, *loads: ShardLoad, run_id: str = "run-1") -> dict[date, LoadResult | Exception]:
        """Load shards and say how each went."""
        return {load.day: outcome for load, outcome in self.warehouse.load(loads, self.storage, run_id=run_id)}

    def leads(self, *days: date, subdomain: str = "acme") -> list[Lead]:
        """Rows of some shards as plain objects."""
        return plain(self.warehouse.read(LEADS.table, subdomain, days))


def plain(frame: pd.DataFrame) -> list[Lead]:
    """Rows of a frame as plain objects, with None for what is missing."""

    def one(value: Any) -> Any:
        return value if isinstance(value, list) else None if pd.isna(value) else value

    return [{str(name): one(value) for name, value in row.items()} for row in frame.to_dict("records")]


def duckdb_place_at(file: Path, *, storage: Path) -> Place:
    """A DuckDB warehouse in a file."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return Place(open_warehouse(f"duckdb:///{file}"), open_storage(str(storage)), query, quoted='"{}"'.format)


@contextmanager
def bigquery_place_at(url: str, storage: Storage) -> Iterator[Place]:
    """A dataset of its own, deleted afterwards: the emulator gets slow with many tables, and Google's cost."""
    address = read_address(url)
    assert isinstance(address, BigQueryAddress)
    quoted = f"`{address.project}.{address.dataset}.{{}}`".format
    with open_client(address.project, address.location, endpoint=address.endpoint) as client:

        def query(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row.values()) for row in client.query_and_wait(sql)]

        try:
            yield Place(open_warehouse(url), storage, query, quoted)
        finally:
            client.delete_dataset(f"{address.project}.{address.dataset}", delete_contents=True, not_found_ok=True)


def wired_place(
    server: RecordingBigQuery,
    storage: Storage,
    naps: list[float],
    *,
    location: str | None = "EU",
    job_seconds: float = 5,
    policy_tags: dict[str, str] | None = None,
) -> Place:
    """BigQuery's warehouse at the recording server; it does not sleep between its own repeats."""
    address = BigQueryAddress("p", "d", location, server.url)
    timeouts = Timeouts(answer_seconds=5, repeat_seconds=1.5, job_seconds=job_seconds, sleep=naps.append)
    warehouse = BigQueryWarehouse(address, timeouts=timeouts, policy_tags=policy_tags)
    return Place(warehouse, storage, query=lambda _: [], quoted=str)


class BucketStorage(FolderStorage):
    """A folder whose files have addresses in a bucket."""

    def __init__(self, folder: Path, bucket: str) -> None:
        super().__init__(folder / bucket)
        self.bucket = bucket

    def uri(self, name: str) -> str:
        return f"gs://{self.bucket}/{name}"
