"""The shard table: its columns, declared once, and its name.

Every other form of the schema is derived from `COLUMNS`: BigQuery's, DuckDB's, Arrow's, and the columns that
Dagster shows. What fills the columns is the affair of `rows`; what stores them, of `warehouse`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

ColumnType = Literal["INTEGER", "STRING", "BOOLEAN", "RECORD"]
Mode = Literal["NULLABLE", "REPEATED"]


@dataclass(frozen=True)
class Column:
    """One column in BigQuery's terms. A RECORD has `columns`."""

    name: str
    type: ColumnType
    description: str
    mode: Mode = "NULLABLE"
    columns: tuple[Column, ...] = ()


COLUMNS: tuple[Column, ...] = (
    Column("id", "INTEGER", "The lead's id, unique in the account."),
    Column("name", "STRING", "The lead's name; null when the source does not import names."),
    Column("responsible_user_id", "INTEGER", "User responsible for the lead."),
    Column("created_by", "INTEGER", "User who created the lead; 0 is a robot."),
    Column("created_at", "INTEGER", "When the lead was created, Unix seconds, UTC."),
    Column("updated_at", "INTEGER", "When the lead was last updated, Unix seconds, UTC."),
    Column("account_id", "INTEGER", "The amoCRM account."),
    Column("pipeline_id", "INTEGER", "Pipeline of the lead."),
    Column("status_id", "INTEGER", "Stage in the pipeline; 142 is won and 143 is lost in every pipeline."),
    Column("updated_by", "INTEGER", "User who last updated the lead; 0 is a robot."),
    Column("is_deleted", "BOOLEAN", "True when the lead lies in amoCRM's trash."),
    Column("group_id", "INTEGER", "Group of the responsible user; 0 is the default group."),
    Column("closed_at", "INTEGER", "When the lead was won or lost, Unix seconds, UTC."),
    Column("closest_task_at", "INTEGER", "When the lead's next task is due, Unix seconds, UTC."),
    Column("sale", "INTEGER", "The lead's price in whole units of the account's currency (`price` in API v4)."),
    Column("loss_reason_id", "INTEGER", "Why the lead was lost."),
    Column(
        "custom_fields",
        "RECORD",
        "The filled custom fields of the lead that the source imports.",
        "REPEATED",
        (
            Column("id", "INTEGER", "The custom field's id (`field_id` in API v4)."),
            Column("name", "STRING", "The custom field's name when the lead was read (`field_name`)."),
            Column(
                "is_system",
                "BOOLEAN",
                "Whether amoCRM made the field itself (`is_predefined` in the catalogue); null when unknown.",
            ),
            Column(
                "values",
                "RECORD",
                "The field's values.",
                "REPEATED",
                (
                    Column("value", "STRING", "The value as text."),
                    Column("enum", "INTEGER", "Id of the chosen option (`enum_id` in API v4)."),
                ),
            ),
        ),
    ),
)

_DUCKDB = {"INTEGER": "BIGINT", "STRING": "VARCHAR", "BOOLEAN": "BOOLEAN"}
# DuckDB's reserved words among our column names; BigQuery and Arrow need no quoting.
_DUCKDB_QUOTED = frozenset({"name", "values", "value", "enum"})


ALL_SHARDS_PREFIX = "amoCrmLeads_"


def shard_name(subdomain: str, day: date) -> str:
    """Name of the table with the leads updated on `day`, the subdomain as it is written in settings."""
    return f"{shard_prefix(subdomain)}{day:%Y%m%d}"


def shard_prefix(subdomain: str) -> str:
    """What the names of all shards of an account begin with. Nothing but shards may be named so."""
    return f"{ALL_SHARDS_PREFIX}{subdomain}_"


def shard_day(subdomain: str, table: str) -> date | None:
    """Day of the account's shard of this name; None for any other table, those of other accounts included."""
    written = table.removeprefix(shard_prefix(subdomain))
    if written == table or not re.fullmatch(r"[0-9]{8}", written):
        return None
    try:
        return datetime.strptime(written, "%Y%m%d").date()  # noqa: DTZ007 - a day, not a moment
    except ValueError:  # somebody's table with eight digits that are no day
        return None


def latest_view_name(subdomain: str) -> str:
    """Name of the optional view over all shards; it must not match the shards' wildcard (docs/bigquery.md)."""
    return f"amoCrmLeadsLatest_{subdomain}"


def duckdb_type(column: Column) -> str:
    """DuckDB's type of a column, for example `STRUCT("value" VARCHAR, "enum" BIGINT)[]`."""
    if column.type != "RECORD":
        return _DUCKDB[column.type]
    parts = ", ".join(f"{_duckdb_name(part.name)} {duckdb_type(part)}" for part in column.columns)
    return f"STRUCT({parts})[]"


def _duckdb_name(name: str) -> str:
    return f'"{name}"' if name in _DUCKDB_QUOTED else name


def bigquery_fields(columns: tuple[Column, ...] = COLUMNS) -> list[dict[str, Any]]:
    """The schema as BigQuery's REST API writes it (`TableFieldSchema`, v2)."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "mode": column.mode,
            "description": column.description,
            **({"fields": bigquery_fields(column.columns)} if column.columns else {}),
        }
        for column in columns
    ]


def arrow_schema(columns: Sequence[str] | None = None) -> pa.Schema:
    """The schema of rows files, `pyarrow`; of some columns, in the order in which they are named."""
    import pyarrow as pa

    schema = pa.schema([_arrow_field(column) for column in COLUMNS])
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def _arrow_field(column: Column) -> pa.Field:
    import pyarrow as pa

    scalars = {"INTEGER": pa.int64(), "STRING": pa.string(), "BOOLEAN": pa.bool_()}
    if column.type != "RECORD":
        return pa.field(column.name, scalars[column.type])
    record = pa.struct([_arrow_field(part) for part in column.columns])
    return pa.field(column.name, pa.list_(record))
