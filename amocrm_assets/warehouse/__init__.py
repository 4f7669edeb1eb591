"""The warehouse for shards: one interface for DuckDB, the embedded default, and BigQuery.

A shard is replaced atomically, and then counted by the warehouse itself. Rows come as a Parquet file in the schema
of `shard`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from amocrm_assets.warehouse.address import DuckDbAddress, read_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import pandas as pd
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.entities.loads import HeldTable
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse.bigquery.clients import OpenClient


@dataclass(frozen=True)
class ShardLoad:
    """One shard to load: its table, the account, the day, and the rows file in the storage."""

    table: Table
    subdomain: str
    day: date
    rows: str
    row_count: int


@dataclass(frozen=True)
class TableLoad:
    """A table without days to load; it is replaced and verified like a shard."""

    table: Table
    subdomain: str
    rows: str
    row_count: int
    day: None = None


Load = ShardLoad | TableLoad
AnyLoad = TypeVar("AnyLoad", ShardLoad, TableLoad)


@dataclass(frozen=True)
class LoadResult:
    """The state of a shard after the load, according to the warehouse."""

    table: str
    row_count: int
    seconds: float
    size_bytes: int | None = None
    """None if the warehouse does not report it (DuckDB)."""
    job_id: str | None = None
    """The load job, if there was one (BigQuery)."""
    warnings: tuple[str, ...] = ()
    """Warnings about a shard that is loaded and verified."""


class Warehouse(Protocol):
    """A store for shards. `WarehouseUnavailable` and `Busy` are transient, `WarehouseRefused` is not."""

    def prepare(self) -> list[str]:
        """Verify that shards can be loaded (file, dataset, permissions), before any request to amoCRM.

        Returns warnings: problems that do not prevent a load, each with its fix.
        """
        ...

    def table(self, name: str) -> str:
        """The full name of a table, as Dagster's `dagster/table_name` shows it."""
        ...

    def load(
        self, loads: Sequence[AnyLoad], storage: Storage, *, run_id: str
    ) -> Iterator[tuple[AnyLoad, LoadResult | Exception]]:
        """Replace shards, in parallel if the warehouse can; yields a pair per load, in order of completion.

        A failing shard does not affect the others. Each is verified: the table's count and schema equal those of
        the rows, otherwise its pair contains `ShardMismatch`. The warehouse may be locked until the iterator
        ends: do not use it otherwise meanwhile. Raises errors that prevent every load, such as `Busy`.
        """
        ...

    def shard_days(self, table: Table, subdomain: str) -> dict[date, int]:
        """Days that have a shard, with the shard's row count, in order. Empty if there is no warehouse yet."""
        ...

    def shard_days_of(self, table: Table, subdomains: Collection[str]) -> dict[str, dict[date, int]]:
        """`shard_days` of several accounts, from one listing of the warehouse."""
        ...

    def days_with_column(self, table: Table, subdomain: str, column: str) -> set[date]:
        """Days whose shard has a column of this name. Empty where there is no warehouse yet."""
        ...

    def held_tables(self, subdomain: str) -> list[HeldTable]:
        """The tables of an account with their rows and the time of their load."""
        ...

    def expirations(self, table: Table, subdomain: str) -> dict[date, datetime]:
        """Days whose shard will expire, and when (UTC), in order."""
        ...

    def read(self, table: Table, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
        """Rows of the shards of `days`, in that order, as a frame with Arrow types, including nested columns.

        Raises `WarehouseRefused` if a day has no shard.
        """
        ...

    def tables(
        self, table: Table, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The shard of each of `days`, in that order, as an Arrow table; only some columns if they are named.

        The warehouse may be locked until the iterator ends, as in `load`. Raises `WarehouseRefused` if a day has
        no shard.
        """
        ...


def open_warehouse(
    url: str,
    *,
    wait_seconds: float | None = None,
    open_client: OpenClient | None = None,
    policy_tags: Mapping[str, str] | None = None,
) -> Warehouse:
    """The warehouse in `AMOCRM_WAREHOUSE`; nothing is opened or requested yet.

    `wait_seconds` is how long a call may wait for a warehouse that is locked or does not respond, for callers
    with less time than the warehouse's own deadlines. `open_client` opens clients of BigQuery, if that is the
    warehouse; `policy_tags` are the tags of its columns, by the column's path. Raises `SettingsError` for an
    invalid URL.
    """
    address = read_address(url)
    if isinstance(address, DuckDbAddress):
        from amocrm_assets.warehouse.duckdb import WAIT_SECONDS, DuckDbWarehouse

        return DuckDbWarehouse(address.path, wait_seconds=WAIT_SECONDS if wait_seconds is None else wait_seconds)
    from amocrm_assets.warehouse.bigquery import BigQueryWarehouse
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

    timeouts = None if wait_seconds is None else Timeouts.within(wait_seconds)
    return BigQueryWarehouse(address, timeouts=timeouts, open_client=open_client, policy_tags=policy_tags)
