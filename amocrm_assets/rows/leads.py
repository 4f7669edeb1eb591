"""A lead as API v4 sends it: records with the types that its properties have in the shard.

msgspec decodes a well-formed lead straight into them, and refuses any other. For the values of a
custom field see `value_formatter`; for leads that are not well-formed, `malformed`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from amocrm_assets.entities import LEADS
from amocrm_assets.rows.json_values import INT64_MAX, INT64_MIN

Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]

# Column of the shard → property of API v4, where they differ.
RENAMED = {column.name: column.sent_as for column in LEADS.table.columns if column.api_name}
# The columns that come first in a `Lead`, in the shard's order.
SCALARS = tuple(column.name for column in LEADS.table.columns if column.type != "RECORD")
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


class KnownField(Field, gc=False):
    """A field whose name is still as it was sent: a JSON text, or null."""

    field_name: msgspec.Raw = msgspec.Raw(b"null")  # type: ignore[assignment]


_NOT_SENT = msgspec.Raw()


class KnownLead(Lead, kw_only=True, forbid_unknown_fields=True, rename=RENAMED):
    """A lead with nothing but known properties: those that follow the fields have no column in the shard."""

    custom_fields: list[KnownField] | None = None  # type: ignore[assignment]
    _embedded: msgspec.Raw = _NOT_SENT
    _links: msgspec.Raw = _NOT_SENT
    is_price_computed: msgspec.Raw = _NOT_SENT
    is_price_modified_by_robot: msgspec.Raw = _NOT_SENT
    labor_cost: msgspec.Raw = _NOT_SENT
    price_with_minor_units: msgspec.Raw = _NOT_SENT
    score: msgspec.Raw = _NOT_SENT
    source_id: msgspec.Raw = _NOT_SENT
    visitor_uid: msgspec.Raw = _NOT_SENT


KNOWN_PROPERTIES = frozenset(KnownLead.__struct_encode_fields__)
