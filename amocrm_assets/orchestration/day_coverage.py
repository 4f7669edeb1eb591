"""How far sources have come: which of their days have a shard of each table.

A day is there if the warehouse has its shards and, where DAGSTER_HOME names a history, Dagster shows them as
materialised. What is materialised next is decided in `automation`.
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


# `sources` should not seem to hang because somebody writes to the warehouse.
_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Progress:
    """The last day with a shard, and the days that should have one and do not."""

    last_day: date | None
    missing: list[date]
    lost: list[date]
    """Those of the missing that Dagster shows as materialised: their tables were deleted, or have expired."""
    by_entity: Mapping[str, list[date]] = field(default_factory=dict)
    """The missing days of each entity that the source imports."""


@dataclass(frozen=True)
class Coverage:
    """Progress of each source, by subdomain. `problem` is why the warehouse could not be asked, if so."""

    by_subdomain: Mapping[str, Progress]
    problem: str | None = None


@dataclass(frozen=True)
class _TableDays:
    """Days of one table of a source, as far as they are known: what Dagster shows, what the warehouse holds."""

    believed: Days
    held: Days
    otherwise: set[date]
    """Their shards are there, and hold the hours between other midnights than the source has now."""

    @property
    def there(self) -> set[date]:
        """Days that are there by everything that is known."""
        if self.believed is None or self.held is None:
            return (self.believed or self.held or set()) - self.otherwise
        return (self.believed & self.held) - self.otherwise

    @property
    def gone(self) -> set[date]:
        """Days that Dagster shows as materialised, and that are not there."""
        return (self.believed or set()) - self.otherwise - self.there


def progress_of(
    source: SourceSettings, there: set[date], *, at: datetime, gone: Collection[date] = ()
) -> Progress:
    """Progress at a moment, over every day since the source's first, when these days have their shards.

    `gone` are days of which Dagster shows a shard that is not there.
    """
    passed = (at.astimezone(source.zone).date() - source.first_day).days
    missing = [day for day in last_days(source, at=at, count=max(passed, 0)) if day not in there]
    lost = [day for day in missing if day in gone]
    return Progress(max(there, default=None), missing, lost)


def read_coverage(sources: Sequence[SourceSettings], deployment: Deployment, *, at: datetime) -> Coverage:
    """Progress of all sources, from Dagster's history and one listing of the warehouse for each table."""
    entities = {source.subdomain: scheduled(source) for source in sources}
    try:
        held, problem = _held(entities, deployment), None
    except AmoCrmAssetsError as error:  # who asks still learns what Dagster knows, and why it is not more
        held, problem = None, str(error)
    believed = _believed(sources, entities)
    progress = {}
    for source in sources:
        days = {
            entity: [
                _days_of(
                    source,
                    entity,
                    believed=believed.get((source.subdomain, table)),
                    held=None if held is None else held[table][source.subdomain],
                )
                for table in entity.tables
            ]
            for entity in entities[source.subdomain]
        }
        progress[source.subdomain] = _progress(source, days, at=at)
    return Coverage(progress, problem)


def _progress(source: SourceSettings, days: Mapping[Entity, Sequence[_TableDays]], *, at: datetime) -> Progress:
    """Progress of all entities together, and which days each of them misses."""
    by_entity = {
        entity.name: set.intersection(*(each.there for each in tables)) for entity, tables in days.items()
    }
    gone = set.union(*(each.gone for tables in days.values() for each in tables))
    together = progress_of(source, set.intersection(*by_entity.values()), at=at, gone=gone)
    missing = {name: progress_of(source, there, at=at).missing for name, there in by_entity.items()}
    return replace(together, by_entity=missing)


def _days_of(source: SourceSettings, entity: Entity, *, believed: Days, held: Days) -> _TableDays:
    there = _TableDays(believed, held, otherwise=set()).there
    return _TableDays(believed, held, otherwise=days_by_other_midnights(entity, source, sorted(there)))


def _believed(
    sources: Sequence[SourceSettings], entities: Mapping[str, Sequence[Entity]]
) -> dict[tuple[str, Table], set[date]]:
    """What Dagster shows; nothing where no DAGSTER_HOME names its history."""
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
    """What the warehouse holds of each table, by subdomain."""
    warehouse = open_warehouse(deployment.warehouse, wait_seconds=_WAIT_SECONDS)
    tables = {table for each in entities.values() for entity in each for table in entity.tables}
    return {
        table: {name: set(days) for name, days in warehouse.shard_days_of(table, list(entities)).items()}
        for table in tables
    }
