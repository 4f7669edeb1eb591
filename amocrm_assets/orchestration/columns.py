"""The columns of a table as Dagster shows them: the table's schema, and where each column comes from.

All of it is derived from the declared table, once, and is the same for every source and day.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.entities import Column, Table


@cache
def table_schema(table: Table) -> dg.TableSchema:
    """Every column with type and description; parts of a record follow it as `custom_fields.values.enum`."""
    return dg.TableSchema(columns=[column for top in table.columns for column in _flat(top, "")])


def _flat(column: Column, prefix: str) -> Iterator[dg.TableColumn]:
    name = f"{prefix}{column.name}"
    mode = " REPEATED" if column.mode == "REPEATED" else ""
    yield dg.TableColumn(name=name, type=f"{column.type}{mode}", description=column.description)
    for part in column.columns:
        yield from _flat(part, f"{name}.")


def lineage_from(table: Table, asset: dg.AssetKey, *, api_names: bool) -> dg.TableColumnLineage:
    """Each column comes from one column of `asset`; raw records call some of them otherwise (`api_names`)."""
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(asset_key=asset, column_name=column.sent_as if api_names else column.name)
            ]
            for column in table.columns
        }
    )


@cache
def origins_table(table: Table) -> str:
    """Where each column comes from, as Markdown: Dagster's own pages show column lineage only when hosted."""
    lines = [f"| `{column.name}` | `{column.name}` | `{column.sent_as}` |" for column in table.columns]
    return "\n".join([f"| column | `{table.asset}` | {table.record} in API v4 |", "|---|---|---|", *lines])
