"""A lead as API v4 sends it: the bytes of one capture line become a record with typed columns.

Well-formed leads take a quick way, on which the decoder itself checks every type; all others go through
`misfits`. What the values of a custom field mean is the affair of `texts`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from amocrm_assets.rows.json_values import INT64_MAX, INT64_MIN, Number
from amocrm_assets.shard import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]

# Column of the shard → property of API v4, where they differ.
RENAMED = {"sale": "price", "custom_fields": "custom_fields_values"}
# The columns that come first in a `Lead`, in the shard's order.
SCALARS = tuple(column.name for column in COLUMNS if column.type != "RECORD")
# Columns that no lead or field is without. Where they are missing is noted when columns are made.
NEEDED = frozenset({"updated_at", "custom_fields[].id"})


class Item(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One value of a custom field. Items of a chained list have no `value`."""

    value: Any = UNSET
    enum_id: Integer | UnsetType | None = UNSET
    enum_code: Any = UNSET
    catalog_id: Any = UNSET
    catalog_element_id: Any = UNSET


class WholeItem(dict[str, Any]):
    """Stands for the value of an item that has none: the item itself."""


class Field(msgspec.Struct, gc=False):
    """One filled custom field of a lead."""

    field_id: Integer | None = None
    field_name: str | None = None
    field_code: str | None = None
    field_type: str | None = None
    values: list[Item] | None = None


class Lead(msgspec.Struct, gc=False, kw_only=True, rename=RENAMED):
    """One version of a lead, its properties in the order of the shard's columns."""

    id: Integer
    name: str | None = None
    responsible_user_id: Integer | None = None
    created_by: Integer | None = None
    created_at: Integer | None = None
    updated_at: Integer | None
    account_id: Integer | None = None
    pipeline_id: Integer | None = None
    status_id: Integer | None = None
    updated_by: Integer | None = None
    is_deleted: bool | None = None
    group_id: Integer | None = None
    closed_at: Integer | None = None
    closest_task_at: Integer | None = None
    sale: Integer | None = None
    loss_reason_id: Integer | None = None
    custom_fields: list[Field] | None = None


_NOT_SENT = msgspec.Raw()


class KnownLead(Lead, kw_only=True, forbid_unknown_fields=True, rename=RENAMED):
    """A lead with nothing but known properties: those that follow have no column in the shard."""

    _embedded: msgspec.Raw = _NOT_SENT
    _links: msgspec.Raw = _NOT_SENT
    is_price_computed: msgspec.Raw = _NOT_SENT
    is_price_modified_by_robot: msgspec.Raw = _NOT_SENT
    labor_cost: msgspec.Raw = _NOT_SENT
    price_with_minor_units: msgspec.Raw = _NOT_SENT
    score: msgspec.Raw = _NOT_SENT
    source_id: msgspec.Raw = _NOT_SENT
    visitor_uid: msgspec.Raw = _NOT_SENT


_KNOWN_PROPERTIES = frozenset(KnownLead.__struct_encode_fields__)


class LeadReader:
    """Reads lines of captures; `unknown_properties` gathers the names of properties that nothing here knows."""

    def __init__(self) -> None:
        self.unknown_properties: set[str] = set()
        self._known_lead = msgspec.json.Decoder(KnownLead, float_hook=Number)
        self._lead = msgspec.json.Decoder(Lead, float_hook=Number)
        self._names = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def read(self, line: bytes) -> tuple[Lead | None, Sequence[str]]:
        """The lead, or None for a line without a usable id; and notes of what did not fit."""
        misfits = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
        with suppress(*misfits):
            return self._known_lead.decode(line), ()
        with suppress(*misfits):
            lead = self._lead.decode(line)
            self._gather(self._names.decode(line))
            return lead, ()
        from amocrm_assets.rows.misfits import lead_of_misfit

        lead_or_none, names, notes = lead_of_misfit(line)
        self._gather(names)
        return lead_or_none, notes

    def _gather(self, names: Iterable[str]) -> None:
        self.unknown_properties |= _KNOWN_PROPERTIES.union(names) - _KNOWN_PROPERTIES
