"""Rows files: the merged rows of one account and day as Parquet, written and read.

The same captures and the same choice of fields give the same bytes. What a row is made of is known to `merging`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.errors import ActionRequired
from amocrm_assets.shard import arrow_schema
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
    Raises `ActionRequired` for a day without a capture, `CaptureDamaged`, `Busy`, and errors of the storage.
    """
    from amocrm_assets.rows.merge import rows_of_day

    started = time.perf_counter()
    name = rows_name(source.subdomain, day)
    with storage.lock(name, wait_seconds=_LOCK_WAIT_SECONDS), ExitStack() as stack:
        storage.remove_stale(name)
        names = capture_names(storage, source.subdomain, day)
        if not names:
            raise _missing("Merging the captures", source.subdomain, day, asset="raw_leads")
        rows = rows_of_day(
            [stack.enter_context(open_capture(storage, capture)) for capture in names], source=source
        )
        scratch = stack.enter_context(storage.temp_file(name))
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


@contextmanager
def rows_file(storage: Storage, subdomain: str, day: date) -> Iterator[Path]:
    """The rows file of a day to read from. Raises `ActionRequired` when it has not been made."""
    name = rows_name(subdomain, day)
    with ExitStack() as stack:
        try:
            path = stack.enter_context(storage.as_local_path(name))
        except FileNotFoundError as error:
            raise _missing("Reading the rows", subdomain, day, asset="leads") from error
        yield path


def rows_table(storage: Storage, subdomain: str, day: date) -> pa.Table:
    """The rows of a day as an Arrow table. Raises `ActionRequired` when they have not been made."""
    import pyarrow.parquet as pq

    with (
        rows_file(storage, subdomain, day) as path,
        disk_errors(f"Reading {rows_name(subdomain, day)}", path),
        pq.ParquetFile(path) as file,
    ):
        return file.read()


def _write_parquet(rows: DayRows, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, arrow_schema(), compression="zstd") as writer:
        for table in rows.tables():
            writer.write_table(table)
            del table
    # Arrow keeps what it once had: a hundred megabytes that the next step would come on top of.
    pa.default_memory_pool().release_unused()


def _missing(doing: str, subdomain: str, day: date, *, asset: str) -> ActionRequired:
    return ActionRequired(
        f"{doing} of {subdomain} {day}",
        cause="there is none.",
        fix=f"Materialise `{asset}` for that day first.",
        subdomain=subdomain,
        day=day.isoformat(),
    )
