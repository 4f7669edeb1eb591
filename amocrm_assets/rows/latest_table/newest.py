"""A file with the newest row of each record, updated from the days that have changed.

The file's metadata holds the versions of the days' rows that it was made from. Changed days are read, and their
rows replace older ones in the file. The file is rebuilt from all days if that is not enough (a day no longer has
the row that was a record's newest), and if the file is missing or damaged.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from amocrm_assets.entities.latest import declared
from amocrm_assets.entities.table import Column
from amocrm_assets.rows.latest_table.day_files import day_number, day_of
from amocrm_assets.rows.latest_table.places import NEVER, Places, is_superseded, joined, places_of
from amocrm_assets.rows.latest_table.sorted_file import Buckets, replaced, write_sorted
from amocrm_assets.rows.seal import sealed_path
from amocrm_assets.shard import arrow_type
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    import pyarrow.parquet as pq

    from amocrm_assets.entities import LatestTable
    from amocrm_assets.rows.latest_table.day_files import DayFiles
    from amocrm_assets.rows.latest_table.places import Booleans, Integers

DAYS_KEY = "amocrm_assets_days"
# The version of the file's format: a file with another version is rebuilt.
_VERSION_KEY, _VERSION = "amocrm_assets_newest", "1"
_PLACE_COLUMNS = (
    Column("day", "DATE", "Day of the newest row."),
    Column("deleted_at", "INTEGER", "Since when the record is known to be deleted."),
    Column("has_properties", "BOOLEAN", "Whether any row of the record is not a stub."),
    Column("properties_at", "INTEGER", "`updated_at` of the row that the other columns come from."),
    Column("properties_day", "DATE", "Day of that row."),
)


@dataclass(frozen=True)
class Refreshed:
    """The result of a refresh: how many days have rows, and the rows of how many days were read."""

    days: int
    days_read: int
    is_rebuilt: bool


def newest_schema(table: LatestTable) -> pa.Schema:
    """The columns of the file: those of rows, those joined from other tables, and `_PLACE_COLUMNS`."""
    import pyarrow as pa

    beside = [Column(each.name, each.type, "") for each in declared(table.of).beside]
    columns = (*table.of.columns, *beside, *_PLACE_COLUMNS)
    return pa.schema([pa.field(column.name, arrow_type(column)) for column in columns])


@contextmanager
def newest_file(table: LatestTable, files: DayFiles) -> Iterator[pq.ParquetFile | None]:
    """The file to read from; None if it does not exist, is damaged, or has another version."""
    import pyarrow.parquet as pq

    name = table.kept_name(files.subdomain)
    with sealed_path(files.storage, name) as path:
        if path is None:
            yield None
            return
        with disk_errors(f"Reading {name}", path), pq.ParquetFile(path) as file:
            known = file.schema_arrow.remove_metadata().equals(newest_schema(table))
            yield file if known and _metadata(file).get(_VERSION_KEY) == _VERSION else None


def refresh_newest(table: LatestTable, files: DayFiles) -> Refreshed:
    """Update the file from the rows of all days. Raises as `rows_file` does."""
    versions = files.versions()
    with newest_file(table, files) as kept:
        before = json.loads(_metadata(kept).get(DAYS_KEY, "{}")) if kept else {}
        changed = {day for day in versions.keys() | before.keys() if versions.get(day) != before.get(day)}
        if kept and not changed:
            return Refreshed(len(versions), days_read=0, is_rebuilt=False)
        new = _places_in(files, changed & versions.keys())
        if kept:
            old = _kept_places(kept)
            if is_superseded(old, new, [day_number(date.fromisoformat(day)) for day in changed]):
                result, from_new = joined(old, new)
                del old, new
                _write(table, files, kept, (result, from_new), versions)
                return Refreshed(len(versions), days_read=len(changed & versions.keys()), is_rebuilt=False)
    new = _places_in(files, versions.keys())
    _write(table, files, None, (new, np.ones(len(new.ids), np.bool_)), versions)
    return Refreshed(len(versions), days_read=len(versions), is_rebuilt=True)


def _metadata(file: pq.ParquetFile) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}


def _places_in(files: DayFiles, iso_days: Any) -> Places:
    days = [date.fromisoformat(day) for day in sorted(iso_days)]
    return places_of([(day_number(day), files.places(day)) for day in days])


def _kept_places(file: pq.ParquetFile) -> Places:
    """The places that the file's rows come from."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = ["id", "updated_at", "is_deleted", *(column.name for column in _PLACE_COLUMNS)]
    rows = file.read(columns=names)

    def moments(name: str) -> Integers:
        found: Integers = pc.fill_null(rows[name], NEVER).to_numpy()
        return found

    def days(name: str) -> Integers:
        found: Integers = rows[name].cast(pa.int32()).cast(pa.int64()).to_numpy()
        return found

    return Places(
        ids=rows["id"].to_numpy(),
        updated_at=moments("updated_at"),
        day=days("day"),
        is_deleted=pc.fill_null(rows["is_deleted"], False).to_numpy(),  # noqa: FBT003
        properties_at=moments("properties_at"),
        properties_day=days("properties_day"),
        has_properties=rows["has_properties"].to_numpy(),
    )


def _write(
    table: LatestTable,
    files: DayFiles,
    kept: pq.ParquetFile | None,
    result: tuple[Places, Booleans],
    versions: Mapping[str, str],
) -> None:
    """Write a new file: the rows of `result` that come from days, and the old file's rows of all other records."""
    places, from_new = result
    schema, name = newest_schema(table), table.kept_name(files.subdomain)
    metadata = {DAYS_KEY: json.dumps(versions), _VERSION_KEY: _VERSION}
    with Buckets(files.storage, name, places.ids[from_new], schema) as buckets:
        for day, of_day in _by_day(places.select(from_new)):
            for rows in files.rows(day_of(day), of_day.ids):
                buckets.add(_placed(rows, of_day, schema))
        old = _still_kept(kept, places, from_new, schema) if kept else iter(())
        write_sorted(files.storage, name, schema, replaced(old, buckets.tables()), metadata=metadata)


def _by_day(places: Places) -> Iterator[tuple[int, Places]]:
    """By day, the records whose properties are in the day's rows, sorted by id."""
    order = np.argsort(places.properties_day, kind="stable")
    days, begins, counts = np.unique(places.properties_day[order], return_index=True, return_counts=True)
    for number, day in enumerate(days.tolist()):
        yield day, places.select(order[begins[number] :][: counts[number]])


def _still_kept(kept: pq.ParquetFile, places: Places, from_new: Booleans, schema: pa.Schema) -> Iterator[pa.Table]:
    """The old file's rows that no new row replaces, with their new places (a later stub may delete a record)."""
    import pyarrow as pa

    untouched, gone = places.select(~from_new), places.select(from_new)
    for number in range(kept.num_row_groups):
        rows = kept.read_row_group(number, use_threads=False)
        found, _ = gone.positions(rows["id"].to_numpy())
        rows = rows.filter(~found) if found.any() else rows
        found, _ = untouched.positions(rows["id"].to_numpy())
        if found.any():
            order = np.argsort(np.concatenate([np.flatnonzero(~found), np.flatnonzero(found)]))
            parts = [rows.filter(~found), _placed(rows.filter(found), untouched, schema)]
            rows = pa.concat_tables(parts).take(order)
        yield rows


def _placed(rows: pa.Table, places: Places, schema: pa.Schema) -> pa.Table:
    """Rows with the columns that come from their places: where the row comes from, and what a later stub adds."""
    import pyarrow as pa

    _, at = places.positions(rows["id"].to_numpy())
    of_rows = places.select(at)
    updated_at = _moments(of_rows.updated_at)
    # Columns of joined tables that the source does not import are null.
    columns: dict[str, Any] = {
        each.name: rows[each.name] if each.name in rows.column_names else pa.nulls(rows.num_rows, each.type)
        for each in schema
    }
    columns |= {
        "updated_at": updated_at,
        "is_deleted": _overlaid(rows["is_deleted"], of_rows),
        "day": _days(of_rows.day),
        "deleted_at": _where(of_rows.is_deleted, updated_at),
        "has_properties": pa.array(of_rows.has_properties),
        "properties_at": _moments(of_rows.properties_at),
        "properties_day": _days(of_rows.properties_day),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _overlaid(is_deleted: pa.ChunkedArray, places: Places) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(places.overlaid), pa.array(places.is_deleted), is_deleted)


def _moments(seconds: Integers) -> pa.Array:
    import pyarrow as pa

    return pa.array(seconds, pa.int64(), mask=seconds == NEVER)


def _days(numbers: Integers) -> pa.Array:
    import pyarrow as pa

    return pa.array(numbers.astype(np.int32), pa.int32()).cast(pa.date32())


def _where(condition: Booleans, values: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(condition), values, None)
