"""The schema of a table for BigQuery, DuckDB and Arrow, derived from the columns that its entity declares.

For the columns that Dagster shows see `orchestration.columns`, for filling columns `rows`, for storing them
`warehouse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from amocrm_assets.entities import Column, Table

# The range of BigQuery's NUMERIC, https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#numeric_types
NUMERIC_DIGITS, NUMERIC_SCALE = 38, 9
_DUCKDB = {
    "INTEGER": "BIGINT",
    "STRING": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "NUMERIC": f"DECIMAL({NUMERIC_DIGITS}, {NUMERIC_SCALE})",
}
# DuckDB's reserved words among our column names; BigQuery and Arrow need no quoting.
_DUCKDB_QUOTED = frozenset({"name", "values", "value", "enum", "type"})


def duckdb_type(column: Column) -> str:
    """DuckDB's type of a column, for example `STRUCT("value" VARCHAR, "enum" BIGINT)[]`."""
    repeated = "[]" if column.mode == "REPEATED" else ""
    if column.type != "RECORD":
        return f"{_DUCKDB[column.type]}{repeated}"
    parts = ", ".join(f"{_duckdb_name(part.name)} {duckdb_type(part)}" for part in column.columns)
    return f"STRUCT({parts}){repeated}"


def _duckdb_name(name: str) -> str:
    return f'"{name}"' if name in _DUCKDB_QUOTED else name


def bigquery_fields(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """The schema in the form of BigQuery's REST API (`TableFieldSchema`, v2)."""
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


def arrow_schema(table: Table, columns: Sequence[str] | None = None) -> pa.Schema:
    """The `pyarrow` schema of rows files; of some columns, in the given order."""
    import pyarrow as pa

    schema = pa.schema([_arrow_field(column) for column in table.columns])
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def _arrow_field(column: Column) -> pa.Field:
    import pyarrow as pa

    return pa.field(column.name, arrow_type(column))


def arrow_type(column: Column) -> pa.DataType:
    """Arrow's type of a column; a RECORD is a struct, a REPEATED column a list."""
    import pyarrow as pa

    scalars = {
        "INTEGER": pa.int64(),
        "STRING": pa.string(),
        "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
        "NUMERIC": pa.decimal128(NUMERIC_DIGITS, NUMERIC_SCALE),
    }
    is_record = column.type == "RECORD"
    one = pa.struct([_arrow_field(part) for part in column.columns]) if is_record else scalars[column.type]
    return pa.list_(one) if column.mode == "REPEATED" else one
