"""Where shards live: one interface, DuckDB as the embedded default and BigQuery.

A shard is replaced whole or not at all, and counted afterwards by the warehouse itself. Rows come as a Parquet
file in the schema of `shard`; how they got there is not known here.
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
    """One shard to load: its table, the account, the day, and the rows file in the storage that holds its rows."""

    table: Table
    subdomain: str
    day: date
    rows: str
    row_count: int


@dataclass(frozen=True)
class TableLoad:
    """The one table that an account has, to load whole; it is replaced and verified like a shard."""

    table: Table
    subdomain: str
    rows: str
    row_count: int
    day: None = None


Load = ShardLoad | TableLoad
AnyLoad = TypeVar("AnyLoad", ShardLoad, TableLoad)


@dataclass(frozen=True)
class LoadResult:
    """What the warehouse itself says of a shard after the load."""

    table: str
    row_count: int
    seconds: float
    size_bytes: int | None = None
    """None where the warehouse does not tell (DuckDB)."""
    job_id: str | None = None
    """The load job, where there was one (BigQuery)."""
    warnings: tuple[str, ...] = ()
    """What a person should know of a shard that is there and verified."""


class Warehouse(Protocol):
    """A place for shards. Errors: `WarehouseUnavailable`, `Busy` may pass, `WarehouseRefused` needs a person."""

    def prepare(self) -> list[str]:
        """Make sure that shards can be loaded (the file, the dataset, the rights), before amoCRM is asked.

        Returns warnings: what does not prevent a load and should be changed by a person, with its fix.
        """
        ...

    def table(self, name: str) -> str:
        """The full name of a table, as Dagster's `dagster/table_name` shows it."""
        ...

    def load(
        self, loads: Sequence[AnyLoad], storage: Storage, *, run_id: str
    ) -> Iterator[tuple[AnyLoad, LoadResult | Exception]]:
        """Replace shards, side by side where the warehouse can; one pair per load, in order of completion.

        A shard that fails does not affect the others. Each is verified: the table's own count and schema equal
        the rows', or its pair holds `ShardMismatch`. Until the iterator has ended, the warehouse may be held:
        ask it nothing else meanwhile. Raises what prevents every load, such as `Busy`.
        """
        ...

    def shard_days(self, table: Table, subdomain: str) -> dict[date, int]:
        """Days that have a shard, with the shard's row count, in order. Empty where there is no warehouse yet."""
        ...

    def shard_days_of(self, table: Table, subdomains: Collection[str]) -> dict[str, dict[date, int]]:
        """`shard_days` of each of several accounts, from one listing of the warehouse."""
        ...

    def days_with_column(self, table: Table, subdomain: str, column: str) -> set[date]:
        """Days whose shard has a column of this name. Empty where there is no warehouse yet."""
        ...

    def held_tables(self, subdomain: str) -> list[HeldTable]:
        """The tables of an account with their rows and the time of their load."""
        ...

    def expirations(self, table: Table, subdomain: str) -> dict[date, datetime]:
        """Days whose shard the warehouse is going to delete by itself, and when (UTC), in order."""
        ...

    def read(self, table: Table, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
        """Rows of the shards of `days`, in that order, as a frame of Arrow's arrays, nested columns included.

        Raises `WarehouseRefused` if a day has no shard.
        """
        ...

    def tables(
        self, table: Table, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The shard of each of `days`, in that order, as an Arrow table; of some columns, where they are named.

        Until the iterator has ended, the warehouse may be held, as in `load`. Raises `WarehouseRefused` if a day
        has no shard.
        """
        ...


def open_warehouse(
    url: str,
    *,
    wait_seconds: float | None = None,
    open_client: OpenClient | None = None,
    policy_tags: Mapping[str, str] | None = None,
) -> Warehouse:
    """The warehouse that `AMOCRM_WAREHOUSE` names; nothing is opened or asked yet.

    `wait_seconds` is how long a call may wait for a warehouse that somebody holds or that does not answer, for
    callers with less time than the warehouse's own deadlines. `open_client` opens clients of BigQuery, where that
    is the warehouse; `policy_tags` are those that columns get there, by the column's path. Raises `SettingsError`
    for a URL it does not understand.
    """
    address = read_address(url)
    if isinstance(address, DuckDbAddress):
        from amocrm_assets.warehouse.duckdb import WAIT_SECONDS, DuckDbWarehouse

        return DuckDbWarehouse(address.path, wait_seconds=WAIT_SECONDS if wait_seconds is None else wait_seconds)
    from amocrm_assets.warehouse.bigquery import BigQueryWarehouse
    from amocrm_assets.warehouse.bigquery.timeouts import Timeouts

    timeouts = None if wait_seconds is None else Timeouts.within(wait_seconds)
    return BigQueryWarehouse(address, timeouts=timeouts, open_client=open_client, policy_tags=policy_tags)
