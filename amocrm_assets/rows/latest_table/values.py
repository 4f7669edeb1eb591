"""Computes the columns that a flat table adds to those of rows: names, dates, flags, amounts, custom fields.

It computes whole columns at once; records do not become Python objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from amocrm_assets.entities import CUSTOM_FIELDS, Column
from amocrm_assets.entities.latest import beside_name, declared, seconds_columns
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.frames import texts_where
from amocrm_assets.rows.latest_table.typed import typed
from amocrm_assets.rows.reference import reference_rows
from amocrm_assets.shard import arrow_schema, arrow_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from amocrm_assets.entities import LatestTable
    from amocrm_assets.entities.latest import NameOf
    from amocrm_assets.rows.latest_table.field_columns import FieldColumn
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# The range of TIMESTAMP in Unix seconds: 0001-01-01 to 9999-12-31.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_DAY_SECONDS = 86_400
# UTC offsets change only at multiples of 15 minutes.
_SLOT_SECONDS = 900
# Slots in the cache: seven years.
_MAX_CACHED_SLOTS = 250_000


@dataclass
class TableValues:
    """Makes the rows of a flat table from newest rows. `unfit` counts by column the texts not of its type."""

    table: LatestTable
    names: Sequence[Names]
    fields: Sequence[FieldColumn]
    zone: tzinfo
    unfit: dict[str, int]

    def of(self, newest: pa.Table) -> pa.Table:
        """The rows in the table's schema."""
        import pyarrow as pa

        columns: dict[str, Any] = {name: newest[name] for name in newest.column_names}
        columns |= dict(self._added(newest))
        schema = arrow_schema(self.table)
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def _added(self, newest: pa.Table) -> Iterator[tuple[str, Any]]:
        import pyarrow.compute as pc

        latest = declared(self.table.of)
        for names in self.names:
            fallback = names.wanted.otherwise
            found = names.of(newest)
            yield names.wanted.column, pc.coalesce(found, newest[fallback.name]) if fallback else found
        for flag in latest.flags:
            yield flag.column, pc.equal(newest[flag.of], flag.equals)
        for name in latest.dated:
            yield beside_name(name, "date"), dates(newest[name], self.zone)
        for name in (*seconds_columns(self.table.of), "deleted_at"):
            yield beside_name(name, "time"), moments(newest[name])
        for amount in latest.amounts:
            exact = newest[amount.exact.name]
            yield amount.column, pc.coalesce(exact, newest[amount.otherwise].cast(exact.type))
        if self.fields:
            yield from self._fields(newest[CUSTOM_FIELDS].combine_chunks())

    def _fields(self, custom_fields: Any) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = pc.struct_field(custom_fields.flatten(), "id")
        for each in self.fields:
            texts = texts_where(custom_fields, pc.is_in(ids, value_set=pa.array(each.fields, pa.int64())))
            values, unfit = typed(texts, each.column)
            if unfit:
                self.unfit[each.column.name] = self.unfit.get(each.column.name, 0) + unfit
            yield each.column.name, values


class Names:
    """The present names of ids in a reference table. An id that the table does not have gets null."""

    def __init__(self, wanted: NameOf, keys: Sequence[tuple[Any, ...]], values: Sequence[Any]) -> None:
        """`values` are the names of `keys`; a key has a part for each column of `wanted.by`."""
        import pyarrow as pa

        self.wanted = wanted
        keyed = dict(zip(keys, values, strict=True))
        # A key of several parts becomes one number, computed from the index of each part's value.
        self._parts = [sorted({key[part] for key in keyed}) for part in range(len(wanted.by))]
        places = [{value: place for place, value in enumerate(part)} for part in self._parts]
        numbers = {
            self._number([index[value] for index, value in zip(places, key, strict=True)]): value
            for key, value in keyed.items()
        }
        self._numbers = pa.array(list(numbers), pa.int64())
        kind = arrow_type(Column(wanted.column, wanted.type, wanted.description))
        self._values = pa.array(list(numbers.values()), kind)

    def of(self, newest: pa.Table) -> pa.ChunkedArray:
        """The names of the ids in some rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        indices = [
            pc.index_in(newest[column], value_set=pa.array(part, pa.int64())).cast(pa.int64())
            for column, part in zip(self.wanted.by, self._parts, strict=True)
        ]
        return self._values.take(pc.index_in(self._number(indices), value_set=self._numbers))

    def _number(self, indices: Sequence[Any]) -> Any:
        import pyarrow.compute as pc

        number = indices[0]
        for index, part in zip(indices[1:], self._parts[1:], strict=True):
            if isinstance(index, int):
                number = number * len(part) + index
            else:
                number = pc.add(pc.multiply(number, len(part)), index)
        return number


def read_names(table: LatestTable, storage: Storage, source: SourceSettings) -> list[Names]:
    """The present names in the account's reference tables, for the columns of a flat table."""
    return names_now(declared(table.of).names, storage, source)


def names_now(wanted: Sequence[NameOf], storage: Storage, source: SourceSettings) -> list[Names]:
    """The present names in the account's reference tables; empty if a table is not imported or not made yet."""
    rows_by_table: dict[str, Mapping[str, list[Any]]] = {}
    for asset in dict.fromkeys(name.table for name in wanted):
        reference = reference_table(asset)
        values = {name.value for name in wanted if name.table == asset}
        columns = list(dict.fromkeys([*reference.key, *sorted(values), "is_current"]))
        rows = reference_rows(reference, storage, source.subdomain, columns) if source.import_reference else None
        current = rows.filter(rows["is_current"]).to_pydict() if rows else {name: [] for name in columns}
        rows_by_table[asset] = current
    return [
        Names(each, _keys(each, rows_by_table[each.table]), rows_by_table[each.table][each.value])
        for each in wanted
    ]


def _keys(wanted: NameOf, rows: Mapping[str, list[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*(rows[name] for name in reference_table(wanted.table).key), strict=True))


def moments(seconds: pa.ChunkedArray) -> pa.Array:
    """Unix seconds as TIMESTAMP; null outside its range."""
    import pyarrow as pa

    values, valid = _seconds(seconds)
    return pa.array(values * 1_000_000, pa.int64(), mask=~valid).cast(pa.timestamp("us", tz="UTC"))


def dates(seconds: pa.ChunkedArray, zone: tzinfo) -> pa.Array:
    """The dates of Unix seconds in a time zone; null outside the range of DATE."""
    import pyarrow as pa

    values, valid = _seconds(seconds)
    slots, of_each = np.unique(values // _SLOT_SECONDS, return_inverse=True)
    offsets = np.array([_offset(int(slot) * _SLOT_SECONDS, zone) for slot in slots], np.int64)
    days = (values + offsets[of_each]) // _DAY_SECONDS
    return pa.array(days.astype(np.int32), pa.int32(), mask=~valid).cast(pa.date32())


def _seconds(seconds: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Seconds, 0 for those out of range or null; and which are valid."""
    import pyarrow.compute as pc

    values = pc.fill_null(seconds, _FIRST_SECOND - 1).to_numpy()
    # One day is left at both ends, so that no time zone moves a value out of the range.
    valid = (values >= _FIRST_SECOND + _DAY_SECONDS) & (values <= _LAST_SECOND - _DAY_SECONDS)
    return np.where(valid, values, 0), valid


@lru_cache(_MAX_CACHED_SLOTS)
def _offset(seconds: int, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(seconds, zone).utcoffset()
    return offset.total_seconds() if offset else 0.0
