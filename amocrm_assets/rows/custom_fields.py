"""The JSON of custom fields in API v4, as types. It is the same in records of every entity.

`value_formatter` converts their values to text.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from amocrm_assets.rows.json_values import INT64_MAX, INT64_MIN

Integer = Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]


class Item(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One value of a custom field. Items of a chained list have no `value`."""

    value: Any = UNSET
    enum_id: Integer | UnsetType | None = UNSET
    enum_code: Any = UNSET
    catalog_id: Any = UNSET
    catalog_element_id: Any = UNSET


class WholeItem(dict[str, Any]):
    """The value of an item without `value`: the item itself."""


class Field(msgspec.Struct, gc=False):
    """One custom field of a record, with its values."""

    field_id: Integer | None = None
    field_name: str | None = None
    field_code: str | None = None
    field_type: str | None = None
    values: list[Item] | None = None


class KnownField(Field, gc=False):
    """A field whose name is not decoded yet: the JSON that was sent, a text or null."""

    field_name: msgspec.Raw = msgspec.Raw(b"null")  # type: ignore[assignment]
