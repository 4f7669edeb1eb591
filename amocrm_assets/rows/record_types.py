"""The JSON of records in API v4, as types with the properties that fill the columns of a table.

They are derived from the entity's declaration. msgspec decodes well-formed records directly to these types and
raises an error for others, which `malformed` reads.
"""

from __future__ import annotations

from functools import cache, cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.errors import InternalError
from amocrm_assets.rows.custom_fields import Field, Integer, KnownField

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.entities import Column, Entity, Table

_ID_OF_FIELD = f"{CUSTOM_FIELDS}[].id"
_SCALARS: dict[str, Any] = {"INTEGER": Integer | None, "STRING": str | None, "BOOLEAN": bool | None}
KEY_TYPES: dict[str, Any] = {"INTEGER": Integer, "STRING": str}
_NOT_SENT = msgspec.Raw()


class Record(Protocol):
    """One version of a record.

    It has an attribute for each column of its table that a property fills, for the columns that selecting versions
    needs, and for each property that other columns are derived from.
    """

    is_deleted: bool | None
    """Only in tables of records that can be deleted; only these have stubs."""
    custom_fields: list[Field] | None
    """Only in tables that have the column."""


class RecordTypes:
    """The types of an entity's records, with the properties that one of its tables needs."""

    def __init__(self, entity: Entity, table: Table) -> None:
        self.entity = entity
        self.table = table
        own, derived = table.column_names, table.derived
        filled = [each for each in table.columns if derived is None or each.name not in derived.columns]
        # Columns that a property fills directly, then columns that only selecting versions needs.
        self.columns = (*filled, *(each for each in _for_picking(entity) if each.name not in own))
        self.derived_from = derived.properties if derived else ()
        self.has_custom_fields = any(column.name == CUSTOM_FIELDS for column in self.columns)
        self._renamed = {column.name: column.sent_as for column in self.columns if column.api_name}
        self.time_of: Callable[[Record], int | None] = attrgetter(table.time)
        # Columns that every record or field must have. `record_batches` notes missing values.
        self.needed = frozenset({table.time, _ID_OF_FIELD})

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns of the key."""
        return tuple(column for column in self.columns if column.name in self.table.key)

    @property
    def is_deleted(self) -> Callable[[Record], bool]:
        """Whether a record is deleted; always false if no column says so."""
        if not any(column.name == "is_deleted" for column in self.columns):
            return lambda _: False
        return lambda record: record.is_deleted is True

    @property
    def is_whole(self) -> Callable[[Record], bool] | None:
        """Whether a record has all requested details; None if every record of the table does."""
        derived = self.table.derived
        if derived is None:
            return None
        return lambda record: derived.is_whole({name: getattr(record, name) for name in derived.properties})

    @cached_property
    def any(self) -> type[Record]:
        """The type of a record with any properties. Its attributes are in the order of `columns`.

        Raises `InternalError` for a table with a column that no property and no `derived` fills.
        """
        fields = [_field(column, self.table) for column in self.columns]
        fields += [(name, Any, None) for name in self.derived_from]
        return self._struct(f"{self.table.record}_record", fields)

    @cached_property
    def known(self) -> type[Record]:
        """The type of a record with known properties only; properties without a column are not decoded."""
        sent = {column.sent_as for column in self.columns}.union(self.derived_from)
        others = [(name, msgspec.Raw, _NOT_SENT) for name in sorted(self.entity.known_properties - sent)]
        named = [(CUSTOM_FIELDS, list[KnownField] | None, None)] if self.has_custom_fields else []
        return self._struct(
            f"known_{self.table.record}", [*named, *others], bases=(self.any,), forbid_unknown_fields=True
        )

    def _struct(self, name: str, fields: list[Any], **options: Any) -> type[Record]:
        struct: Any = msgspec.defstruct(name, fields, gc=False, kw_only=True, rename=self._renamed, **options)
        return cast("type[Record]", struct)


@cache
def record_types(entity: Entity, table: Table) -> RecordTypes:
    """The types for one of the entity's tables, made once. Raises `InternalError` as `RecordTypes.any` does."""
    return RecordTypes(entity, table)


def _for_picking(entity: Entity) -> list[Column]:
    """Columns that selecting the version of a record needs."""
    needed = {*entity.key, entity.time, "is_deleted", *entity.stubs_lack}
    return [column for column in entity.table.columns if column.name in needed]


def _field(column: Column, table: Table) -> tuple[Any, ...]:
    """The column as a field of a record type; key and time are required."""
    if column.name in table.key:
        return (column.name, KEY_TYPES[column.type])
    if column.name == table.time:
        return (column.name, Integer | None)
    if column.name == CUSTOM_FIELDS:
        return (CUSTOM_FIELDS, list[Field] | None, None)
    if column.type not in _SCALARS:
        raise InternalError(
            f"Deriving how {column.name} is read",
            cause=f"no property can fill a column of type {column.type} directly.",
            fix="Add it to the table's `derived` in `entities`.",
        )
    return (column.name, _SCALARS[column.type], None)
