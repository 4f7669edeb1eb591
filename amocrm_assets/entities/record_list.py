"""Lists of API v4 that hold the records of an entity: the address, what is asked for, and how a list is called.

How a list is read completely is in `crm`, in a reader for each kind of list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

# The order of records in a list, and with it how it is read completely. `moving`: by `updated_at`, so an edit
# moves a record to the end. `appended`: records never change, have text for an id and are filtered by
# `created_at`, in an order that nobody promises. Every kind has its reader in `crm/pagination/readers.py`.
ListKind = Literal["moving", "appended"]


@dataclass(frozen=True)
class RecordList:
    """One list. `path` is its address, `embedded` the property of `_embedded` that holds the records.

    `name` is what findings and messages about it begin with, `records` are the records in texts. `details` are
    values of `with`: what hangs on a record and comes with it at no further request. `only_deleted` is the trash,
    which has the same address. `types` are values of `filter[type]`: a list that is asked for by name holds them,
    whatever it leaves out otherwise. `max_limit` is its largest page, where that is not the usual one.
    """

    name: str
    records: str
    path: str
    embedded: str
    kind: ListKind = "moving"
    details: tuple[str, ...] = ()
    only_deleted: bool = False
    types: tuple[str, ...] = ()
    max_limit: int | None = None

    @property
    def title(self) -> str:
        """The list in a sentence."""
        return f"deleted {self.records} (`with=only_deleted`)" if self.only_deleted else self.records

    def trash(self) -> RecordList:
        """The list of the deleted records. They come without details."""
        return replace(self, name="deleted", details=(), only_deleted=True)
