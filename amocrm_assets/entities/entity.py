"""The declaration of an entity: the lists of its records in amoCRM, and their tables.

For reading lists see `crm`, for storing records `captures`, for rows `rows`; all take the entity as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from amocrm_assets.entities.captured import Captured
from amocrm_assets.entities.choices import NO_CHOICES, Choices
from amocrm_assets.entities.custom_fields import CUSTOM_FIELDS

if TYPE_CHECKING:
    from amocrm_assets.entities.record_list import RecordList
    from amocrm_assets.entities.table import Table


@dataclass(frozen=True)
class Entity(Captured):
    """One kind of record in amoCRM, read by day.

    `name` is the folder of its captures, `live` the list of its records, `deleted` that of the trash, if amoCRM
    has one; `others` are further lists of its records, of the same kind as `live`. `tables` are made of its
    captures, the main table, with the entity's name, first.

    `stubs_lack` are columns of the main table of which a deleted record without properties, a stub, has none;
    every live record has at least one of them. `other_properties` are those of API v4 without a column in any
    table.
    """

    live: RecordList
    tables: tuple[Table, ...]
    deleted: RecordList | None = None
    others: tuple[RecordList, ...] = ()
    stubs_lack: tuple[str, ...] = ()
    other_properties: tuple[str, ...] = ()
    choices: Choices = NO_CHOICES
    has_cards: bool = True
    """Whether amoCRM has a page for each record, at `/{name}/detail/{id}`."""

    @property
    def table(self) -> Table:
        """The main table, with the entity's name."""
        return self.tables[0]

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns of its records."""
        return self.table.key

    @property
    def time(self) -> str:
        """The time column that determines the day of a record."""
        return self.table.time

    def lists(self, *, with_deleted: bool) -> tuple[RecordList, ...]:
        """The lists that a reading requests."""
        trash = (self.deleted,) if with_deleted and self.deleted else ()
        return (self.live, *self.others, *trash)

    @property
    def fields_path(self) -> str | None:
        """Path of the list of its custom fields; None if its records have none."""
        bears = any(CUSTOM_FIELDS in table.column_names for table in self.tables)
        return f"{self.live.path}/custom_fields" if bears else None

    @property
    def known_properties(self) -> frozenset[str]:
        """The known properties of a record in API v4."""
        columns = (column for table in self.tables for column in table.columns)
        return frozenset(self.other_properties).union(column.sent_in for column in columns)

    def for_source(self, source: object) -> Entity:
        """The entity with those of its tables that a source does not switch off."""
        kept = tuple(each for each in self.tables if each.imported is None or getattr(source, each.imported))
        return self if kept == self.tables else replace(self, tables=kept)
