"""Verifies that rows and shards exist and agree.

The warehouses query count and columns of a shard; the comparison is here, with the errors for missing rows or
shards. The caller decides what to do with a shard that differs (roll back, report).
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING

from amocrm_assets.errors import ShardMismatch, WarehouseRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from amocrm_assets.entities import Table
    from amocrm_assets.warehouse import Load


def verify_shard(
    load: Load, table: str, *, row_count: int, columns: Sequence[str], expected: Sequence[str]
) -> None:
    """Compare a shard with its rows. Columns are written `name TYPE MODE`, in order.

    Raises `ShardMismatch`.
    """
    differences = [
        f"column {number} is {held or 'missing'}, not {wanted or 'in the schema'}"
        for number, (held, wanted) in enumerate(zip_longest(columns, expected), start=1)
        if held != wanted
    ]
    if row_count != load.row_count:
        differences.insert(0, f"it holds {row_count} rows, and {load.row_count} were loaded")
    if differences:
        raise ShardMismatch(
            f"Verifying {table} after its load",
            cause=f"{'; '.join(differences)}.",
            fix="Materialise it again, with nothing else writing to the table. Report it if it comes back.",
            table=table,
            subdomain=load.subdomain,
            day=load.day.isoformat() if load.day else None,
        )


def missing_shard(table: Table, name: str, day: date) -> WarehouseRefused:
    """The error for reading a shard that does not exist."""
    return WarehouseRefused(
        f"Reading {name}",
        cause="there is no such table.",
        fix=f"Materialise `{table.warehouse_name}` for {day} first.",
        table=name,
        day=day.isoformat(),
    )


def require_columns(table: Table, name: str, day: date, held: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise `WarehouseRefused` for a shard that was loaded without a requested column."""
    if missing := [column for column in wanted if column not in held]:
        raise WarehouseRefused(
            f"Reading {name}",
            cause=f"it has no column {', '.join(missing)}: it was loaded before the source's settings wanted it.",
            fix=f"Materialise `{table.warehouse_name}` for {day}, which sends no requests to amoCRM.",
            table=name,
            day=day.isoformat(),
        )


@contextmanager
def rows_of(load: Load) -> Iterator[None]:
    """Turns a missing rows file of a load into `WarehouseRefused`."""
    try:
        yield
    except FileNotFoundError as error:
        of_day = f" for {load.day}" if load.day else ""
        raise WarehouseRefused(
            f"Loading the rows of {load.day or load.table.name_of(load.subdomain, None)}",
            cause=f"there is no {load.rows} in the storage.",
            fix=f"Materialise the asset `{load.table.asset}`{of_day} first.",
            subdomain=load.subdomain,
            day=load.day.isoformat() if load.day else None,
        ) from error
