"""An optional additional column of shards: the name of an id at a row's time, from a reference table.

Rows do not have it: `rows.shard_names` adds it when a shard is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.entities.table import Column


@dataclass(frozen=True)
class ShardName:
    """A `column` of names, directly after the column of ids `behind`."""

    column: Column
    behind: str
    by: tuple[str, ...]
    """Columns of the record, in the order of the reference table's key."""
    table: str
    """The reference table, by its asset."""
    wanted: str
    """The attribute of a source's settings that switches the column on."""
