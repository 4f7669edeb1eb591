"""A minimal implementation of rows, the floor: straightforward Python, from one capture to one Parquet file.

Decode with msgspec, fill columns, write with the same compression. It does not merge, check, sort, count or
verify, and a value of an unexpected type ends it. Of the product it uses only the shard's schema.
"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, tzinfo
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

# The number of leads in a row group; small enough to limit memory.
GROUP = 10_000


class Item(msgspec.Struct, gc=False):
    """One value of a custom field."""

    value: Any = None
    enum_id: int | None = None


class Field(msgspec.Struct, gc=False):
    """One filled custom field."""

    field_id: int
    field_name: str
    field_code: str | None
    field_type: str
    values: list[Item]


class Lead(msgspec.Struct, gc=False):
    """The properties of a lead that have a column."""

    id: int
    name: str | None
    responsible_user_id: int | None
    created_by: int | None
    created_at: int | None
    updated_at: int | None
    account_id: int | None
    pipeline_id: int | None
    status_id: int | None
    updated_by: int | None
    is_deleted: bool | None
    group_id: int | None
    closed_at: int | None
    closest_task_at: int | None
    price: int | None
    loss_reason_id: int | None
    custom_fields_values: list[Field] | None


def write_plainly(capture: Path, target: Path, schema: pa.Schema, zone: tzinfo) -> None:
    """One capture to one Parquet file in the shard's schema, in the order of the capture."""
    decode = msgspec.json.Decoder(Lead).decode
    with gzip.open(capture) as file, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        lines = file.read().splitlines()[1:-1]
        for start in range(0, len(lines), GROUP):
            leads = [decode(line) for line in lines[start : start + GROUP]]
            writer.write_batch(_batch(leads, schema, zone))


def _batch(leads: Sequence[Lead], schema: pa.Schema, zone: tzinfo) -> pa.RecordBatch:
    names = Lead.__struct_fields__[:-1]
    columns = [
        pa.array([getattr(lead, name) for lead in leads], field.type)
        for name, field in zip(names, schema, strict=False)
    ]
    return pa.record_batch([*columns, _custom_fields(leads, schema.field("custom_fields").type, zone)], schema)


def _custom_fields(leads: Sequence[Lead], kind: pa.ListType, zone: tzinfo) -> pa.ListArray:
    of_leads = [lead.custom_fields_values or [] for lead in leads]
    fields = [field for fields in of_leads for field in fields]
    items = [(item, field.field_type) for field in fields for item in field.values]
    values = _list(
        kind.value_type.field("values").type,
        [len(field.values) for field in fields],
        [[_text(item.value, of, zone) for item, of in items], [item.enum_id for item, _ in items]],
    )
    columns = [
        [field.field_id for field in fields],
        [field.field_name for field in fields],
        [field.field_code is not None for field in fields],
        values,
    ]
    return _list(kind, [len(fields) for fields in of_leads], columns)


def _list(kind: pa.ListType, lengths: Iterable[int], columns: Sequence[Any]) -> pa.ListArray:
    parts = list(kind.value_type)
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, part.type)
        for column, part in zip(columns, parts, strict=True)
    ]
    ends = pa.array([0, *accumulate(lengths)], pa.int32())
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(arrays, fields=parts), type=kind)


def _text(value: Any, kind: str, zone: tzinfo) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if kind == "checkbox":
        return "true" if value else "false"
    if kind == "date":
        return datetime.fromtimestamp(value, UTC).astimezone(zone).date().isoformat()
    return str(value)
