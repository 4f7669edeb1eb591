"""The table of all others: their rows, the times of reading and loading, and whether the reading was complete.

It distinguishes an account without activity from loads that have stopped. For its rows see `rows.loads`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities.table import Column, WholeTable

if TYPE_CHECKING:
    from datetime import datetime

_FINDING = (
    Column("list", "STRING", "The list of the account."),
    Column("kind", "STRING", "Kind of finding, in a word."),
    Column("may_miss", "BOOLEAN", "Whether records may be missing because of it."),
    Column("cause", "STRING", "What was noticed."),
    Column("fix", "STRING", "What to do about it."),
)

LOADS = WholeTable(
    asset="amoCrmLoads",
    warehouse_name="amoCrmLoads",
    record="load",
    records="loads",
    columns=(
        Column("table", "STRING", "The table, without account and day, such as `amoCrmUsers`."),
        Column("day", "DATE", "Day of the shard; null for a table that the account has once."),
        Column("rows", "INTEGER", "Number of rows, by the warehouse's own count."),
        Column(
            "captured_at",
            "TIMESTAMP",
            "When its newest reading began, from captures; null if they were removed.",
        ),
        Column("loaded_at", "TIMESTAMP", "When it was last loaded, from the warehouse."),
        Column(
            "is_complete",
            "BOOLEAN",
            "Whether that reading was verified as complete. Null if its capture was removed, or does not record"
            " this because an earlier version wrote it.",
        ),
        Column("findings", "RECORD", "What could not be verified in that reading.", "REPEATED", _FINDING),
    ),
    preview=(),
    whole_words="of all tables, a row each",
    key=("table", "day"),
)


@dataclass(frozen=True)
class HeldTable:
    """A table in the warehouse, by its name there. `loaded_at` is None if unknown."""

    name: str
    row_count: int
    loaded_at: datetime | None
