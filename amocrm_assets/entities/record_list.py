"""Lists of API v4 with the records of an entity: path, parameters, and names.

For reading a list completely see `crm`, with a reader for each kind of list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

# The order of records in a list, which determines its reader. `moving`: by `updated_at`, so an edit moves a record
# to the end. `by_id`: also filtered by `updated_at`, but sorted by id only, so an edit removes a record from the
# middle. `appended`: records never change, have text ids and are filtered by `created_at`, in an undocumented
# order. Every kind has its reader in `crm/pagination/readers.py`.
ListKind = Literal["moving", "by_id", "appended"]


@dataclass(frozen=True)
class RecordList:
    """One list. `path` is its path, `embedded` the property of `_embedded` with the records.

    `name` is its name in findings and messages, `records` the name of its records. `details` are values of `with`:
    embedded details that need no further request. `only_deleted` is the trash, which has the same path. `types`
    are values of `filter[type]`, without which a list may omit some; `type_property` is the name of filter and
    property. `max_limit` is its largest page, if not the usual one. `owners` is the type of entity that the
    records belong to, if each type has a list of its own: the records do not contain it.
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
        """The name of the list in a sentence."""
        if self.owners:
            return f"{self.records} of {self.owners}"
        return f"deleted {self.records} (`with=only_deleted`)" if self.only_deleted else self.records

    @property
    def type_filter(self) -> dict[str, list[str]]:
        """The parameter with the types, if any."""
        return {f"filter[{self.type_property}][]": list(self.types)} if self.types else {}

    def trash(self) -> RecordList:
        """The list of the deleted records, without details."""
        return replace(self, name="deleted", details=(), only_deleted=True)
