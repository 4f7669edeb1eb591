"""A column that shards have on request beside those of rows: what a reference table called an id at a row's time.

Rows do not have it: it is added when a shard is loaded, by `rows.shard_names`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.entities.table import Column


@dataclass(frozen=True)
class ShardName:
    """A `column` of names, directly behind the column of ids that `behind` names."""

    column: Column
    behind: str
    by: tuple[str, ...]
    """Columns of the record, in the order of the reference table's key."""
    table: str
    """The reference table, by its asset."""
    wanted: str
    """The attribute of a source's settings that switches the column on."""
