"""Where the data of an asset is, as *Storage* on the asset's page shows it.

It is derived from environment variables, so that a code location loads without opening anything. The
metadata of a materialisation has the exact table or file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from amocrm_assets.settings import Deployment
from amocrm_assets.warehouse.address import BigQueryAddress, read_address

if TYPE_CHECKING:
    from amocrm_assets.entities import Table


def warehouse_table(name: str) -> dict[str, str]:
    """A table of the warehouse: `project.dataset.table` in BigQuery, `file.main.table` in DuckDB."""
    return {"dagster/table_name": f"{_dataset(Deployment.warehouse_address())}.{name}"}


def warehouse_shards(table: Table, subdomain: str) -> dict[str, str]:
    """The tables of all days."""
    return warehouse_table(f"{table.shard_prefix(subdomain)}YYYYMMDD")


def storage_folder(folder: str) -> dict[str, str]:
    """A folder below `AMOCRM_STORAGE`."""
    return {"dagster/uri": f"{Deployment.storage_address().rstrip('/')}/{folder}"}


def _dataset(url: str) -> str:
    address = read_address(url) if url.startswith("bigquery:") else None
    if isinstance(address, BigQueryAddress):
        return f"{address.project}.{address.dataset}"
    return f"{Path(url).stem}.main"
