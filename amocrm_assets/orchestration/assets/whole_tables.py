"""Tables that an account has once, not for each day: flat tables, stages, loads, reference tables.

The spec of their assets, and how a table is replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from amocrm_assets.orchestration.assets import asset_spec
from amocrm_assets.orchestration.columns import schema_of
from amocrm_assets.orchestration.locations import warehouse_kind, warehouse_table
from amocrm_assets.orchestration.metadata import COLUMN_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    import dagster as dg

    from amocrm_assets.entities import Table
    from amocrm_assets.orchestration.resources import AmoCrmDeployment
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import LoadResult, Warehouse


def whole_table_spec(source: SourceSettings, table: Table, **own: Any) -> dg.AssetSpec:
    """The spec of the asset of such a table; `own` are other arguments of `asset_spec`."""
    warehouse = warehouse_kind()
    return asset_spec(
        source,
        table.asset,
        kinds={warehouse, "table"},
        is_partitioned=False,
        metadata={
            COLUMN_SCHEMA: schema_of(table, warehouse),
            **warehouse_table(table.name_of(source.subdomain, None)),
        },
        **own,
    )


class WholeWritten(Protocol):
    """The file to load for a table that an account has once."""

    @property
    def table(self) -> Table:
        """The table, with its columns."""
        ...

    @property
    def name(self) -> str:
        """The file's name in the storage."""
        ...

    @property
    def row_count(self) -> int:
        """The number of its rows."""
        ...


Written = TypeVar("Written", bound=WholeWritten)


def replace_whole(
    name: str,
    amocrm: AmoCrmDeployment,
    source: SourceSettings,
    run_id: str,
    *,
    write: Callable[[Storage, Warehouse], Written],
) -> tuple[Written, LoadResult]:
    """Make a table and load it, one run at a time, so that no older table overwrites a newer one."""
    from amocrm_assets.warehouse import TableLoad

    storage, warehouse = amocrm.storage(), amocrm.warehouse(source)
    with storage.lock(f"locks/{source.subdomain}-{name}", wait_seconds=amocrm.lock_wait_seconds):
        written = write(storage, warehouse)
        load = TableLoad(written.table, source.subdomain, written.name, written.row_count)
        ((_, outcome),) = warehouse.load([load], storage, run_id=run_id)
        if isinstance(outcome, Exception):
            raise outcome
    return written, outcome
