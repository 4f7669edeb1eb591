"""What a warehouse needs and may not find: the rows of a load, a shard to read.

The errors say which asset makes it. What a warehouse itself refuses is known to its module.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from amocrm_assets.errors import WarehouseRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from amocrm_assets.warehouse import ShardLoad


def missing_shard(table: str, day: date) -> WarehouseRefused:
    """A shard that should be read is not there."""
    return WarehouseRefused(
        f"Reading {table}",
        cause="there is no such table.",
        fix=f"Materialise {day} first.",
        table=table,
        day=day.isoformat(),
    )


def no_shard(view: str) -> WarehouseRefused:
    """A view over shards is asked for, and there is none."""
    return WarehouseRefused(
        f"Writing the view {view}",
        cause="the account has no shard yet.",
        fix="Materialise a day first.",
        view=view,
    )


@contextmanager
def rows_of(load: ShardLoad) -> Iterator[None]:
    """What asks the storage for the rows of a load. A missing file becomes `WarehouseRefused`."""
    try:
        yield
    except FileNotFoundError as error:
        raise WarehouseRefused(
            f"Loading the rows of {load.day}",
            cause=f"there is no {load.rows} in the storage.",
            fix=f"Materialise the asset `leads` for {load.day} first.",
            subdomain=load.subdomain,
            day=load.day.isoformat(),
        ) from error
