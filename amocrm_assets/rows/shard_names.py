"""Adds names, such as `status_name`, to the rows of shards: an id's name in a reference table at a row's time.

Rows files contain no names. They are added when a shard is loaded, in a temporary file that is removed after the
load. They depend only on rows and reference history, and so on captures.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.files import READ_ROWS, rows_file, rows_name
from amocrm_assets.rows.json_values import INT64_MIN
from amocrm_assets.rows.reference import reference_rows
from amocrm_assets.rows.stored import row_count
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    import numpy.typing as npt
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.entities.shard_names import ShardName
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

_MICROSECONDS = 1_000_000


class NamesAsOf:
    """The names in one reference table over time; empty if it has not been made."""

    def __init__(self, wanted: ShardName, history: pa.Table | None) -> None:
        """`history` has the table's key, `name` and `valid_from`, in chronological order within a key."""
        self.wanted = wanted
        self._versions: dict[tuple[int, ...], tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]] = {}
        names_of: dict[tuple[int, ...], list[tuple[int, str | None]]] = {}
        if history is not None:
            key = [history[name].to_pylist() for name in reference_table(wanted.table).key]
            # Rounded up: a name is valid from the first whole second in which it existed.
            begins = (-(-history["valid_from"].cast("int64").to_numpy() // _MICROSECONDS)).tolist()
            for ids, begin, name in zip(zip(*key, strict=True), begins, history["name"].to_pylist(), strict=True):
                names_of.setdefault(ids, []).append((begin, name))
        for ids, versions in names_of.items():
            begin, names = zip(*versions, strict=True)
            self._versions[ids] = np.array(begin, np.int64), np.array(names, object)

    def of(self, rows: pa.Table, time: str) -> pa.Array:
        """The names of ids at the rows' `time`; before the first known version, the first known name."""
        import pyarrow as pa
        import pyarrow.compute as pc

        by = list(self.wanted.by)
        at = pc.fill_null(rows[time], INT64_MIN).to_numpy()
        names = np.full(rows.num_rows, None, object)
        # A day has few distinct ids and many rows.
        for each in rows.select(by).group_by(by).aggregate([]).to_pylist():
            versions = self._versions.get(tuple(each.values()))
            if versions is None:
                continue
            matches = np.ones(rows.num_rows, np.bool_)
            for column, value in each.items():
                matches &= pc.fill_null(pc.equal(rows[column], value), False).to_numpy()  # noqa: FBT003
            begins, known = versions
            names[matches] = known[np.maximum(np.searchsorted(begins, at[matches], side="right") - 1, 0)]
        return pa.array(names, pa.string())


def read_names_as_of(wanted: ShardName, storage: Storage, subdomain: str) -> NamesAsOf:
    """The names in the account's reference table."""
    table = reference_table(wanted.table)
    columns = [*table.key, "name", "valid_from"]
    return NamesAsOf(wanted, reference_rows(table, storage, subdomain, columns))


@dataclass
class ShardRows:
    """The files that shards are loaded from: rows files, or temporary files with names next to ids.

    `nameless` counts by day the rows with an id for which no name is known.
    """

    table: Table
    storage: Storage
    subdomain: str
    names: NamesAsOf | None = None
    nameless: dict[date, int] = field(default_factory=dict)

    def of(self, day: date) -> tuple[str, int]:
        """Name of the file with the rows of a day, and the number of rows. Raises as `rows_file` does."""
        if self.names is None:
            return rows_name(self.table, self.subdomain, day), row_count(
                self.table, self.storage, self.subdomain, day
            )
        name = f"{_folder(self.table, self.subdomain)}/{day.isoformat()}.parquet"
        return name, self._write(name, day, self.names)

    def _write(self, name: str, day: date, names: NamesAsOf) -> int:
        import pyarrow.parquet as pq

        schema, count = arrow_schema(self.table), 0
        with (
            rows_file(self.table, self.storage, self.subdomain, day) as rows,
            self.storage.temp_file(name) as path,
        ):
            with (
                disk_errors(f"Writing {name}", path),
                pq.ParquetFile(rows) as file,
                pq.ParquetWriter(path, schema, compression="zstd") as writer,
            ):
                for batch in file.iter_batches(READ_ROWS, use_threads=False):
                    named = self._named(batch, names, schema, day)
                    writer.write_table(named)
                    count += named.num_rows
            self.storage.replace(name, path)
        return count

    def _named(self, batch: pa.RecordBatch, names: NamesAsOf, schema: pa.Schema, day: date) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        rows, wanted = pa.table(batch), names.wanted
        column = names.of(rows, self.table.time)
        unknown = pc.and_(pc.is_null(column), pc.is_valid(rows[wanted.behind]))
        if count := pc.sum(unknown).as_py():
            self.nameless[day] = self.nameless.get(day, 0) + count
        return rows.append_column(wanted.column.name, column).select(schema.names).cast(schema)


@contextmanager
def shard_rows(table: Table, storage: Storage, source: SourceSettings) -> Iterator[ShardRows]:
    """The rows of the table's shards, with names if the source's settings want them.

    Temporary files are removed at the end, those of a killed run at the start. The caller must hold the lock of
    the account's shards.
    """
    wanted, subdomain = table.for_shards(source), source.subdomain
    named = wanted.shard_name_column
    if named is None or wanted is table:
        yield ShardRows(table, storage, subdomain)
        return
    clear_shard_rows(table, storage, subdomain)
    try:
        yield ShardRows(wanted, storage, subdomain, read_names_as_of(named, storage, subdomain))
    finally:
        clear_shard_rows(table, storage, subdomain)


def clear_shard_rows(table: Table, storage: Storage, subdomain: str) -> None:
    """Remove temporary files with names. The caller must hold the lock of the account's shards."""
    folder = _folder(table, subdomain)
    storage.remove_stale(folder)
    for name in storage.names(folder):
        storage.delete(name)


def _folder(table: Table, subdomain: str) -> str:
    return f"rows/{subdomain}/{table.warehouse_name}"
