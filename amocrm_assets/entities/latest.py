"""The flat table of an entity: a row for each record in its newest state, with names beside ids.

An entity's main table declares it with `latest`. For updating it see `rows.latest_table`, for columns of custom
fields `rows.latest_table.field_columns`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities.table import Column, ColumnType, Table, WholeTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.entities.entity import Entity

# Names that a source may give to a column: every warehouse and tool accepts them without quotes.
COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
# Names of columns of custom fields that a source does not name.
FIELD_COLUMN = re.compile(r"cf_[0-9]+", re.IGNORECASE)
# The reference table of custom fields, by its asset.
FIELDS_TABLE = "amoCrmCustomFields"
# The column types of fields; all others are text.
_FIELD_TYPES: dict[str, ColumnType] = {
    "numeric": "NUMERIC",
    "monetary": "NUMERIC",
    "price": "NUMERIC",
    "checkbox": "BOOLEAN",
    "date": "DATE",
    "birthday": "DATE",
    "date_time": "TIMESTAMP",
}


@dataclass(frozen=True)
class Beside:
    """A column of another table of the entity with the same records; one `part` of a RECORD."""

    table: Table
    column: str
    part: str | None = None

    @property
    def name(self) -> str:
        """Its name in the flat table."""
        return f"{self.column}_{self.part}" if self.part else self.column

    @property
    def type(self) -> ColumnType:
        """The type of the values that are taken."""
        columns = {column.name: column for column in self.table.columns}
        found = columns[self.column]
        return next(part.type for part in found.columns if part.name == self.part) if self.part else found.type


@dataclass(frozen=True)
class NameOf:
    """A column with the present names of ids in other columns, from a reference table."""

    column: str
    description: str
    by: tuple[str, ...]
    """Columns of the record, in the order of the reference table's key."""
    table: str
    """The reference table, by its asset."""
    value: str = "name"
    type: ColumnType = "STRING"
    otherwise: Beside | None = None
    """The name in the record itself, if the id is in no list."""


@dataclass(frozen=True)
class Flag:
    """A column that shows whether another one equals a number."""

    column: str
    description: str
    of: str
    equals: int


@dataclass(frozen=True)
class Amount:
    """An exact amount: from another table if available, otherwise from a column of whole units."""

    column: str
    description: str
    otherwise: str
    exact: Beside


@dataclass(frozen=True)
class Latest:
    """The additional columns of the flat table.

    `dated` are columns of Unix seconds that also have a date in the account's time zone; all of them have a
    TIMESTAMP. `document` is its page in the documentation.
    """

    warehouse_name: str
    document: str
    names: tuple[NameOf, ...]
    dated: tuple[str, ...]
    preview: tuple[str, ...]
    flags: tuple[Flag, ...] = ()
    amounts: tuple[Amount, ...] = ()

    @property
    def beside(self) -> tuple[Beside, ...]:
        """The used columns of other tables."""
        fallbacks = (each.otherwise for each in self.names if each.otherwise)
        return (*(each.exact for each in self.amounts), *fallbacks)

    @property
    def reference_tables(self) -> tuple[str, ...]:
        """The reference tables of names, by their assets."""
        return tuple(dict.fromkeys(name.table for name in self.names))


@dataclass(frozen=True, kw_only=True)
class LatestTable(WholeTable):
    """A flat table: one per account, whose columns depend on the account's custom fields."""

    of: Table

    def kept_name(self, subdomain: str) -> str:
        """The file with the newest rows in the storage, in the columns of rows."""
        return f"{self.rows_folder(subdomain)}/newest.parquet"


# The names of a pipeline and its stage, and the stage's position.
PIPELINE_NAME = NameOf("pipeline_name", "Name of the pipeline.", by=("pipeline_id",), table="amoCrmPipelines")
STATUS_NAME = NameOf("status_name", "Name of the stage.", by=("pipeline_id", "status_id"), table="amoCrmStatuses")
STATUS_SORT = NameOf(
    "status_sort",
    "Position of the stage in the pipeline.",
    by=("pipeline_id", "status_id"),
    table="amoCrmStatuses",
    value="sort",
    type="INTEGER",
)


def user_names(record: str) -> tuple[NameOf, ...]:
    """The columns with names of a record's responsible user, their group, and its creator."""
    return (
        NameOf("responsible_user_name", "The manager.", by=("responsible_user_id",), table="amoCrmUsers"),
        NameOf("created_by_name", f"Who created the {record}.", by=("created_by",), table="amoCrmUsers"),
        NameOf("group_name", "Group of the responsible user.", by=("group_id",), table="amoCrmGroups"),
    )


def latest_table(table: Table, fields: Iterable[Column] = ()) -> LatestTable:
    """The flat table of a table that declares one, with these columns for custom fields."""
    latest = declared(table)
    return LatestTable(
        asset=latest.warehouse_name,
        warehouse_name=latest.warehouse_name,
        record=table.record,
        records=table.records,
        columns=(*table.columns, *_added(table, latest), *fields),
        preview=latest.preview,
        whole_words="as they were last, a row each",
        of=table,
    )


def with_latest(entities: Iterable[Entity], *, wanted: bool) -> list[Entity]:
    """The entities that declare a flat table; none if it is not `wanted`."""
    return [each for each in entities if wanted and each.table.latest]


def declared(table: Table) -> Latest:
    """A table's declaration of its flat table. Raises `TypeError` if it has none."""
    if table.latest is None:
        raise TypeError(f"{table.asset} has no flat table")
    return table.latest


def field_column(name: str, field_type: str | None, description: str) -> Column:
    """The column of a custom field; text if the field has no type."""
    return Column(name, _FIELD_TYPES.get(field_type or "", "STRING"), description)


def seconds_columns(table: Table) -> tuple[str, ...]:
    """Columns of Unix seconds."""
    return tuple(each.name for each in table.columns if each.type == "INTEGER" and each.name.endswith("_at"))


def beside_name(name: str, ending: str) -> str:
    """The name of a column beside one of Unix seconds: `created_date` for `created_at`."""
    return f"{name.removesuffix('_at')}_{ending}"


def _added(table: Table, latest: Latest) -> tuple[Column, ...]:
    record, zone = table.record, "in the source's `timezone`"
    return (
        Column("day", "DATE", f"Day of the shard that holds the {record}'s newest row."),
        *(Column(each.column, each.type, f"{each.description} As of now.") for each in latest.names),
        *(Column(each.column, "BOOLEAN", each.description) for each in latest.flags),
        *(Column(beside_name(each, "date"), "DATE", f"Date of `{each}` {zone}.") for each in latest.dated),
        *(
            Column(beside_name(each, "time"), "TIMESTAMP", f"`{each}` as a timestamp.")
            for each in seconds_columns(table)
        ),
        *(Column(each.column, "NUMERIC", each.description) for each in latest.amounts),
        Column(
            "deleted_at",
            "INTEGER",
            f"`updated_at` of the row with `is_deleted` = true, Unix seconds, UTC; null if the {record} is not in"
            " amoCRM's trash.",
        ),
        Column("deleted_time", "TIMESTAMP", "`deleted_at` as a timestamp."),
        Column(
            "has_properties",
            "BOOLEAN",
            f"False if only the deletion of the {record} is known: its properties are null.",
        ),
    )
