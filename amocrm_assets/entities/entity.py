"""What an entity declares: where amoCRM lists its records, and the tables that they become.

How lists are read is in `crm`, how records are kept in `captures`, how they become rows in `rows`; all take the
entity as a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities.captured import Captured
from amocrm_assets.entities.choices import NO_CHOICES, Choices

if TYPE_CHECKING:
    from amocrm_assets.entities.table import Table


@dataclass(frozen=True)
class Entity(Captured):
    """One kind of record of amoCRM, read by `updated_at`.

    `path` is the address of its list, `embedded` the property of `_embedded` that holds the records, `name` the
    folder of its captures. `tables` are what its captures become, the one that is called like the entity first.

    `stubs_lack` are columns of that table of which a deleted record without properties, a stub, has none; a record
    that is not deleted has one of them. `other_properties` are those of API v4 that no table has a column for.
    """

    path: str
    embedded: str
    tables: tuple[Table, ...]
    stubs_lack: tuple[str, ...] = ()
    other_properties: tuple[str, ...] = ()
    choices: Choices = NO_CHOICES

    @property
    def table(self) -> Table:
        """The table that is called like the entity."""
        return self.tables[0]

    @property
    def known_properties(self) -> frozenset[str]:
        """Properties of a record in API v4 that are no surprise."""
        columns = (column for table in self.tables for column in table.columns)
        return frozenset(self.other_properties).union(column.sent_as for column in columns)
