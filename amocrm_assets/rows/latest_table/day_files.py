"""Reads the rows files of days for a flat table: file versions, the places of records, and selected rows.

Columns from other tables of the same entity, such as exact prices, are joined to the rows.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from amocrm_assets.daemon_pool import DaemonPool
from amocrm_assets.entities import CUSTOM_FIELDS, Column
from amocrm_assets.rows.files import READ_ROWS, rows_file, rows_name, rows_table
from amocrm_assets.rows.latest_table.places import NEVER, DayPlaces
from amocrm_assets.rows.stored import days_with_rows
from amocrm_assets.shard import arrow_type
from amocrm_assets.storage.disk import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.entities.latest import Beside
    from amocrm_assets.rows.latest_table.places import Integers
    from amocrm_assets.storage import Storage

_EPOCH = date(1970, 1, 1)
# Threads that read versions: a request to a bucket takes tens of milliseconds; a local file is read and hashed.
_THREADS = 8
_VERSION_DIGITS = 16
# The Parquet column with only the ids of custom fields.
FIELD_IDS = f"{CUSTOM_FIELDS}.list.element.id"


def day_number(day: date) -> int:
    """Days since 1970-01-01, as Arrow counts them."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day with a `day_number`."""
    return date.fromordinal(_EPOCH.toordinal() + number)


@dataclass(frozen=True)
class DayFiles:
    """The rows files of an account's days: of the entity's main table, and of the other tables that are joined."""

    entity: Entity
    storage: Storage
    subdomain: str
    beside: tuple[Beside, ...]

    def versions(self) -> dict[str, str]:
        """A version of each day's rows, which changes when a file does; by ISO date."""
        own = days_with_rows(self.entity.table, self.storage, self.subdomain)
        names = [
            [rows_name(table, self.subdomain, day) for table in (self.entity.table, *self._tables_beside(day))]
            for day in own
        ]
        with DaemonPool(_THREADS, name="rows") as threads:
            versions = list(threads.map(self._version, names))
        return {day.isoformat(): version for day, version in zip(own, versions, strict=True)}

    def _tables_beside(self, day: date) -> Iterator[Table]:
        return (each.table for each, days in zip(self.beside, self._days_beside, strict=True) if day in days)

    @cached_property
    def _days_beside(self) -> list[set[date]]:
        return [set(days_with_rows(each.table, self.storage, self.subdomain)) for each in self.beside]

    def _version(self, names: Sequence[str]) -> str:
        versions = "\n".join(f"{name} {self.storage.version(name)}" for name in names)
        return sha256(versions.encode()).hexdigest()[:_VERSION_DIGITS]

    def places(self, day: date) -> DayPlaces:
        """The places of records in the rows of a day. Raises as `rows_file` does."""
        import pyarrow.compute as pc

        lacking = [name for name in self.entity.stubs_lack if name != CUSTOM_FIELDS]
        names = ["id", "updated_at", "is_deleted", *lacking]
        with self._opened(day) as file:
            rows = file.read(columns=list(dict.fromkeys(names)))
            is_deleted = pc.fill_null(rows["is_deleted"], False).to_numpy()  # noqa: FBT003
            is_stub = is_deleted & bool(self.entity.stubs_lack)
            for name in lacking:
                is_stub &= pc.is_null(rows[name]).to_numpy()
            if CUSTOM_FIELDS in self.entity.stubs_lack and is_stub.any():
                lengths = pc.list_value_length(file.read(columns=[FIELD_IDS])[CUSTOM_FIELDS])
                is_stub &= lengths.to_numpy() == 0
        return DayPlaces(
            ids=rows["id"].to_numpy(),
            updated_at=pc.fill_null(rows["updated_at"], NEVER).to_numpy(),
            is_deleted=is_deleted,
            has_properties=~is_stub,
        )

    def rows(self, day: date, ids: Integers) -> Iterator[pa.Table]:
        """The rows of the records with these sorted ids, in batches, with the joined columns."""
        import pyarrow as pa

        beside = [self._beside(each, day) for each in self.beside]
        with self._opened(day) as file:
            for batch in file.iter_batches(READ_ROWS, columns=list(self.entity.table.column_names)):
                rows = pa.table(batch)
                rows = rows.filter(np.isin(rows["id"].to_numpy(), ids, assume_unique=True))
                for each, columns in zip(self.beside, beside, strict=True):
                    rows = rows.append_column(each.name, _joined(rows, columns, each))
                if rows.num_rows:
                    yield rows

    def _beside(self, beside: Beside, day: date) -> pa.Table | None:
        if beside.table not in self._tables_beside(day):
            return None
        columns = ["id", "updated_at", beside.column]
        return rows_table(beside.table, self.storage, self.subdomain, day, columns=columns)

    @contextmanager
    def _opened(self, day: date) -> Iterator[pq.ParquetFile]:
        import pyarrow.parquet as pq

        name = rows_name(self.entity.table, self.subdomain, day)
        with (
            rows_file(self.entity.table, self.storage, self.subdomain, day) as path,
            disk_errors(f"Reading {name}", path),
            pq.ParquetFile(path) as file,
        ):
            yield file


def _joined(rows: pa.Table, other: pa.Table | None, beside: Beside) -> pa.ChunkedArray:
    """The column from the other table; null where it does not have the row's `updated_at` of a record."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if other is None:
        kind = arrow_type(Column(beside.name, beside.type, ""))
        return pa.chunked_array([pa.nulls(rows.num_rows, kind)])
    values = other[beside.column]
    values = pc.struct_field(values, beside.part) if beside.part else values
    positions = pc.index_in(rows["id"], value_set=other["id"])
    same = pc.equal(rows["updated_at"], other["updated_at"].take(positions))
    return pc.if_else(pc.fill_null(same, False), values.take(positions), None)  # noqa: FBT003
