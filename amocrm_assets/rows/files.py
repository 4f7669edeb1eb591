"""Rows files: the merged rows of one account and day as Parquet, written and read.

The same captures and settings give the same bytes. A file is read only if its checksum is right (`seal`). `merge`
makes the rows.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.captures import captures_with_seconds_of, open_capture
from amocrm_assets.captures.privacy import privacy_of, treated
from amocrm_assets.errors import ActionRequired, RowsDamaged, RowsIncomplete, StorageUnavailable
from amocrm_assets.rows.arrow_memory import arrow_memory_returned
from amocrm_assets.rows.seal import UNSEALED, broken_seal, seal
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

    from amocrm_assets.captures.finding import CapturesByDay
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.rows.day_rows import DayRows
    from amocrm_assets.rows.oddities import Oddity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# Merging a day takes seconds; a process that holds the lock longer than this hangs.
_LOCK_WAIT_SECONDS = 600.0
# Rows that are decoded at once when a file is read.
READ_ROWS = 16_384


@dataclass(frozen=True)
class RowsWritten:
    """The rows file of a day, the captures it was made from, and the oddities found."""

    name: str
    row_count: int
    size_bytes: int
    seconds: float
    captures: tuple[str, ...]
    oddities: tuple[Oddity, ...]
    unknown_properties: tuple[str, ...]
    missing_fields: Mapping[str, Sequence[str]]


def rows_name(table: Table, subdomain: str, day: date) -> str:
    """Name of the rows file of a day in the storage."""
    return f"{table.rows_folder(subdomain)}/{day.isoformat()}.parquet"


@arrow_memory_returned()
def write_rows(
    entity: Entity,
    storage: Storage,
    source: SourceSettings,
    day: date,
    *,
    table: Table | None = None,
    others: CapturesByDay | None = None,
) -> RowsWritten:
    """Merge all captures that hold records of a day, in the source's present time zone, into its rows file.

    A lock covers listing and writing, so that a slower run that listed fewer captures cannot overwrite newer rows.
    `table` None means the entity's main table. `others` is an earlier listing of the account's captures; those of
    the day itself are listed again. Privacy rules of the source are applied to old captures, too.
    Raises `ActionRequired` for a day that captures do not cover completely, `CaptureDamaged`, `CapturesMixed`,
    `RowsIncomplete`, `Busy`, `StorageUnavailable`, and `SettingsError` if the key for hashing is missing.
    """
    from amocrm_assets.rows.merge import rows_of_day

    started, rules, table = time.perf_counter(), privacy_of(source), table or entity.table
    name = rows_name(table, source.subdomain, day)
    with storage.lock(name, wait_seconds=_LOCK_WAIT_SECONDS), ExitStack() as stack:
        storage.remove_stale(name)
        names = _names(entity, storage, source, day, others)
        with _as_listed(source.subdomain, day):
            opened = [stack.enter_context(open_capture(entity, storage, capture)) for capture in names]
        captures = list(treated(entity, source, rules, opened))
        rows = rows_of_day(entity, captures, source=source, day=day, table=table)
        size_bytes = _replace(table, rows, storage, source, day)
    return RowsWritten(
        name=name,
        row_count=rows.row_count,
        size_bytes=size_bytes,
        seconds=time.perf_counter() - started,
        captures=tuple(names),
        oddities=rows.oddities,
        unknown_properties=rows.unknown_properties,
        missing_fields=rows.missing_fields,
    )


@contextmanager
def rows_file(table: Table, storage: Storage, subdomain: str, day: date) -> Iterator[Path]:
    """The rows file of a day, as a local path to read from, after its checksum was verified.

    Raises `ActionRequired` if it does not exist, `RowsDamaged` if the checksum is wrong.
    """
    name = rows_name(table, subdomain, day)
    with ExitStack() as stack:
        try:
            path = stack.enter_context(storage.as_local_path(name))
        except FileNotFoundError as error:
            raise _missing("Reading the rows", subdomain, day, asset=table.asset) from error
        with disk_errors(f"Reading {name}", path):
            broken = broken_seal(path)
        if broken:
            raise _damaged(table, storage.uri(name), broken, subdomain, day)
        stack.enter_context(arrow_memory_returned())
        yield path


def rows_table(
    table: Table, storage: Storage, subdomain: str, day: date, *, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of a day, or some of their columns, as an Arrow table. Raises as `rows_file` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(table, columns)

    with (
        rows_file(table, storage, subdomain, day) as path,
        disk_errors(f"Reading {rows_name(table, subdomain, day)}", path),
        pq.ParquetFile(path) as file,
    ):
        # Batch by batch: reading the whole file at once with many threads takes twice the memory of the rows.
        batches = list(file.iter_batches(READ_ROWS, columns=schema.names, use_threads=False))
        return pa.Table.from_batches(batches).cast(schema) if batches else schema.empty_table()


def _replace(table: Table, rows: DayRows, storage: Storage, source: SourceSettings, day: date) -> int:
    """Replace the rows file of a day after verifying that the new one has all records; returns its bytes."""
    name = rows_name(table, source.subdomain, day)
    with storage.temp_file(name) as temp_path:
        with disk_errors(f"Writing {name}", temp_path):
            ids = _write_parquet(rows, temp_path, arrow_schema(table))
            _require_all(table, rows, ids, source, day)
            seal(temp_path)
            size_bytes = temp_path.stat().st_size
        storage.replace(name, temp_path)
    return size_bytes


def _write_parquet(rows: DayRows, path: Path, schema: pa.Schema) -> np.ndarray:
    """Write the rows; returns their ids in the order of the file."""
    import numpy as np
    import pyarrow.parquet as pq

    ids = [np.empty(0, np.int64)]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in rows.tables():
            writer.write_table(table)
            ids.append(rows.ids_of(table))
            del table
        writer.add_key_value_metadata(UNSEALED)
    return np.concatenate(ids)


def _require_all(table: Table, rows: DayRows, ids: np.ndarray, source: SourceSettings, day: date) -> None:
    """Raise `RowsIncomplete` unless each captured record has exactly one row, and there are no other rows."""
    import numpy as np

    if not np.array_equal(ids, rows.captured_ids):
        lost = np.setdiff1d(rows.captured_ids, ids)
        raise RowsIncomplete(
            f"Writing the rows of {source.subdomain} {day}",
            cause=f"the captures hold {len(rows.captured_ids)} {table.records} of the day,"
            f" but there are {len(ids)} rows ({len(lost)} missing,"
            f" for example {', '.join(map(rows.versions.key, lost[:3].tolist())) or 'none'}).",
            fix="Report this. The previous rows are unchanged.",
            source=source.subdomain,
            day=day.isoformat(),
        )


def _damaged(table: Table, uri: str, cause: str, subdomain: str, day: date) -> RowsDamaged:
    return RowsDamaged(
        f"Reading the rows of {subdomain} {day}",
        cause=f"{uri}: {cause}.",
        fix=f"Materialise `{table.asset}` for {day} again: it uses captures and sends no requests to amoCRM.",
        source=subdomain,
        day=day.isoformat(),
        rows=uri,
    )


def _names(
    entity: Entity, storage: Storage, source: SourceSettings, day: date, others: CapturesByDay | None
) -> list[str]:
    """The captures of a day, the oldest first. Raises as `write_rows` does."""
    with _as_listed(source.subdomain, day):
        names = captures_with_seconds_of(entity, storage, source, day, others=others)
    if not names:
        raise _missing("Merging the captures", source.subdomain, day, asset=entity.raw_asset)
    return names


@contextmanager
def _as_listed(subdomain: str, day: date) -> Iterator[None]:
    """For opening listed captures: raises `StorageUnavailable` if one was removed after listing."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageUnavailable(
            f"Merging the captures of {subdomain} {day}",
            cause="one of them was removed after they were listed, by `keep_captures_days` or by a person.",
            fix="Retry the step: it lists them again.",
            source=subdomain,
            day=day.isoformat(),
        ) from error


def _missing(operation: str, subdomain: str, day: date, *, asset: str) -> ActionRequired:
    return ActionRequired(
        f"{operation} of {subdomain} {day}",
        cause="there are none.",
        fix=f"Materialise `{asset}` for that day first.",
        subdomain=subdomain,
        day=day.isoformat(),
    )
