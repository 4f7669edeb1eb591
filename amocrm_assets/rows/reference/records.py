"""Decodes one capture of the reference lists: the records of a table, and whether these are all records.

A value that does not fit its column becomes null and is counted as an oddity.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.json_values import Number, boolean_of, integer_of, kind_of, list_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from amocrm_assets.entities import Column
    from amocrm_assets.entities.reference import Part, ReferenceTable

Json = dict[str, Any]
Key = tuple[Any, ...]
Values = tuple[Any, ...]


@dataclass(frozen=True)
class ListRecords:
    """The decoded records of one list in a capture. `is_complete`: amoCRM had no others."""

    records: Sequence[Json]
    is_complete: bool


@dataclass(frozen=True)
class ListedRecord:
    """The values of a record in its table; `created_at` is from amoCRM (Unix seconds), if it sends one."""

    values: Values
    created_at: int | None = None


@dataclass
class TableReading:
    """The records of a table in one capture. `oddities` are counted by kind."""

    records: dict[Key, ListedRecord] = field(default_factory=dict)
    is_complete: bool = True
    oddities: Counter[str] = field(default_factory=Counter)


def read_table(table: ReferenceTable, lists: Mapping[str, ListRecords]) -> TableReading:
    """The records of a table in a capture. The result is complete only if every list of the table was."""
    reading = TableReading()
    for part in table.parts:
        found = lists.get(part.record_list)
        reading.is_complete &= found is not None and found.is_complete
        for record in _records_of(part, found.records if found else (), reading):
            _add(reading, table, record | dict(part.adds))
    return reading


def _records_of(part: Part, records: Sequence[Json], reading: TableReading) -> Iterator[Json]:
    for record in records:
        if not part.within:
            yield record
            continue
        inner: Any = record
        for name in part.within:
            inner = inner.get(name) if isinstance(inner, dict) else None
        items = list_of(inner)
        if items is None:
            reading.oddities[f"{part.record_list} without {'.'.join(part.within)}"] += 1
            reading.is_complete = False
        yield from (each | _parent(part, record) for each in items or () if isinstance(each, dict))


def _parent(part: Part, record: Json) -> Json:
    """The `pipeline_id` of a stage, from the pipeline that contains it."""
    return {"pipeline_id": record.get("id")} if part.record_list == "pipelines" else {}


def _add(reading: TableReading, table: ReferenceTable, record: Json) -> None:
    sent = record | dict(table.derive(record) if table.derive else {})
    values = tuple(_value(column, sent, reading.oddities) for column in table.properties)
    key = key_of(table, values)
    if None in key:
        reading.oddities[f"{table.record} without {' and '.join(table.key)}"] += 1
        reading.is_complete = False
        return
    reading.records[key] = ListedRecord(values, integer_of(record.get("created_at")))


def key_of(table: ReferenceTable, values: Values) -> Key:
    """The key of a record."""
    names = [column.name for column in table.properties]
    return tuple(values[names.index(name)] for name in table.key)


def placeholders_of(table: ReferenceTable, seen: Iterable[Mapping[str, Any]] = ()) -> dict[Key, Values]:
    """Values of records that may be in no list: those that the table declares, and others that were `seen`."""
    placeholders = [*seen, *map(dict, table.placeholders)]
    by_column = [
        tuple(each.get(column.name, () if column.type == "RECORD" else None) for column in table.properties)
        for each in placeholders
    ]
    return {key_of(table, values): values for values in by_column}


def _value(column: Column, sent: Mapping[str, Any], oddities: Counter[str]) -> Any:
    value = sent.get(column.sent_as)
    if column.type == "RECORD":
        return _parts(column, value, oddities)
    if value is None:
        return None
    converted = _CONVERTERS[column.type](value)
    if converted is None:
        oddities[f"{column.name}: {kind_of(value)}"] += 1
    return converted


def _parts(column: Column, value: Any, oddities: Counter[str]) -> tuple[Values, ...]:
    """A REPEATED column as tuples, which can be compared with `==`."""
    items = [] if value is None else list_of(value)
    if items is None or not all(isinstance(item, dict) for item in items):
        oddities[f"{column.name}: {kind_of(value)}"] += 1
        return ()
    convert = partial(_value, oddities=oddities)
    return tuple(tuple(convert(part, item) for part in column.columns) for item in items)


def _text_of(value: Any) -> str | None:
    """Text as it was sent, with U+FFFD for lone surrogates; numbers as they were written."""
    if type(value) is str:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return str(value) if type(value) in (int, Number) else None


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "INTEGER": integer_of,
    "STRING": _text_of,
    "BOOLEAN": boolean_of,
}
