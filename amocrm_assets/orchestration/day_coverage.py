"""The progress of sources: which of their days have a shard of each table.

A day is complete if the warehouse has its shards and, if DAGSTER_HOME is set, Dagster shows them as materialised.
`automation` decides what is materialised next.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.automation import days_by_other_midnights
from amocrm_assets.orchestration.partitions import last_days
from amocrm_assets.orchestration.shard_comparison import materialised_days
from amocrm_assets.orchestration.source_entities import scheduled
from amocrm_assets.settings import dagster_home
from amocrm_assets.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import Deployment, SourceSettings

    Days = set[date] | None


# `sources` should not seem to hang while another process writes to the warehouse.
_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Progress:
    """The last day with a shard, and the days whose shard is missing."""

    last_day: date | None
    missing: list[date]
    lost: list[date]
    """Missing days that Dagster shows as materialised: their tables were deleted, or have expired."""
    by_entity: Mapping[str, list[date]] = field(default_factory=dict)
    """The missing days of each entity that the source imports."""


@dataclass(frozen=True)
class Coverage:
    """Progress of each source, by subdomain. `problem` is why the warehouse could not be read, if so."""

    by_subdomain: Mapping[str, Progress]
    problem: str | None = None


@dataclass(frozen=True)
class _TableDays:
    """Days of one table of a source, in Dagster's history and in the warehouse."""

    in_history: Days
    in_warehouse: Days
    other_timezone: set[date]
    """Their shards exist, but contain the hours of another time zone than the source's present one."""

    @property
    def there(self) -> set[date]:
        """Days that exist in both, as far as both are known."""
        if self.in_history is None or self.in_warehouse is None:
            return (self.in_history or self.in_warehouse or set()) - self.other_timezone
        return (self.in_history & self.in_warehouse) - self.other_timezone

    @property
    def gone(self) -> set[date]:
        """Days that Dagster shows as materialised, and that do not exist."""
        return (self.in_history or set()) - self.other_timezone - self.there


def progress_of(
    source: SourceSettings, there: set[date], *, at: datetime, gone: Collection[date] = ()
) -> Progress:
    """Progress at a time, over every day since the source's first, if these days have their shards.

    `gone` are days with a missing shard that Dagster shows as materialised.
    """
    passed = (at.astimezone(source.zone).date() - source.first_day).days
    missing = [day for day in last_days(source, at=at, count=passed) if day not in there]
    lost = [day for day in missing if day in gone]
    return Progress(max(there, default=None), missing, lost)


def read_coverage(sources: Sequence[SourceSettings], deployment: Deployment, *, at: datetime) -> Coverage:
    """Progress of all sources, from Dagster's history and one listing of the warehouse for each table."""
    entities = {source.subdomain: scheduled(source) for source in sources}
    try:
        in_warehouse, problem = _held(entities, deployment), None
    except AmoCrmAssetsError as error:  # Dagster's history is still shown, with the reason why the rest is not
        in_warehouse, problem = None, str(error)
    in_history = _in_history(sources, entities)
    progress = {}
    for source in sources:
        days = {
            entity: [
                _days_of(
                    source,
                    entity,
                    in_history=in_history.get((source.subdomain, table)),
                    in_warehouse=None if in_warehouse is None else in_warehouse[table][source.subdomain],
                )
                for table in entity.tables
            ]
            for entity in entities[source.subdomain]
        }
        progress[source.subdomain] = _progress(source, days, at=at)
    return Coverage(progress, problem)


def _progress(source: SourceSettings, days: Mapping[Entity, Sequence[_TableDays]], *, at: datetime) -> Progress:
    """Progress of all entities together, and the missing days of each."""
    by_entity = {
        entity.name: set.intersection(*(each.there for each in tables)) for entity, tables in days.items()
    }
    gone = set.union(*(each.gone for tables in days.values() for each in tables))
    together = progress_of(source, set.intersection(*by_entity.values()), at=at, gone=gone)
    missing = {name: progress_of(source, there, at=at).missing for name, there in by_entity.items()}
    return replace(together, by_entity=missing)


def _days_of(source: SourceSettings, entity: Entity, *, in_history: Days, in_warehouse: Days) -> _TableDays:
    there = _TableDays(in_history, in_warehouse, other_timezone=set()).there
    return _TableDays(
        in_history, in_warehouse, other_timezone=days_by_other_midnights(entity, source, sorted(there))
    )


def _in_history(
    sources: Sequence[SourceSettings], entities: Mapping[str, Sequence[Entity]]
) -> dict[tuple[str, Table], set[date]]:
    """Dagster's history; nothing without DAGSTER_HOME."""
    if not dagster_home():
        return {}
    with dg.DagsterInstance.get() as instance:
        return {
            (source.subdomain, table): materialised_days(instance, table, source)
            for source in sources
            for entity in entities[source.subdomain]
            for table in entity.tables
        }


def _held(entities: Mapping[str, Sequence[Entity]], deployment: Deployment) -> dict[Table, dict[str, set[date]]]:
    """The shards of each table in the warehouse, by subdomain."""
    warehouse = open_warehouse(deployment.warehouse, wait_seconds=_WAIT_SECONDS)
    tables = {table for each in entities.values() for entity in each for table in entity.tables}
    return {
        table: {name: set(days) for name, days in warehouse.shard_days_of(table, list(entities)).items()}
        for table in tables
    }
