"""Where the data of an asset is, as *Storage* on the asset's page shows it.

It is derived from environment variables, so that a code location loads without opening anything. The
metadata of a materialisation has the exact table or file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from amocrm_assets.settings import Deployment
from amocrm_assets.warehouse.address import BigQueryAddress, DuckDbAddress, read_address

if TYPE_CHECKING:
    from amocrm_assets.entities import Table


def warehouse_kind() -> str:
    """`duckdb` or `bigquery`."""
    return Deployment.warehouse_address().partition(":")[0]


def warehouse_table(name: str) -> dict[str, str]:
    """A table of the warehouse: `project.dataset.table` in BigQuery, `file.main.table` in DuckDB."""
    return {"dagster/table_name": _warehouse().table(name)}


def warehouse_shards(table: Table, subdomain: str) -> dict[str, str]:
    """The tables of all days."""
    return warehouse_table(f"{table.shard_prefix(subdomain)}YYYYMMDD")


def storage_folder(folder: str) -> dict[str, str]:
    """A folder below `AMOCRM_STORAGE`."""
    return {"dagster/uri": f"{Deployment.storage_address().rstrip('/')}/{folder}"}


def _warehouse() -> DuckDbAddress | BigQueryAddress:
    """The warehouse; the path of a DuckDB file is not checked, since a run says what is wrong with it."""
    url = Deployment.warehouse_address()
    return read_address(url) if warehouse_kind() == "bigquery" else DuckDbAddress(Path(url))
