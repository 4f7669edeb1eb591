"""Rows files: the merged rows of one account and day as Parquet, written and read.

The same captures and the same choice of fields give the same bytes. What a row is made of is known to `merging`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.errors import NeedsPerson
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from amocrm_assets.rows.day_rows import DayRows
    from amocrm_assets.rows.oddities import Oddity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# Merging a day takes seconds; whoever holds the lock longer than this is stuck.
_LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class RowsWritten:
    """The rows file of a day, and what was noticed while it was made."""

    name: str
    row_count: int
    size_bytes: int
    seconds: float
    captures: tuple[str, ...]
    oddities: tuple[Oddity, ...]
    unknown_properties: tuple[str, ...]
    missing_fields: Mapping[str, Sequence[str]]


def rows_name(subdomain: str, day: date) -> str:
    """Name of the rows file of a day in the storage."""
    return f"rows/{subdomain}/leads/{day.isoformat()}.parquet"


def write_rows(storage: Storage, source: SourceSettings, day: date) -> RowsWritten:
    """Merge all captures of a day into its rows file.

    A lock around listing and writing keeps a slower run, which has seen fewer captures, from writing last.
    Raises `NeedsPerson` for a day without a capture, `CaptureDamaged`, `Busy`, and errors of the storage.
    """
    from amocrm_assets.rows.merging import rows_of_day

    started = time.perf_counter()
    name = rows_name(source.subdomain, day)
    with storage.lock(name, wait_seconds=_LOCK_WAIT_SECONDS), ExitStack() as stack:
        storage.sweep(name)
        names = capture_names(storage, source.subdomain, day)
        if not names:
            raise _missing(f"Merging the captures of {source.subdomain} {day}", "raw_leads")
        rows = rows_of_day(
            [stack.enter_context(open_capture(storage, capture)) for capture in names], source=source
        )
        scratch = stack.enter_context(storage.scratch(name))
        with disk_errors(f"Writing {name}", scratch):
            _write_parquet(rows, scratch)
            size_bytes = scratch.stat().st_size
        storage.replace(name, scratch)
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


def rows_table(storage: Storage, subdomain: str, day: date) -> pa.Table:
    """The rows of a day as an Arrow table. Raises `NeedsPerson` when they have not been made."""
    import pyarrow.parquet as pq

    name = rows_name(subdomain, day)
    try:
        with storage.local(name) as path, disk_errors(f"Reading {name}", path), pq.ParquetFile(path) as file:
            return file.read()
    except FileNotFoundError as error:
        raise _missing(f"Reading the rows of {subdomain} {day}", "leads") from error


def _write_parquet(rows: DayRows, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, arrow_schema(), compression="zstd") as writer:
        for table in rows.tables():
            writer.write_table(table)
            del table
    # Arrow keeps what it once had: a hundred megabytes that the next step would come on top of.
    pa.default_memory_pool().release_unused()


def _missing(tried: str, asset: str) -> NeedsPerson:
    return NeedsPerson(tried, came_back="there is none.", mend=f"Materialise `{asset}` for that day first.")
