"""Writes the file of a flat table, always completely, from the newest rows, the reference tables and settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities import CUSTOM_FIELDS, LatestTable, latest_table
from amocrm_assets.entities.latest import declared
from amocrm_assets.errors import ActionRequired, InternalError
from amocrm_assets.rows.files import READ_ROWS
from amocrm_assets.rows.latest_table.day_files import FIELD_IDS, DayFiles
from amocrm_assets.rows.latest_table.field_columns import FieldColumn, field_columns, known_fields
from amocrm_assets.rows.latest_table.newest import newest_file, refresh_newest
from amocrm_assets.rows.latest_table.sorted_file import write_sorted
from amocrm_assets.rows.latest_table.values import TableValues, read_names
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    import pyarrow.parquet as pq

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

_FIELD_NAMES = f"{CUSTOM_FIELDS}.list.element.name"


@dataclass(frozen=True)
class LatestWritten:
    """The file of a flat table, and counts for metadata.

    `days_read` is the number of days whose rows were read, `unfit` counts by column the values not of its type.
    """

    table: LatestTable
    name: str
    row_count: int
    days_read: int
    is_rebuilt: bool
    fields: tuple[FieldColumn, ...]
    unfit: Mapping[str, int]
    seconds: float


def write_latest_table(entity: Entity, storage: Storage, source: SourceSettings) -> LatestWritten:
    """Update the flat table of an entity from its rows, the reference tables and the settings.

    The caller must hold the table's lock. Raises `ActionRequired` if no day has rows, `RowsDamaged` if those of a
    changed day are damaged, and errors of the storage.
    """
    started = time.perf_counter()
    plain = latest_table(entity.table)
    beside = tuple(each for each in declared(entity.table).beside if each.table in entity.tables)
    files = DayFiles(entity, storage, source.subdomain, beside)
    for name in (plain.kept_name(source.subdomain), plain.rows_name(source.subdomain)):
        storage.remove_stale(name)
    refreshed = refresh_newest(plain, files)
    if not refreshed.days:
        raise _no_rows(entity, source)
    with newest_file(plain, files) as newest:
        if newest is None:
            raise InternalError(
                f"Reading {plain.kept_name(source.subdomain)}",
                cause="the file differs from what was written.",
                fix="Report this.",
            )
        fields = field_columns(entity, source, known_fields(entity, storage, source), _seen(newest))
        table = latest_table(entity.table, [each.column for each in fields])
        values = TableValues(table, read_names(table, storage, source), fields, source.zone, {})
        count = _write(table, storage, source, newest, values)
    return LatestWritten(
        table,
        table.rows_name(source.subdomain),
        count,
        refreshed.days_read,
        refreshed.is_rebuilt,
        tuple(fields),
        dict(sorted(values.unfit.items())),
        time.perf_counter() - started,
    )


def _write(
    table: LatestTable, storage: Storage, source: SourceSettings, newest: pq.ParquetFile, values: TableValues
) -> int:
    groups = (
        values.of(newest.read_row_group(number, use_threads=False)) for number in range(newest.num_row_groups)
    )
    return write_sorted(storage, table.rows_name(source.subdomain), arrow_schema(table), groups, metadata={})


def _seen(newest: pq.ParquetFile) -> dict[int, set[str]]:
    """The names of custom fields in the rows, by field id."""
    import pyarrow as pa

    if CUSTOM_FIELDS not in newest.schema_arrow.names:
        return {}
    fields: list[pa.Table] = []
    for batch in newest.iter_batches(READ_ROWS, columns=[FIELD_IDS, _FIELD_NAMES], use_threads=False):
        entries = pa.table(pa.RecordBatch.from_struct_array(batch[CUSTOM_FIELDS].flatten()))
        fields.append(entries.group_by(["id", "name"]).aggregate([]))
    seen: dict[int, set[str]] = {}
    for field in pa.concat_tables(fields).group_by(["id", "name"]).aggregate([]).to_pylist() if fields else ():
        if field["id"] is not None:
            seen.setdefault(field["id"], set()).update(filter(None, [field["name"]]))
    return seen


def _no_rows(entity: Entity, source: SourceSettings) -> ActionRequired:
    table = entity.table
    return ActionRequired(
        f"Making {declared(table).warehouse_name}_{source.subdomain}",
        cause="no day has rows yet.",
        fix=f"Materialise `{table.asset}` for a day first.",
        source=source.subdomain,
    )
