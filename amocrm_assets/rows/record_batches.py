"""Converts versions of records to Arrow record batches in the schema of their table.

Each column is built from one flat list, without a Python object per row, which is fast.
"""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import UNSET

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.rows.column_values import ColumnValues
from amocrm_assets.rows.custom_fields import Field, Item, WholeItem
from amocrm_assets.rows.value_formatter import CONVERTED, InvalidValue
from amocrm_assets.shard import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from amocrm_assets.entities import Derived
    from amocrm_assets.rows.oddities import OddityCounter
    from amocrm_assets.rows.record_types import Record, RecordTypes
    from amocrm_assets.rows.value_formatter import ValueFormatter


# `record_types` creates the classes at run time, so they have no static type.
astuple: Callable[[Record], tuple[Any, ...]] = cast("Any", msgspec.structs.astuple)


class RecordBatchBuilder:
    """Makes record batches of one table."""

    def __init__(
        self,
        types: RecordTypes,
        is_system: Callable[[int | None], bool | None],
        formatter: ValueFormatter,
        notes: OddityCounter,
    ) -> None:
        self._time, self._time_of = types.table.time, types.time_of
        self._is_system = is_system
        self._formatter = formatter
        self._notes = notes
        self._schema = arrow_schema(types.table)
        self._derived = types.table.derived
        self._names = types.any.__struct_fields__  # type: ignore[attr-defined]  # made at run time
        self._columns = {column.name: column for column in types.table.columns}

    def batch(self, records: Sequence[Record], *, first_version: int) -> pa.RecordBatch:
        """One row per record; `first_version` is the number of the first one, for notes."""
        import pyarrow as pa

        self._note_missing(self._time, list(map(self._time_of, records)), count(first_version))
        # Records of the type `known` have more attributes after these; `strict=False` ignores them.
        columns: dict[str, Sequence[Any]]
        columns = dict(zip(self._names, zip(*map(astuple, records), strict=True), strict=False))
        if self._derived:
            columns |= self._derived_columns(self._derived, columns, first_version)
        arrays = [
            self._custom_fields([fields or [] for fields in columns[CUSTOM_FIELDS]], first_version)
            if column.name == CUSTOM_FIELDS
            else pa.array(columns[column.name], column.type)
            for column in self._schema
        ]
        return pa.record_batch(arrays, schema=self._schema)

    def _derived_columns(
        self, derived: Derived, columns: Mapping[str, Sequence[Any]], first_version: int
    ) -> dict[str, Sequence[Any]]:
        """The derived columns, from the properties that they are computed from."""
        wanted = [self._columns[name] for name in derived.columns]
        filled: dict[str, list[Any]] = {name: [] for name in derived.columns}
        notes: list[str] = []
        convert = ColumnValues(notes).of
        sent = zip(*(columns[name] for name in derived.properties), strict=True)
        for version, properties in enumerate(sent, first_version):
            values = derived.values(dict(zip(derived.properties, properties, strict=True)))
            for column in wanted:
                filled[column.name].append(convert(column, values.get(column.name)))
            if notes:
                self._notes.of_version(version, notes)
                notes.clear()
        return dict(filled)

    def _custom_fields(self, by_record: Sequence[Sequence[Field]], first_version: int) -> pa.ListArray:
        column = self._schema.field(CUSTOM_FIELDS).type
        fields = list(chain.from_iterable(by_record))
        by_field = [field.values or () for field in fields]
        items = list(chain.from_iterable(by_field))
        values = _records(
            column.value_type.field("values").type,
            by_field,
            value=self._texts_of(by_record, first_version),
            enum=[None if item.enum_id is UNSET else item.enum_id for item in items],
        )
        ids = [field.field_id for field in fields]
        owners = (version for version, fields in enumerate(by_record, first_version) for _ in fields)
        self._note_missing("custom_fields[].id", ids, owners)
        names = [field.field_name for field in fields]
        systems = list(map(self._is_system, ids))
        return _records(column, by_record, id=ids, name=names, is_system=systems, values=values)

    def _note_missing(self, column: str, numbers: list[int | None], versions: Iterable[int]) -> None:
        if None in numbers:
            for number, version in zip(numbers, versions, strict=False):
                if number is None:
                    self._notes.of_version(version, [f"{column}: not an integer"])

    def _texts_of(self, by_record: Sequence[Sequence[Field]], first_version: int) -> list[str | None]:
        texts: list[str | None] = []
        for version, fields in enumerate(by_record, first_version):
            for field in fields:
                as_is = field.field_type not in CONVERTED
                for item in field.values or ():
                    value = item.value
                    if not (as_is and type(value) is str):
                        value = self._text(item, field.field_type, version)
                    texts.append(value)
        return texts

    def _text(self, item: Item, field_type: str | None, version: int) -> str | None:
        text = self._formatter.text(whole_item(item) if item.value is UNSET else item.value, field_type)
        if isinstance(text, InvalidValue):
            self._notes.of_version(version, [text.note])
            return None
        return text


def _records(repeated: pa.ListType, owners: Sequence[Sequence[object]], **columns: Any) -> pa.ListArray:
    """A REPEATED RECORD from flat columns; the length of each owner is the number of its records."""
    import numpy as np
    import pyarrow as pa

    parts = list(repeated.value_type)
    arrays = [pa.array(columns[part.name], part.type) for part in parts]
    lengths = np.fromiter(map(len, owners), np.int32, len(owners))
    ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(arrays, fields=parts), type=repeated)


def whole_item(item: Item) -> WholeItem:
    """The item itself, as the value of an item without `value`."""
    pairs = ((name, getattr(item, name)) for name in item.__struct_fields__)
    return WholeItem((name, value) for name, value in pairs if value is not UNSET)
