"""Tables as entities declare them: columns in BigQuery's terms, and the names of files and tables.

Every other form of the schema is derived from a declaration, in `shard`. Which tables there are is said by the
modules of the entities.
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
    """The property of API v4 that fills it, where that has another name; `_embedded.tags` where it is nested."""
    is_json: bool = False
    """A STRING that holds any value, as compact JSON with sorted keys."""

    @property
    def sent_as(self) -> str:
        """What API v4 calls the column."""
        return self.api_name or self.name

    @property
    def sent_in(self) -> str:
        """The property of a record that it comes from, whole or as a part of it."""
        return self.sent_as.partition(".")[0]


@dataclass(frozen=True)
class Derived:
    """How columns are filled that no property fills as it comes.

    `properties` of a record are what they are made of, `columns` are their names, and `values` gives what belongs
    into them: values as they were sent, since whoever takes them knows what fits a column and notes what does not.
    `is_whole` says whether a record holds what it is asked for, from the same properties. Of versions that are
    equally old, a whole one is preferred.
    """

    properties: tuple[str, ...]
    columns: tuple[str, ...]
    values: Callable[[Mapping[str, Any]], Mapping[str, Any]] = field(repr=False)
    is_whole: Callable[[Mapping[str, Any]], bool] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """A day shard: its columns in order, and what it is called.

    `asset` is the last part of the rows asset's key and the folder of the rows files, `warehouse_name` what names
    of shards begin with and the shards asset's key. `record` and `records` are its records in texts.
    """

    asset: str
    warehouse_name: str
    record: str
    records: str
    columns: tuple[Column, ...]
    preview: tuple[str, ...]
    """Columns that the asset's page shows of some rows: as many as fit beside each other."""
    derived: Derived | None = None
    imported: str | None = None
    """The attribute of a source's settings that switches the table off; None: it goes with its entity."""
    latest: Latest | None = None
    """The flat table of each record's newest row, where there is one."""
    shard_name_column: ShardName | None = None
    """A column of names that shards have where a source wants it."""
    whole_words: str = "with their history"
    """What is behind `records` in the description of a table that an account has once."""
    key: tuple[str, ...] = ("id",)
    """Columns of integers or texts that tell records apart; rows are sorted by them."""
    time: str = "updated_at"
    """The column of Unix seconds that decides to which day a record belongs, and which version of it is newer.
    Key and time are the same in all tables of an entity."""

    @property
    def unique_columns(self) -> tuple[str, ...]:
        """The columns of which no two rows of the table have the same values."""
        return self.key

    @property
    def is_dated(self) -> str:
        """What its records were on their day, in texts."""
        return self.time.removesuffix("_at")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def for_shards(self, source: object) -> Table:
        """The table as the shards of a source hold it: with the column of names where the settings want it."""
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
        """What the names of the shards of all accounts begin with."""
        return f"{self.warehouse_name}_"

    def shard_prefix(self, subdomain: str) -> str:
        """What the names of all shards of an account begin with. Nothing but shards may be named so."""
        return f"{self.all_shards_prefix}{subdomain}_"

    def shard_name(self, subdomain: str, day: date) -> str:
        """Name of the shard of a day, the subdomain as it is written in settings."""
        return f"{self.shard_prefix(subdomain)}{day:%Y%m%d}"

    def shard_day(self, subdomain: str, table: str) -> date | None:
        """Day of the account's shard of this name; None for any other table, those of other accounts included."""
        written = table.removeprefix(self.shard_prefix(subdomain))
        if written == table or not re.fullmatch(r"[0-9]{8}", written):
            return None
        try:
            return datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:  # somebody's table with eight digits that are no day
            return None

    def name_of(self, subdomain: str, day: date | None) -> str:
        """Name in the warehouse: of the shard of a day, or of the one table that an account has."""
        return f"{self.warehouse_name}_{subdomain}" if day is None else self.shard_name(subdomain, day)

    def rows_folder(self, subdomain: str) -> str:
        """Where the rows files of an account are in the storage."""
        return f"rows/{subdomain}/{self.asset}"


@dataclass(frozen=True, kw_only=True)
class WholeTable(Table):
    """A table that an account has once, made as a whole from what is there already."""

    def rows_name(self, subdomain: str) -> str:
        """Where the table's rows are in the storage, as they are loaded."""
        return f"{self.rows_folder(subdomain)}/table.parquet"
