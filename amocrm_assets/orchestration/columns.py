"""The columns of a table as Dagster shows them: the table's schema, and where each column comes from.

All of it is derived from the declared table, and is the same for every source and day.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.shard import NUMERIC_DIGITS, NUMERIC_SCALE, duckdb_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.entities import Column, Table

# As `pyarrow` writes its types, which takes half a second to import.
_ARROW = {
    "INTEGER": "int64",
    "STRING": "string",
    "BOOLEAN": "bool",
    "DATE": "date32[day]",
    "TIMESTAMP": "timestamp[us, tz=UTC]",
    "NUMERIC": f"decimal128({NUMERIC_DIGITS}, {NUMERIC_SCALE})",
}


@cache
def table_schema(table: Table, store: str) -> dg.TableSchema:
    """Every column with description and its type in a store: `bigquery`, `duckdb`, or `parquet` in Arrow's terms.

    Parts of a record follow it as `custom_fields.values.enum`.
    """
    return schema_of(table, store)


def schema_of(table: Table, store: str) -> dg.TableSchema:
    """As `table_schema`, without a cache, for a table that differs from source to source."""
    return dg.TableSchema(
        columns=[column for top in table.columns for column in _flat(top, "", store, key=table.unique_columns)],
        constraints=dg.TableConstraints(other=[f"One row for each {', '.join(table.unique_columns)}"]),
    )


def _flat(column: Column, prefix: str, store: str, key: tuple[str, ...]) -> Iterator[dg.TableColumn]:
    name = f"{prefix}{column.name}"
    alone = key == (name,)
    constraints = dg.TableColumnConstraints(nullable=not alone, unique=alone)
    yield dg.TableColumn(name, _type(column, store), column.description, constraints)
    for part in column.columns:
        yield from _flat(part, f"{name}.", store, key)


def _type(column: Column, store: str) -> str:
    """The type without the parts of a record, which are shown below it."""
    if store == "bigquery":
        return f"{column.type} REPEATED" if column.mode == "REPEATED" else column.type
    if column.type == "RECORD":
        if column.mode == "REPEATED":
            return "STRUCT[]" if store == "duckdb" else "list<struct>"
        return "STRUCT" if store == "duckdb" else "struct"
    if store == "duckdb":
        return duckdb_type(column)
    return f"list<{_ARROW[column.type]}>" if column.mode == "REPEATED" else _ARROW[column.type]


def lineage_from(table: Table, asset: dg.AssetKey, *, api_names: bool) -> dg.TableColumnLineage:
    """Each column comes from one column of `asset`; some have other names in raw records (`api_names`)."""
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(asset_key=asset, column_name=column.sent_as if api_names else column.name)
            ]
            for column in table.columns
        }
    )
