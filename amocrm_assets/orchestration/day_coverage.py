"""How far sources have come: which of their days have a shard.

A day is there if the warehouse has its shard and, where DAGSTER_HOME names a history, Dagster shows it as
materialised. What is materialised next is decided in `automation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.automation import days_by_other_midnights
from amocrm_assets.orchestration.partitions import last_days
from amocrm_assets.orchestration.shard_comparison import materialised_days
from amocrm_assets.settings import dagster_home
from amocrm_assets.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, datetime

    from amocrm_assets.settings import Deployment, SourceSettings


# `sources` should not seem to hang because somebody writes to the warehouse.
_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Progress:
    """The last day with a shard, and the days that should have one and do not."""

    last_day: date | None
    missing: list[date]
    lost: list[date]
    """Those of the missing that Dagster shows as materialised: their tables were deleted, or have expired."""


@dataclass(frozen=True)
class Coverage:
    """Progress of each source, by subdomain. `problem` is why the warehouse could not be asked, if so."""

    by_subdomain: Mapping[str, Progress]
    problem: str | None = None


def progress_of(
    source: SourceSettings, there: set[date], *, at: datetime, believed: Collection[date] = ()
) -> Progress:
    """Progress at a moment, over every day since the source's first, when these days have a shard.

    `believed` are the days that Dagster shows as materialised.
    """
    passed = (at.astimezone(source.zone).date() - source.first_day).days
    missing = [day for day in last_days(source, at=at, count=max(passed, 0)) if day not in there]
    lost = [day for day in missing if day in believed]
    return Progress(max(there, default=None), missing, lost)


def read_coverage(sources: Sequence[SourceSettings], deployment: Deployment, *, at: datetime) -> Coverage:
    """Progress of all sources, from Dagster's history and one listing of the warehouse."""
    try:
        held, problem = _held(sources, deployment), None
    except AmoCrmAssetsError as error:  # who asks still learns what Dagster knows, and why it is not more
        held, problem = None, str(error)
    believed = _believed(sources)
    progress = {}
    for source in sources:
        shards = None if held is None else held[source.subdomain]
        days = believed.get(source.subdomain)
        there = _both(days, shards)
        # Their shards are there, and hold the hours between other midnights than the source has now.
        otherwise = days_by_other_midnights(source, sorted(there))
        progress[source.subdomain] = progress_of(
            source, there - otherwise, at=at, believed=(days or set()) - otherwise
        )
    return Coverage(progress, problem)


def _both(believed: set[date] | None, held: set[date] | None) -> set[date]:
    """Days that are there by everything that is known."""
    if believed is None or held is None:
        return believed or held or set()
    return believed & held


def _believed(sources: Sequence[SourceSettings]) -> dict[str, set[date]]:
    """What Dagster shows; nothing where no DAGSTER_HOME names its history."""
    if not dagster_home():
        return {}
    with dg.DagsterInstance.get() as instance:
        return {source.subdomain: materialised_days(instance, source) for source in sources}


def _held(sources: Sequence[SourceSettings], deployment: Deployment) -> dict[str, set[date]]:
    warehouse = open_warehouse(deployment.warehouse, wait_seconds=_WAIT_SECONDS)
    listed = warehouse.shard_days_of(LEADS.table, [source.subdomain for source in sources])
    return {subdomain: set(days) for subdomain, days in listed.items()}
