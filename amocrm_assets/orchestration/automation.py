"""When a source is materialised by itself: its job, its schedule, and how old its last shard may be.

The schedule asks for yesterday, and for days of the last week that are still missing: Dagster never catches up
on ticks that it missed, nor on days that failed. How a day is materialised is known to `assets`.
"""

from __future__ import annotations

from collections.abc import Iterator  # not for types alone: Dagster resolves the annotations of its functions
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.partitions import days_of, last_days, partitions_of
from amocrm_assets.untrusted import one_line

if TYPE_CHECKING:
    from datetime import date, datetime

    from amocrm_assets.settings import SourceSettings

LOOK_BACK_DAYS = 7
# A day of a large account takes an hour or two to read; after this it is worth looking at.
LATE_AFTER = timedelta(hours=6)
_THERE = (dg.AssetPartitionStatus.MATERIALIZED, dg.AssetPartitionStatus.IN_PROGRESS)
SOURCE_TAG, DAY_TAG = "amocrm/source", "amocrm/day"


def automation_of(source: SourceSettings, assets: list[dg.AssetKey]) -> dg.Definitions:
    """Job and schedule of a source, whose assets are given in the order of the data."""
    # All steps in one process: a process for each would cost more than most days take.
    job = dg.define_asset_job(
        f"{source.key}_leads",
        selection=dg.AssetSelection.assets(*assets),
        description=(
            f"Brings the leads of {escape(source.title)} that were updated on a day to the warehouse: `raw_leads`"
            " → `leads` → `amoCrmLeads`, with their checks.\n\nA range of days is one run that reads amoCRM once."
        ),
        tags={SOURCE_TAG: source.subdomain},
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(jobs=[job], schedules=[_schedule_of(source, job.name, assets[-1])])


def _schedule_of(source: SourceSettings, job: str, last_asset: dg.AssetKey) -> dg.ScheduleDefinition:
    """Every day, in the source's zone: the day that has just ended, and recent days that are missing."""

    @dg.schedule(
        name=f"{source.key}_daily",
        job_name=job,
        cron_schedule=f"{source.schedule.minute} {source.schedule.hour} * * *",
        execution_timezone=source.timezone,
        default_status=_first_state(source),
        # No Markdown: a schedule's page shows it as it is written.
        description=(
            f"Materialises the day that has just ended for {one_line(source.title)}, {source.timezone} time, and"
            f" the days of the last {LOOK_BACK_DAYS} that are missing.\n\nThe switch here rules once it was used;"
            " before, schedule.enabled in the source's defs.yaml does."
        ),
        tags={SOURCE_TAG: source.subdomain},
    )
    def daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not source.import_leads:
            yield dg.SkipReason("`import_leads` is false in the source's settings.")
            return
        tick = context.scheduled_execution_time
        missing = missing_days(context.instance, source, last_asset, at=tick)
        if not missing:
            yield dg.SkipReason(f"Each of the last {LOOK_BACK_DAYS} days is there already or on its way.")
        for day in missing:
            yield dg.RunRequest(
                # One request a day and tick, however often the daemon evaluates the tick.
                run_key=f"{day} at {tick.isoformat()}",
                partition_key=day.isoformat(),
                tags={SOURCE_TAG: source.subdomain, DAY_TAG: day.isoformat()},
            )

    return daily


def missing_days(
    instance: dg.DagsterInstance, source: SourceSettings, asset: dg.AssetKey, *, at: datetime
) -> list[date]:
    """Days of the look-back that have no materialisation of `asset`, and no run that is making one."""
    keys = [day.isoformat() for day in last_days(source, at=at, count=LOOK_BACK_DAYS)]
    states = instance.get_status_by_partition(asset, keys, partitions_of(source)) or {}
    return days_of([key for key in keys if states.get(key) not in _THERE])


def freshness_of(source: SourceSettings) -> dg.FreshnessPolicy | None:
    """A day's shard is there a few hours after the schedule's time; nothing is expected where it is off."""
    if not (source.schedule.enabled and source.import_leads):
        return None
    start = timedelta(hours=source.schedule.hour, minutes=source.schedule.minute)
    minutes = int((start + LATE_AFTER) / timedelta(minutes=1)) % (24 * 60)
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{minutes % 60} {minutes // 60} * * *",
        lower_bound_delta=LATE_AFTER,
        timezone=source.timezone,
    )


def _first_state(source: SourceSettings) -> dg.DefaultScheduleStatus:
    on = source.schedule.enabled and source.import_leads
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
