"""What an entity declares: where amoCRM lists its records, and the tables that they become.

How lists are read is in `crm`, how records are kept in `captures`, how they become rows in `rows`; all take the
entity as a parameter.
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
    """One kind of record of amoCRM, read day by day.

    `name` is the folder of its captures, `live` the list of its records, `deleted` that of those in the trash,
    where amoCRM lists them; `others` are further lists of its records, of the same kind as `live`. `tables` are
    what its captures become, the one that is called like the entity first.

    `stubs_lack` are columns of that table of which a deleted record without properties, a stub, has none; a record
    that is not deleted has one of them. `other_properties` are those of API v4 that no table has a column for.
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
        """The table that is called like the entity."""
        return self.tables[0]

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that tell its records apart."""
        return self.table.key

    @property
    def time(self) -> str:
        """The column of time that decides to which day a record belongs."""
        return self.table.time

    def lists(self, *, with_deleted: bool) -> tuple[RecordList, ...]:
        """The lists that a reading goes through."""
        trash = (self.deleted,) if with_deleted and self.deleted else ()
        return (self.live, *self.others, *trash)

    @property
    def fields_path(self) -> str | None:
        """Address of the list of its custom fields; None where its records bear none."""
        bears = any(CUSTOM_FIELDS in table.column_names for table in self.tables)
        return f"{self.live.path}/custom_fields" if bears else None

    @property
    def known_properties(self) -> frozenset[str]:
        """Properties of a record in API v4 that are no surprise."""
        columns = (column for table in self.tables for column in table.columns)
        return frozenset(self.other_properties).union(column.sent_in for column in columns)

    def for_source(self, source: object) -> Entity:
        """The entity with those of its tables that a source does not switch off."""
        kept = tuple(each for each in self.tables if each.imported is None or getattr(source, each.imported))
        return self if kept == self.tables else replace(self, tables=kept)
