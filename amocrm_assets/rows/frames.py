"""Rows as pandas frames: reading days, selecting columns, and one column per custom field.

Frames hold Arrow arrays (`pandas.ArrowDtype`): no value is converted to a Python object before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.entities import CUSTOM_FIELDS, custom_fields_column
from amocrm_assets.errors import SettingsError
from amocrm_assets.rows.files import rows_table
from amocrm_assets.shard import arrow_schema, arrow_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    import pandas as pd
    import pyarrow as pa

    from amocrm_assets.entities import Table
    from amocrm_assets.storage import Storage

_SEPARATOR = ", "


@dataclass(frozen=True)
class FrameColumns:
    """The columns of a frame: columns of a table in the given order, then a text column per custom field.

    `columns` None means all columns of the table. A wrong name raises `SettingsError`.
    """

    table: Table
    columns: tuple[str, ...] | None = None
    custom_fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.table.column_names
        kept = self.columns or names
        if unknown := [name for name in kept if name not in names]:
            raise _wrong("columns", f"{', '.join(unknown)} is not a column of the shard", ", ".join(names))
        if taken := [name for name in self.custom_fields if name in kept]:
            raise _wrong(
                "widen_custom_fields",
                f"the frame already has a column called {', '.join(taken)}",
                "the field's id instead of its name",
            )

    @classmethod
    def from_metadata(cls, table: Table, metadata: Mapping[str, Any]) -> FrameColumns:
        """From an input's metadata `columns` and `widen_custom_fields`: lists of names (or ids of fields)."""
        columns = _listed(metadata, "columns")
        return cls(table, columns=columns or None, custom_fields=_listed(metadata, "widen_custom_fields"))

    @property
    def stored(self) -> list[str] | None:
        """The columns of the table that must be read; None means all."""
        if self.columns is None:
            return None
        extra = [CUSTOM_FIELDS] if self.custom_fields and CUSTOM_FIELDS not in self.columns else []
        return list(dict.fromkeys([*self.columns, *extra]))

    def of(self, stored: pa.Table) -> pa.Table:
        """The columns of the frame, from a table with the `stored` columns."""
        wide = stored.select(self.columns or self.table.column_names)
        for field in self.custom_fields:
            wide = wide.append_column(field, texts_of(stored[CUSTOM_FIELDS], field))
        return wide


def read_rows(
    table: Table, storage: Storage, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Rows of days, in the order of `days`, with all columns of the table or those in `columns`.

    Every column has a `pandas.ArrowDtype`; items of the nested `custom_fields` are lists of dicts. Raises
    `ActionRequired` if a day has no rows file, `SettingsError` for a column that does not exist.
    """
    chosen = FrameColumns(table, None if columns is None else tuple(columns))
    tables = rows_tables(table, storage, subdomain, days, columns=chosen.stored)
    return frame_of(table, tables, columns=chosen.stored)


def rows_tables(
    table: Table, storage: Storage, subdomain: str, days: Sequence[date], *, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of each day as an Arrow table, in the order of the days. Raises as `read_rows` does."""
    return (rows_table(table, storage, subdomain, day, columns=columns) for day in days)


def frame_of(table: Table, tables: Iterable[pa.Table], *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Concatenate Arrow tables into a frame of the same arrays. Without tables it is empty and has `columns`."""
    import pandas as pd
    import pyarrow as pa

    parts = list(tables) or [arrow_schema(table, columns).empty_table()]
    frame: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def day_frame_of(tables: Iterable[pa.Table], days: Sequence[date], wanted: FrameColumns) -> pd.DataFrame:
    """The wanted columns of the tables of `days` as a frame; its index `day` is the partition day.

    Tables are read one at a time, and only the columns of the frame stay in memory.
    """
    import pandas as pd

    kept = [wanted.of(table) for table in tables]
    index = pd.DatetimeIndex(list(days), dtype="datetime64[ns]").repeat([table.num_rows for table in kept])
    frame = frame_of(wanted.table, kept or [wanted.of(arrow_schema(wanted.table).empty_table())])
    return frame.set_index(index.rename("day"))


def to_pandas_types(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame in pandas' own nullable types (`Int64`, `boolean`, `string`), `custom_fields` as Python objects.

    Python objects take many times the memory and time of Arrow arrays.
    """
    import pandas as pd
    import pyarrow as pa

    own: dict[Any, Any] = {pa.int64(): "Int64", pa.bool_(): "boolean", pa.string(): "string"}
    wide = frame.copy()
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.ArrowDtype):
            kind = own.get(dtype.pyarrow_dtype)
            wide[name] = frame[name].astype(kind) if kind else _objects(frame[name])
    return wide


def _objects(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(column.to_list(), index=column.index, dtype=object)


def widen_custom_fields(frame: pd.DataFrame, fields: Sequence[str | int]) -> pd.DataFrame:
    """The frame with an additional text column for each of `fields` (names or ids); the column has the same name.

    Several values (of a multiselect, or of several fields with one name) are joined by a comma and a space; a
    record without the field has a missing value. Raises `ValueError` if the frame already has such a column.
    """
    import pandas as pd
    import pyarrow as pa

    if taken := [field for field in map(str, fields) if field in frame.columns]:
        raise ValueError(f"the frame already has columns called {', '.join(taken)}; rename them first")
    wide = frame.copy()
    custom_fields = _arrow_of(frame[CUSTOM_FIELDS])
    for field in map(str, fields):
        wide[field] = pd.array(texts_of(custom_fields, field), dtype=pd.ArrowDtype(pa.string()))
    return wide


def _arrow_of(custom_fields: pd.Series[Any]) -> pa.ChunkedArray:
    """The column as an Arrow array; it may hold Arrow arrays already or lists of dicts."""
    import pyarrow as pa

    kind = arrow_type(custom_fields_column("record"))  # it is the same in every table
    arrow = pa.array(custom_fields.array, type=kind)
    return arrow if isinstance(arrow, pa.ChunkedArray) else pa.chunked_array([arrow])


def texts_of(custom_fields: pa.ChunkedArray, field: str) -> pa.ChunkedArray:
    """The values of one field, given by name or id, as one text per record; null if the record has none."""
    import pyarrow as pa

    return pa.chunked_array([_texts_of(chunk, field) for chunk in custom_fields.chunks], type=pa.string())


def _texts_of(custom_fields: pa.ListArray, field: str) -> pa.Array:
    """`texts_of` for one chunk."""
    import pyarrow as pa
    import pyarrow.compute as pc

    entries = custom_fields.flatten()
    named = pc.or_kleene(
        pc.equal(pc.struct_field(entries, "name"), field),
        pc.equal(pc.cast(pc.struct_field(entries, "id"), pa.string()), field),
    )
    return texts_where(custom_fields, named)


def texts_where(custom_fields: pa.ListArray, named: pa.BooleanArray) -> pa.Array:
    """The values of the entries where `named` is true, joined into one text per record."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    owners = pc.list_parent_indices(custom_fields).filter(named)
    values = pc.struct_field(custom_fields.flatten(), "values").filter(named)
    texts = pc.struct_field(values.flatten(), "value")
    owners_of_texts = owners.take(pc.list_parent_indices(values)).filter(texts.is_valid())
    counts = np.bincount(owners_of_texts.to_numpy(), minlength=len(custom_fields))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts.drop_null()), _SEPARATOR)
    return pc.if_else(pa.array(counts > 0), joined, pa.scalar(None, pa.string()))


def _listed(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = metadata.get(name) or ()
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise _wrong(name, f"it is {names!r}, not a list", "a list of names")
    return tuple(map(str, names))


def _wrong(name: str, cause: str, fix: str) -> SettingsError:
    return SettingsError(
        f"Reading {name} in the metadata of an input",
        cause=f"{cause}.",
        fix=f"Write into the metadata of the asset's input (docs/downstream.md): {fix}.",
    )
