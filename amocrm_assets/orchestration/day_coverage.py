"""How far sources have come: which of their days have a shard.

Dagster's instance remembers; where no DAGSTER_HOME names one, as after `amocrm-assets demo`, the warehouse is
looked into. What is asked for next is `automation`'s affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.assets import shards_key
from amocrm_assets.orchestration.automation import days_by_other_midnights
from amocrm_assets.orchestration.partitions import days_of, last_days
from amocrm_assets.settings import dagster_home
from amocrm_assets.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from amocrm_assets.settings import Deployment, SourceSettings


@dataclass(frozen=True)
class Progress:
    """The last day with a shard, and the days that should have one and do not."""

    last_day: date | None
    missing: list[date]


def progress_of(source: SourceSettings, there: set[date], *, at: datetime) -> Progress:
    """Progress at a moment, over every day since the source's first, when these days have a shard."""
    passed = (at.astimezone(source.zone).date() - source.first_day).days
    missing = [day for day in last_days(source, at=at, count=max(passed, 0)) if day not in there]
    return Progress(max(there, default=None), missing)


def read_progress(
    sources: Sequence[SourceSettings], deployment: Deployment, *, at: datetime
) -> dict[str, Progress]:
    """Progress of each source, by subdomain."""
    there = _by_dagster(sources) if dagster_home() else _by_warehouse(sources, deployment)
    return {
        source.subdomain: progress_of(source, _of_present_days(source, there[source.subdomain]), at=at)
        for source in sources
    }


def _of_present_days(source: SourceSettings, there: set[date]) -> set[date]:
    """Those days whose captures were not all read by other midnights than the source's `timezone` has now."""
    return there - days_by_other_midnights(source, sorted(there))


def _by_dagster(sources: Sequence[SourceSettings]) -> dict[str, set[date]]:
    with dg.DagsterInstance.get() as instance:
        # Ten times as quick as the status of each partition, which matters for a hundred sources.
        return {
            source.subdomain: set(days_of(list(instance.get_materialized_partitions(shards_key(source)))))
            for source in sources
        }


def _by_warehouse(sources: Sequence[SourceSettings], deployment: Deployment) -> dict[str, set[date]]:
    warehouse = open_warehouse(deployment.warehouse)
    return {source.subdomain: set(warehouse.shard_days(source.subdomain)) for source in sources}
