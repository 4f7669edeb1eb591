"""Whether what a warehouse says of a shard is what was loaded.

The warehouses ask themselves for count and columns; this compares. What to do with a shard that differs
(undo it, report it) is theirs.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from amocrm_assets.errors import ShardMismatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.warehouse import ShardLoad


def verify_shard(
    load: ShardLoad, table: str, *, row_count: int, columns: Sequence[str], expected: Sequence[str]
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
            fix="Materialise the day again, with nothing else writing to the table. Report it if it comes back.",
            table=table,
            subdomain=load.subdomain,
            day=load.day.isoformat(),
        )
