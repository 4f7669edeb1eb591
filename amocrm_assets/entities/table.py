"""Tables as entities declare them: columns in BigQuery's terms, and the names of files and tables.

`shard` derives all other forms of the schema from a declaration. The tables are declared in the modules of the
entities.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from amocrm_assets.entities.latest import Latest
    from amocrm_assets.entities.shard_names import ShardName

ColumnType = Literal["INTEGER", "STRING", "BOOLEAN", "DATE", "TIMESTAMP", "NUMERIC", "RECORD"]
Mode = Literal["NULLABLE", "REPEATED"]


@dataclass(frozen=True)
class Column:
    """One column in BigQuery's terms. A RECORD has `columns`."""

    name: str
    type: ColumnType
    description: str
    mode: Mode = "NULLABLE"
    columns: tuple[Column, ...] = ()
    api_name: str | None = None
    """The property of API v4 that fills it, if it has another name; `_embedded.tags` if it is nested."""
    is_json: bool = False
    """A STRING with any value as compact JSON with sorted keys."""

    @property
    def sent_as(self) -> str:
        """The column's name in API v4."""
        return self.api_name or self.name

    @property
    def sent_in(self) -> str:
        """The property of a record that contains it."""
        return self.sent_as.partition(".")[0]


@dataclass(frozen=True)
class Derived:
    """How columns are derived that are not filled from a single property.

    `properties` of a record are their input, `columns` are their names, and `values` returns their values,
    unchecked: the caller converts them and notes what does not fit. `is_whole` says whether a record has all
    requested details, from the same properties. Of versions of the same time, a whole one is preferred.
    """

    properties: tuple[str, ...]
    columns: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], Mapping[str, Any]] = field(repr=False)
    is_whole: Callable[[Mapping[str, Any]], bool] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """A day shard: its columns in order, and its names.

    `asset` is the last part of the rows asset's key and the folder of the rows files, `warehouse_name` the
    beginning of the shards' names and the shards asset's key. `record` and `records` are the names of its records
    in texts.
    """

    asset: str
    warehouse_name: str
    record: str
    records: str
    columns: tuple[Column, ...]
    preview: tuple[str, ...]
    """Columns of the preview on the asset's page."""
    derived: Derived | None = None
    imported: str | None = None
    """The attribute of a source's settings that switches the table off; None: it always exists with its entity."""
    latest: Latest | None = None
    """The flat table of each record's newest row, if there is one."""
    shard_name_column: ShardName | None = None
    """An optional column of names in shards."""
    whole_words: str = "with their history"
    """The text after `records` in the description of a table that an account has once."""
    key: tuple[str, ...] = ("id",)
    """The key: columns of integers or texts; rows are sorted by them."""
    time: str = "updated_at"
    """The column of Unix seconds that determines a record's day and its newest version. Key and time are the same
    in all tables of an entity."""

    @property
    def unique_columns(self) -> tuple[str, ...]:
        """The columns of which no two rows of the table have the same values."""
        return self.key

    @property
    def is_dated(self) -> str:
        """What happened to its records on their day, in texts: `updated` or `created`."""
        return self.time.removesuffix("_at")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def for_shards(self, source: object) -> Table:
        """The table in the form of a source's shards: with the column of names if the settings want it."""
        named = self.shard_name_column
        return self.with_names() if named and getattr(source, named.wanted) else self

    def with_names(self) -> Table:
        """The table with the column of names, for one that declares it."""
        named = self.shard_name_column
        if named is None or named.column.name in self.column_names:
            return self
        at = self.column_names.index(named.behind) + 1
        return replace(self, columns=(*self.columns[:at], named.column, *self.columns[at:]))

    @property
    def all_shards_prefix(self) -> str:
        """The beginning of the shards' names of all accounts."""
        return f"{self.warehouse_name}_"

    def shard_prefix(self, subdomain: str) -> str:
        """The beginning of an account's shards' names. Nothing but shards may have it."""
        return f"{self.all_shards_prefix}{subdomain}_"

    def shard_name(self, subdomain: str, day: date) -> str:
        """The name of a day's shard, with the subdomain as in the settings."""
        return f"{self.shard_prefix(subdomain)}{day:%Y%m%d}"

    def shard_day(self, subdomain: str, table: str) -> date | None:
        """Day of the account's shard of this name; None for any other table, those of other accounts included."""
        written = table.removeprefix(self.shard_prefix(subdomain))
        if written == table or not re.fullmatch(r"[0-9]{8}", written):
            return None
        try:
            return datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:  # a user's table with eight digits that are no day
            return None

    def name_of(self, subdomain: str, day: date | None) -> str:
        """Name in the warehouse: of the shard of a day, or of the one table that an account has."""
        return f"{self.warehouse_name}_{subdomain}" if day is None else self.shard_name(subdomain, day)

    def rows_folder(self, subdomain: str) -> str:
        """The folder of an account's rows files in the storage."""
        return f"rows/{subdomain}/{self.asset}"


@dataclass(frozen=True, kw_only=True)
class WholeTable(Table):
    """A table that an account has once, made as a whole from stored data."""

    def rows_name(self, subdomain: str) -> str:
        """The file of the table's rows in the storage, for loading."""
        return f"{self.rows_folder(subdomain)}/table.parquet"
