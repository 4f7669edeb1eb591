"""Shards in a DuckDB file, the embedded default.

A shard is one transaction, verified before it is committed, so that a killed process or a wrong load leaves
the old shard. The file, which only one process may write at a time, is opened in `file`.
"""

from __future__ import annotations

import glob
import re
import time
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

import duckdb

from amocrm_assets.duckdb_queries import run_query
from amocrm_assets.entities.loads import HeldTable
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.rows.frames import frame_of
from amocrm_assets.shard import arrow_schema, duckdb_type
from amocrm_assets.warehouse import LoadResult
from amocrm_assets.warehouse.address import DuckDbAddress
from amocrm_assets.warehouse.duckdb.file import DuckDbFile, quoted, text, transaction
from amocrm_assets.warehouse.duckdb.instances import ATTACHED
from amocrm_assets.warehouse.verifying import missing_shard, require_columns, rows_of, verify_shard

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import AnyLoad, Load

_WRITTEN_AT = re.compile(r"written by amocrm-assets at ([0-9T:.+-]+)$")
# How long to wait for a process that has the file open.
WAIT_SECONDS = 60.0


class DuckDbWarehouse:
    """Shards as tables of one DuckDB file.

    The file is open only within a call, and within `load` until its iterator ends: another call in between waits
    for itself.
    """

    def __init__(self, path: Path, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._file = DuckDbFile(path, wait_seconds)

    def prepare(self) -> list[str]:
        """Create the file, or verify that it is writable. Raises `Busy`, `WarehouseRefused`."""
        with self._file.opened():
            return []

    def table(self, name: str) -> str:
        """`warehouse.main.amoCrmLeads_acme_20260101`, where `warehouse` is the file's name."""
        return DuckDbAddress(self._file.path).table(name)

    def load(
        self,
        loads: Sequence[AnyLoad],
        storage: Storage,
        *,
        run_id: str,  # noqa: ARG002 - of the interface
    ) -> Iterator[tuple[AnyLoad, LoadResult | Exception]]:
        """Replace shards one after the other."""
        with self._file.opened() as connection:
            for load in loads:
                yield load, self._outcome(connection, load, storage)

    def shard_days(self, table: Table, subdomain: str) -> dict[date, int]:
        """Days that have a shard, with the shard's row count."""
        return self.shard_days_of(table, [subdomain])[subdomain]

    def shard_days_of(self, table: Table, subdomains: Collection[str]) -> dict[str, dict[date, int]]:
        """Days of several accounts that have a shard."""
        if not self._file.path.exists():
            return {subdomain: {} for subdomain in subdomains}
        with self._file.opened(read_only=True) as connection, self._file.duckdb_errors("Listing shards"):
            return {subdomain: _shards(connection, table, subdomain) for subdomain in subdomains}

    def days_with_column(self, table: Table, subdomain: str, column: str) -> set[date]:
        """Days whose shard has a column of this name."""
        if not self._file.path.exists():
            return set()
        query = f"SELECT table_name FROM duckdb_columns() WHERE database_name = '{ATTACHED}' AND column_name = ?"
        with self._file.opened(read_only=True) as connection, self._file.duckdb_errors("Listing columns"):
            names = connection.execute(query, [column]).fetchall()
        return {day for (name,) in names if (day := table.shard_day(subdomain, name))}

    def held_tables(self, subdomain: str) -> list[HeldTable]:
        """The tables of an account; the time of a load is in the table's comment."""
        if not self._file.path.exists():
            return []
        query = (
            "SELECT table_name, estimated_size, comment FROM duckdb_tables()"
            f" WHERE database_name = '{ATTACHED}' AND contains(table_name, ?) ORDER BY 1"
        )
        with self._file.opened(read_only=True) as connection, self._file.duckdb_errors("Listing tables"):
            tables = connection.execute(query, [f"_{subdomain}"]).fetchall()
        return [HeldTable(name, count, _loaded_at(comment)) for name, count, comment in tables]

    def expirations(
        self,
        table: Table,  # noqa: ARG002 - of the interface
        subdomain: str,  # noqa: ARG002
    ) -> dict[date, datetime]:
        """Empty: tables in DuckDB do not expire."""
        return {}

    def read(self, table: Table, subdomain: str, days: Sequence[date]) -> pd.DataFrame:
        """Rows of the shards of `days`, in the order of the days. Raises `WarehouseRefused` if one is missing."""
        return frame_of(table, self.tables(table, subdomain, days))

    def tables(
        self, table: Table, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
    ) -> Iterator[pa.Table]:
        """The shard of each of `days`. Checks that all exist before the first is read."""
        if not days:
            return
        if not self._file.path.exists():
            raise missing_shard(table, self.table(table.shard_name(subdomain, days[0])), days[0])
        schema = arrow_schema(table, columns)
        with self._file.opened(read_only=True) as connection, self._file.duckdb_errors("Reading shards"):
            held = _shards(connection, table, subdomain)
            for day in days:
                if day not in held:
                    raise missing_shard(table, self.table(table.shard_name(subdomain, day)), day)
            for day in days:
                name = table.shard_name(subdomain, day)
                require_columns(table, self.table(name), day, connection.table(quoted(name)).columns, schema.names)
                yield _read_shard(connection, name, schema)

    def _outcome(
        self, connection: duckdb.DuckDBPyConnection, load: Load, storage: Storage
    ) -> LoadResult | AmoCrmAssetsError:
        try:
            return self._load_one(connection, load, storage)
        except AmoCrmAssetsError as error:  # only this shard fails: the next one may succeed
            return error

    def _load_one(self, connection: duckdb.DuckDBPyConnection, load: Load, storage: Storage) -> LoadResult:
        started = time.monotonic()
        name = load.table.name_of(load.subdomain, load.day)
        columns = ", ".join(f"{quoted(column.name)} {duckdb_type(column)}" for column in load.table.columns)
        # Brackets and `key=value` in the path must not be interpreted.
        parquet = "read_parquet(?, hive_partitioning = false)"
        insert = f"INSERT INTO {quoted(name)} SELECT {_names(load.table)} FROM {parquet}"
        with (
            rows_of(load),
            storage.as_local_path(load.rows) as rows,
            self._file.duckdb_errors(f"Writing {name}"),
            transaction(connection),
        ):
            if name in _views(connection):  # an older version created a view with the name of the flat table
                connection.execute(f"DROP VIEW {quoted(name)}")
            connection.execute(f"CREATE OR REPLACE TABLE {quoted(name)} ({columns})")
            run_query(connection, partial(connection.execute, insert, [glob.escape(str(rows))]))
            connection.execute(_comments(load, name))
            row_count = _verified(connection, load, self.table(name))
        return LoadResult(self.table(name), row_count, time.monotonic() - started)


def _names(table: Table) -> str:
    return ", ".join(quoted(column.name) for column in table.columns)


def _read_shard(connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema) -> pa.Table:
    columns = ", ".join(map(quoted, schema.names))
    return run_query(connection, connection.sql(f"SELECT {columns} FROM {quoted(name)}").to_arrow_table).cast(
        schema
    )


@cache
def _expected_columns(table: Table) -> list[str]:
    """The schema as the installed DuckDB version spells its types."""
    return [f"{column.name} {duckdb.sqltype(duckdb_type(column))}" for column in table.columns]


def _verified(connection: duckdb.DuckDBPyConnection, load: Load, table: str) -> int:
    """Verify the shard's count and columns against the rows, and return its count."""
    held = connection.table(quoted(load.table.name_of(load.subdomain, load.day)))
    ((row_count,),) = held.count("*").fetchall()
    verify_shard(
        load,
        table,
        row_count=row_count,
        columns=[f"{name} {kind}" for name, kind in zip(held.columns, held.types, strict=True)],
        expected=_expected_columns(load.table),
    )
    return int(row_count)


def _shards(connection: duckdb.DuckDBPyConnection, table: Table, subdomain: str) -> dict[date, int]:
    """Shards by day. Rows are only inserted, never deleted, so DuckDB's estimate of a table is its count."""
    tables = connection.execute(
        f"SELECT table_name, estimated_size FROM duckdb_tables() WHERE database_name = '{ATTACHED}' ORDER BY 1"
    ).fetchall()
    return {day: count for name, count in tables if (day := table.shard_day(subdomain, name))}


def _views(connection: duckdb.DuckDBPyConnection) -> set[str]:
    query = f"SELECT view_name FROM duckdb_views() WHERE database_name = '{ATTACHED}'"
    return {name for (name,) in connection.execute(query).fetchall()}


def _comments(load: Load, name: str) -> str:
    """Statements that set the table's comment, with the time of this load, and those of its columns."""
    now = datetime.now(UTC).isoformat()
    message = f"amoCRM {load.table.records} of {load.subdomain}, written by amocrm-assets at {now}"
    return ";".join(
        [
            f"COMMENT ON TABLE {quoted(name)} IS {text(message)}",
            *(
                f"COMMENT ON COLUMN {quoted(name)}.{quoted(column.name)} IS {text(column.description)}"
                for column in load.table.columns
            ),
        ]
    )


def _loaded_at(comment: str | None) -> datetime | None:
    """The time in a table's comment; None for a comment of a user or of an earlier version."""
    found = _WRITTEN_AT.search(comment or "")
    return datetime.fromisoformat(found[1]) if found else None
