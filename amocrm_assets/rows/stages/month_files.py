"""Monthly files with the columns and rows that stages need; a month is rebuilt if the rows of a day change.

Reading the complete rows of three years would take minutes per run. A file's metadata holds the versions of the
days' rows that it was made from. Its bytes do not depend on how often it was rebuilt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.latest_table.day_files import DayFiles, day_number
from amocrm_assets.rows.seal import sealed_file, sealed_path
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from amocrm_assets.entities import Entity, StagesTable
    from amocrm_assets.storage import Storage

DAY = "day"
_DAYS_KEY = "amocrm_assets_days"
# The version of the files' format: a file with another version is rebuilt.
_VERSION_KEY, _VERSION = "amocrm_assets_kept", "1"
_THREADS = 4


@dataclass(frozen=True)
class WantedRows:
    """The rows of an entity that are needed: columns to read, and `reduced`, which selects from a day's rows."""

    entity: Entity
    columns: tuple[str, ...]
    reduced: Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class MonthFiles:
    """The files of all months, in order; how many days they contain, and of how many the rows were read."""

    names: tuple[str, ...]
    days: int
    days_read: int


def wanted_events(table: StagesTable) -> WantedRows:
    """The events that stages are inferred from, with their type as a number (`kind`)."""
    types = [getattr(table.types, name) for name in table.types.__dataclass_fields__]
    sides = [f"{name}_{side}" for side in ("before", "after") for name in ("pipeline_id", "status_id")]
    names = ("id", "entity_id", "created_by", "created_at", *sides)

    def reduced(rows: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        kinds = pc.index_in(rows["type"], value_set=pa.array(types)).cast(pa.int8())
        of_entity = pc.equal(rows["entity_type"], table.entity_type)
        complete = pc.and_(pc.is_valid(rows["entity_id"]), pc.is_valid(rows["created_at"]))
        chosen = pc.and_(pc.and_(pc.is_valid(kinds), pc.fill_null(of_entity, False)), complete)  # noqa: FBT003
        return rows.select(names).append_column("kind", kinds).filter(chosen)

    return WantedRows(table.events, (*names, "type", "entity_type"), reduced)


def wanted_states(table: StagesTable) -> WantedRows:
    """All rows of the records, with the columns of their present stage."""
    names = ("id", "created_by", "created_at", "updated_at", "pipeline_id", "status_id", "is_deleted")
    return WantedRows(table.of, names, lambda rows: rows)


def refresh(wanted: WantedRows, folder: str, storage: Storage, subdomain: str) -> MonthFiles:
    """Update the monthly files in a folder from the rows of all days. Raises as `rows_file` does."""
    versions = DayFiles(wanted.entity, storage, subdomain, ()).versions()
    months = {month: list(days) for month, days in groupby(sorted(versions), key=lambda day: day[:7])}
    before = {name for name in storage.names(folder) if name.startswith(_prefix(wanted, folder))}
    names, days_read = [], 0
    for month, days in months.items():
        name = f"{_prefix(wanted, folder)}{month}.parquet"
        made_of = {day: versions[day] for day in days}
        if _made_of(storage, name) != made_of:
            _write(wanted, storage, subdomain, name, made_of)
            days_read += len(days)
        names.append(name)
    for name in sorted(before.difference(names)):  # months whose rows were removed
        storage.delete(name)
    return MonthFiles(tuple(names), len(versions), days_read)


def _prefix(wanted: WantedRows, folder: str) -> str:
    return f"{folder}/{wanted.entity.name}-"


def _made_of(storage: Storage, name: str) -> Any:
    """The versions of the days that a month was made from; None if its file is missing, damaged or outdated."""
    import pyarrow.parquet as pq

    with sealed_path(storage, name) as path:
        if path is None:
            return None
        with disk_errors(f"Reading {name}", path):
            known = pq.read_metadata(path).metadata or {}
    is_same = known.get(_VERSION_KEY.encode()) == _VERSION.encode()
    return json.loads(known[_DAYS_KEY.encode()]) if is_same else None


def _write(wanted: WantedRows, storage: Storage, subdomain: str, name: str, made_of: Mapping[str, str]) -> None:
    import pyarrow as pa

    rows = pa.concat_tables(list(_days(wanted, storage, subdomain, made_of))).combine_chunks()
    metadata = {_DAYS_KEY: json.dumps(made_of), _VERSION_KEY: _VERSION}
    with sealed_file(storage, name, rows.schema, metadata) as writer:
        writer.write_table(rows)


def _days(wanted: WantedRows, storage: Storage, subdomain: str, made_of: Mapping[str, str]) -> Iterator[pa.Table]:
    import pyarrow as pa

    def read(day: date) -> pa.Table:
        rows = rows_table(wanted.entity.table, storage, subdomain, day, columns=wanted.columns)
        rows = wanted.reduced(rows)
        numbers = pa.array([day_number(day)] * rows.num_rows, pa.int32())
        return rows.append_column(DAY, numbers)

    # Threads help: verifying and decompressing release the GIL, and requests to a bucket wait.
    with DaemonPool(_THREADS, name="stages") as threads:
        yield from threads.map(read, map(date.fromisoformat, made_of))
