"""The warehouses under test, and rows to put into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.warehouse import ShardLoad, ShardPut, Warehouse, open_warehouse

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
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = f"rows/{subdomain}/leads/{day.isoformat()}.parquet"
        with self.storage.scratch(name) as file:
            pq.write_table(pa.Table.from_pylist(list(leads), schema=arrow_schema()), file)
            self.storage.replace(name, file)
        return ShardLoad(subdomain, day, name, len(leads))

    def put(self, *loads: ShardLoad, run_id: str = "run-1") -> dict[date, ShardPut | Exception]:
        """Put shards and say how each went."""
        return {load.day: outcome for load, outcome in self.warehouse.put(loads, self.storage, run_id=run_id)}

    def leads(self, *days: date, subdomain: str = "acme") -> list[Lead]:
        """Rows of some shards as plain objects."""
        return plain(self.warehouse.read(subdomain, days))


def plain(frame: Any) -> list[Lead]:
    """Rows of a frame as plain objects, with None for what is missing."""
    import pandas as pd

    def one(value: Any) -> Any:
        return value if isinstance(value, list) else None if pd.isna(value) else value

    return [{name: one(value) for name, value in row.items()} for row in frame.to_dict("records")]


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    return tmp_path / "warehouse" / "warehouse.duckdb"


def duckdb_place_at(file: Path, *, storage: Path) -> Place:
    """A DuckDB warehouse in a file."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return Place(open_warehouse(f"duckdb:///{file}"), open_storage(str(storage)), query, quoted='"{}"'.format)


@pytest.fixture
def duckdb_place(tmp_path: Path, duckdb_file: Path) -> Place:
    return duckdb_place_at(duckdb_file, storage=tmp_path / "storage")


@pytest.fixture(params=["duckdb"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each warehouse in turn: the contract is one."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found
