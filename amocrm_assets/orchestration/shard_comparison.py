"""Compares the shards of a source with its rows and with Dagster's history.

For any number of days the warehouse is listed once. Rows are counted only for the days of a run; missing shards,
and those that will expire, are found on all days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.assets import shards_key
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.partitions import days_of
from amocrm_assets.rows.stored import days_with_rows, row_count

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date, datetime

    import dagster as dg

    from amocrm_assets.entities import Table
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse

_MAX_EXAMPLES = 5


@dataclass
class ShardComparison:
    """Days by problem with their shard. A day may have several problems."""

    table: Table
    looked_at: list[date]
    gone: list[date] = field(default_factory=list)
    """There should be a shard by Dagster or by the rows, and the warehouse has none."""
    without_rows: list[date] = field(default_factory=list)
    differing: dict[date, tuple[int, int]] = field(default_factory=dict)
    """A different number of rows: the shard's, and that of the rows."""
    unreadable: dict[date, ActionRequired] = field(default_factory=dict)
    expiring: Mapping[date, datetime] = field(default_factory=dict)
    otherwise: list[date] = field(default_factory=list)
    """With the column of names although the source does not want it, or the other way round."""

    @property
    def bad_days(self) -> list[date]:
        """All days with something wrong, in order."""
        parts = (self.gone, self.without_rows, self.differing, self.unreadable, self.expiring, self.otherwise)
        return sorted({day for part in parts for day in part})

    @property
    def examples(self) -> str:
        """The first days with different counts, or with rows that cannot be read."""
        differences = [f"{day}: {held} instead of {wanted} rows" for day, (held, wanted) in self.differing.items()]
        differences += [f"{day}: {error.cause}" for day, error in self.unreadable.items()]
        return "; ".join(differences[:_MAX_EXAMPLES])

    def __str__(self) -> str:
        """The problems, each with its fix."""
        return " ".join(f"{problem} {fix}" for problem, fix in self._messages)

    @property
    def cause(self) -> str:
        """The problems without their fixes."""
        return " ".join(problem for problem, _ in self._messages)

    @property
    def fix(self) -> str:
        """The fixes, each once; those for all days with problems."""
        return " ".join(dict.fromkeys(fix for _, fix in self._messages))

    @property
    def _messages(self) -> list[tuple[str, str]]:
        """A problem and its fix for each kind that there is."""
        named = self.table.shard_name_column
        words = {
            "rows": self.table.asset,
            "shards": self.table.warehouse_name,
            "wanted": named.wanted if named else "",
            "column": named.column.name if named else "",
        }
        return [
            (problem.format(days=in_words(days), **words), fix.format(**words))
            for days, (problem, fix) in (
                (self.gone, _GONE),
                (list(self.differing), _DIFFERING),
                (self.without_rows, _WITHOUT_ROWS),
                (list(self.unreadable), _UNREADABLE),
                (list(self.expiring), _EXPIRING),
                (self.otherwise, _OTHERWISE),
            )
            if days
        ]


# A problem and its fix.
_LOAD = "Materialise `{shards}` for these days: it loads the rows again and sends no requests to amoCRM."
_GONE = "Shards are gone from the warehouse, or were never loaded: {days}.", _LOAD
_DIFFERING = "Shards hold another number of rows than `{rows}`: {days}.", _LOAD
_WITHOUT_ROWS = (
    "Shards have no rows in the storage: {days}.",
    (
        "Check that AMOCRM_STORAGE names the storage that they were loaded from; if it does, materialise `{rows}`"
        " and `{shards}` for these days, which sends no requests to amoCRM."
    ),
)
_UNREADABLE = "Rows cannot be read: {days}.", "Materialise `{rows}` and `{shards}` for these days."
_EXPIRING = (
    "The warehouse is going to delete shards by itself, because they have an expiration time: {days}.",
    (
        "Materialise `{shards}` for these days: it removes the expiration, without requests to amoCRM"
        " (docs/bigquery.md, Tables that expire)."
    ),
)
_OTHERWISE = (
    (
        "`{wanted}` was changed, and these shards were loaded before, with or without the column `{column}`:"
        " {days}. All shards of a source should have the same columns."
    ),
    _LOAD,
)


def compare_shards(
    table: Table,
    source: SourceSettings,
    storage: Storage,
    warehouse: Warehouse,
    *,
    materialised: Collection[date],
    bounds: tuple[date, date] | None,
) -> ShardComparison:
    """Compare the shards of a table. `bounds` are first and last day of the run; None is all days.

    A run of some days counts only their rows. For other days with rows it expects a shard only if Dagster shows
    one: another run may be about to load them.
    """
    held, rows = warehouse.shard_days(table, source.subdomain), days_with_rows(table, storage, source.subdomain)
    asked = [day for day in rows if bounds is None or bounds[0] <= day <= bounds[1]]
    believed = {day for day in materialised if day >= source.first_day}
    found = ShardComparison(table, asked)
    found.gone = sorted((believed | set(asked)) - held.keys())
    found.without_rows = [day for day in held if day >= source.first_day and day not in set(rows)]
    found.expiring = warehouse.expirations(table, source.subdomain)
    if named := table.shard_name_column:
        having = warehouse.days_with_column(table, source.subdomain, named.column.name)
        wanted = set(held if getattr(source, named.wanted) else ())
        found.otherwise = sorted(day for day in having ^ wanted if day >= source.first_day)
    _compare_counts(found, source, storage, held)
    return found


def _compare_counts(
    found: ShardComparison, source: SourceSettings, storage: Storage, held: Mapping[date, int]
) -> None:
    for day in found.looked_at:
        if day not in held:
            continue
        try:
            wanted = row_count(found.table, storage, source.subdomain, day)
        except ActionRequired as error:  # a damaged file fails its own day only
            found.unreadable[day] = error
            continue
        if held[day] != wanted:
            found.differing[day] = held[day], wanted


def materialised_days(instance: dg.DagsterInstance, table: Table, source: SourceSettings) -> set[date]:
    """Days whose shard Dagster shows as materialised."""
    # Ten times as fast as the status of each partition, which matters for a hundred sources.
    return set(days_of(list(instance.get_materialized_partitions(shards_key(table, source)))))
