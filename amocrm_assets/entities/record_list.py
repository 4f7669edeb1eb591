"""Lists of API v4 that hold the records of an entity: the address, what is asked for, and how a list is called.

How a list is read completely is in `crm`, in a reader for each kind of list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

# The order of records in a list, and with it how it is read completely. `moving`: by `updated_at`, so an edit
# moves a record to the end. `by_id`: filtered by `updated_at`, too, but in the order of ids alone, so an edit
# takes a record out of the middle. `appended`: records never change, have text for an id and are filtered by
# `created_at`, in an order that nobody promises. Every kind has its reader in `crm/pagination/readers.py`.
ListKind = Literal["moving", "by_id", "appended"]


@dataclass(frozen=True)
class RecordList:
    """One list. `path` is its address, `embedded` the property of `_embedded` that holds the records.

    `name` is what findings and messages about it begin with, `records` are the records in texts. `details` are
    values of `with`: what hangs on a record and comes with it at no further request. `only_deleted` is the trash,
    which has the same address. `types` are values of `filter[type]`: a list that is asked for by name holds them,
    whatever it leaves out otherwise; `type_property` is what filter and property are called. `max_limit` is its
    largest page, where that is not the usual one. `owners` are the records that those of the list hang on, where
    each kind of them has a list of its own: no record says which list it is from.
    """

    name: str
    records: str
    path: str
    embedded: str
    kind: ListKind = "moving"
    details: tuple[str, ...] = ()
    only_deleted: bool = False
    types: tuple[str, ...] = ()
    type_property: str = "type"
    max_limit: int | None = None
    owners: str | None = None

    @property
    def title(self) -> str:
        """The list in a sentence."""
        if self.owners:
            return f"{self.records} of {self.owners}"
        return f"deleted {self.records} (`with=only_deleted`)" if self.only_deleted else self.records

    @property
    def type_filter(self) -> dict[str, list[str]]:
        """The parameter that names the types, if any are named."""
        return {f"filter[{self.type_property}][]": list(self.types)} if self.types else {}

    def trash(self) -> RecordList:
        """The list of the deleted records. They come without details."""
        return replace(self, name="deleted", details=(), only_deleted=True)
