"""Partition days of a source: all of them, those of a run, and the last ones that have ended.

A day starts and ends at midnight in the source's time zone: it may have 23 or 25 hours. For materialising
a day see `assets`, for launching it `automation`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.names import PARTITION, RANGE_END, RANGE_START

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from amocrm_assets.settings import SourceSettings

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def partitions_of(source: SourceSettings) -> dg.DailyPartitionsDefinition:
    """A partition for each day that has ended, from the source's first day on."""
    return _daily_partitions(source.start_date, source.timezone)


@cache
def _daily_partitions(start_date: str, timezone: str) -> dg.DailyPartitionsDefinition:
    """Shared by all assets of all sources that begin on a day, because it caches its partitions."""
    return dg.DailyPartitionsDefinition(start_date=start_date, timezone=timezone)


def days_of(partition_keys: Sequence[str]) -> list[date]:
    """The days of partition keys, in order."""
    return sorted(date.fromisoformat(key) for key in partition_keys)


def last_days(source: SourceSettings, *, at: datetime, count: int) -> list[date]:
    """The last `count` days that have ended at that time in the source's time zone, none before its first day."""
    today = at.astimezone(source.zone).date()
    days = [today - timedelta(days=back) for back in range(count, 0, -1)]
    return [day for day in days if day >= source.first_day]


def days_of_run(run: dg.DagsterRun) -> tuple[date, date] | None:
    """First and last day of a run; None for a run without days, such as one of a user's own partitions.

    A check has no partitions; those of its run are only in the run's tags.
    """
    keys = partition_keys_of_run(run)
    if keys is None or not all(map(_DAY.fullmatch, keys)):
        return None
    first, last = map(date.fromisoformat, keys)
    return first, last


def materialisations_of_run(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetMaterialization]:
    """What a run has materialised, one for each asset and partition, from Dagster's instance."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    return [each.asset_materialization for each in records if each.asset_materialization]


def partition_keys_of_run(run: dg.DagsterRun) -> tuple[str, str] | None:
    """First and last partition of a run by its tags; of a user's own job they may be no days."""
    first = run.tags.get(RANGE_START) or run.tags.get(PARTITION)
    last = run.tags.get(RANGE_END) or run.tags.get(PARTITION)
    return (first, last) if first and last else None
