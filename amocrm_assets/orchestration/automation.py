"""Automation of a source: its job, its schedule, and its freshness policy.

The schedule launches yesterday and the missing days of the last week: Dagster itself does not catch up on missed
ticks or failed days. Shards of that week that are missing in the warehouse are loaded again. For which days
share a run see `day_ranges`, for materialising a day `assets`.
"""

from __future__ import annotations

from collections.abc import (  # not only for types: Dagster resolves the annotations of its functions
    Iterator,
)
from datetime import timedelta
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.assets import chain_keys, raw_key, shards_key
from amocrm_assets.orchestration.day_ranges import DayRange, neighbours, ranges_to_ask
from amocrm_assets.orchestration.documents import listed, not_imported
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.names import DAY_TAG, SOURCE_TAG, job_name, schedule_name
from amocrm_assets.orchestration.partitions import last_days, partitions_of
from amocrm_assets.orchestration.source_entities import imported
from amocrm_assets.untrusted import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.settings import SourceSettings

    DayStates = dict[date, dg.AssetPartitionStatus | None]

LOOK_BACK_DAYS = 7
# A day of a large account takes an hour or two to read; after this time it counts as late.
LATE_AFTER = timedelta(hours=6)
_DONE = dg.AssetPartitionStatus.MATERIALIZED
THERE = (_DONE, dg.AssetPartitionStatus.IN_PROGRESS)
# States of one day in several tables: the last one in this order is the state of all.
_BEHIND = (*THERE, None, dg.AssetPartitionStatus.FAILED)
# A tick has one minute; if the warehouse is locked for longer, the next tick checks it.
_WAIT_SECONDS = 15.0


def automation_of(
    source: SourceSettings,
    entities: Sequence[Entity],
    *,
    once_a_run: Sequence[dg.AssetKey] = (),
    after_rows: Sequence[dg.AssetKey] = (),
) -> dg.Definitions:
    """Job and schedule of a source, which materialise these entities.

    `once_a_run` are assets without partitions, which are part of every run; of only one if a tick launches
    several. `after_rows` are such assets that are made of rows, and part of every run that writes rows.
    """
    assets = [key for entity in entities for key in chain_keys(entity, source)]
    names = listed([entity.table.records for entity in entities])
    dated = " or ".join(dict.fromkeys(entity.table.is_dated for entity in entities))
    chains = ", ".join(
        f"`{entity.raw_asset}` → `{table.asset}` → `{table.warehouse_name}`"
        for entity in entities
        for table in entity.tables
    )
    off = not_imported(source, entities)
    # All steps in one process: starting a process for each would take longer than most days.
    job = dg.define_asset_job(
        job_name(source.key),
        selection=dg.AssetSelection.assets(*assets, *once_a_run, *after_rows),
        description=(
            f"{off}Loads the {names} of {escape(source.title)} that were {dated} on a day into the"
            f" warehouse: {chains}, with their checks.\n\nA range of days is one run that reads amoCRM once."
            + (" Each run also reads the reference lists once." if once_a_run else "")
        ),
        tags={SOURCE_TAG: source.subdomain},
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(jobs=[job], schedules=[_schedule_of(source, job.name, entities, once_a_run, after_rows)])


def _schedule_of(
    source: SourceSettings,
    job: str,
    entities: Sequence[Entity],
    once_a_run: Sequence[dg.AssetKey],
    after_rows: Sequence[dg.AssetKey],
) -> dg.ScheduleDefinition:
    """Every day, in the source's time zone: the day that has just ended, and recent missing days."""
    off = not_imported(source, entities)

    @dg.schedule(
        name=schedule_name(source.key),
        job_name=job,
        cron_schedule=f"{source.schedule.minute} {source.schedule.hour} * * *",
        execution_timezone=source.timezone,
        default_status=_first_state(source, entities),
        # No Markdown: a schedule's page does not render it.
        description=(
            f"{off}Materialises the day that has just ended for {one_line(source.title)},"
            f" {source.timezone} time, and the days of the last {LOOK_BACK_DAYS} that are missing; a shard that is"
            " gone is loaded from its rows.\n\nOnce you use the switch here, it overrides schedule.enabled in the"
            " source's defs.yaml."
        ),
        tags={SOURCE_TAG: source.subdomain},
    )
    def daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not (wanted := imported(source, entities)):
            off = ", ".join(f"`{entity.choices.imported}`" for entity in entities)
            yield dg.SkipReason(f"{off} is false in the source's settings.")
            return
        requests = _requests(context, source, wanted, once_a_run, after_rows)
        if not requests:
            yield dg.SkipReason(f"Each of the last {LOOK_BACK_DAYS} days is already loaded or in progress.")
        yield from requests

    return daily


def _requests(
    context: dg.ScheduleEvaluationContext,
    source: SourceSettings,
    entities: Sequence[Entity],
    once_a_run: Sequence[dg.AssetKey],
    after_rows: Sequence[dg.AssetKey],
) -> list[dg.RunRequest]:
    """A run for each range of missing days, of the entities that miss it, and for missing shards.

    Of several runs of one tick, the first that reads amoCRM has the assets without partitions.
    """
    tick = context.scheduled_execution_time
    wanted: dict[DayRange, list[dg.AssetKey]] = {}
    for entity in entities:
        for days, assets in _missing(context, source, entity):
            wanted.setdefault(days, []).extend(assets)
    whole = [key for entity in entities for key in chain_keys(entity, source)]
    raw = {raw_key(entity, source) for entity in entities}
    reading = next((days for days, assets in sorted(wanted.items()) if not raw.isdisjoint(assets)), None)
    requests = []
    for days, assets in sorted(wanted.items()):
        more = [*(once_a_run if days == reading else ()), *(() if raw.isdisjoint(assets) else after_rows)]
        all_of_it = set(assets) == set(whole) and len(more) == len(once_a_run) + len(after_rows)
        requests.append(_request(source, days, tick, only=None if all_of_it else [*assets, *more]))
    return requests


def _missing(
    context: dg.ScheduleEvaluationContext, source: SourceSettings, entity: Entity
) -> Iterator[tuple[DayRange, list[dg.AssetKey]]]:
    """Ranges of days that an entity misses, with the assets to materialise."""
    tick = context.scheduled_execution_time
    by_table = {t: day_states(context.instance, source, shards_key(t, source), at=tick) for t in entity.tables}
    states = _together(list(by_table.values()))
    done = {table: [day for day, state in each.items() if state == _DONE] for table, each in by_table.items()}
    otherwise = _otherwise(context, entity, source, sorted(set().union(*done.values())))
    missing = [day for day, state in states.items() if state not in THERE or day in otherwise]
    captures = day_states(context.instance, source, raw_key(entity, source), at=tick) if missing else {}
    ranges = ranges_to_ask(
        missing,
        captured=[day for day, state in captures.items() if state == _DONE and day not in otherwise],
        failed=[day for day, state in states.items() if state == dg.AssetPartitionStatus.FAILED],
    )
    yield from ((days, chain_keys(entity, source)) for days in ranges)
    # A missing shard is loaded again from its rows, without requests to amoCRM.
    for table, on_days_done in done.items():
        there = [day for day in on_days_done if day not in missing]
        for days in neighbours(_lost_days(context, table, source, there)):
            yield days, [shards_key(table, source)]


def _together(by_table: Sequence[DayStates]) -> DayStates:
    """The state of each day: that of the entity's table that is the furthest behind."""
    return {day: max((states[day] for states in by_table), key=_BEHIND.index) for day in by_table[0]}


def _request(
    source: SourceSettings, days: DayRange, tick: datetime, *, only: Sequence[dg.AssetKey] | None = None
) -> dg.RunRequest:
    return dg.RunRequest(
        # One run for the days and tick, even if the daemon evaluates the tick several times.
        run_key=f"{days} at {tick.isoformat()}",
        partition_key=days.partition_key,
        asset_selection=only,
        tags={SOURCE_TAG: source.subdomain, DAY_TAG: str(days), **days.tags},
    )


def day_states(
    instance: dg.DagsterInstance, source: SourceSettings, asset: dg.AssetKey, *, at: datetime
) -> DayStates:
    """The state of the days of the look-back in Dagster."""
    days = last_days(source, at=at, count=LOOK_BACK_DAYS)
    keys = [day.isoformat() for day in days]
    states = instance.get_status_by_partition(asset, keys, partitions_of(source)) or {}
    return {day: states.get(key) for day, key in zip(days, keys, strict=True)}


def _lost_days(
    context: dg.ScheduleEvaluationContext, table: Table, source: SourceSettings, done: list[date]
) -> list[date]:
    """Days of the look-back that are materialised, and whose shard is missing in the warehouse."""
    from amocrm_assets.settings import Deployment
    from amocrm_assets.warehouse import open_warehouse

    if not done:
        return []
    try:
        warehouse = open_warehouse(Deployment.from_environment().warehouse, wait_seconds=_WAIT_SECONDS)
        held = warehouse.shard_days(table, source.subdomain)
    except AmoCrmAssetsError as error:  # the other runs are launched, and fail themselves if the problem persists
        context.log.warning("Could not check for missing shards: %s", error)
        return []
    return [day for day in done if day not in held]


def _otherwise(
    context: dg.ScheduleEvaluationContext, entity: Entity, source: SourceSettings, done: list[date]
) -> set[date]:
    """Days of the look-back that are materialised, and were read in another time zone than the present one."""
    try:
        return days_by_other_midnights(entity, source, done)
    except AmoCrmAssetsError as error:  # the other runs are launched, and the next tick checks again
        context.log.warning("Could not check captures: %s", error)
        return set()


def days_by_other_midnights(entity: Entity, source: SourceSettings, days: Sequence[date]) -> set[date]:
    """Days that were read before the source's `timezone` was changed: their shards contain other hours."""
    from amocrm_assets.captures import captures_by_day, days_read_otherwise
    from amocrm_assets.settings import Deployment
    from amocrm_assets.storage import open_storage

    if not days:
        return set()
    storage = open_storage(Deployment.from_environment().storage)
    return set(
        days_read_otherwise(entity, storage, source, days, captures_by_day(entity, storage, source.subdomain))
    )


def freshness_of(entity: Entity, source: SourceSettings) -> dg.FreshnessPolicy | None:
    """A day's shard must exist at the first full hour six hours after the schedule's time, if it is on."""
    if not (source.schedule.enabled and entity.choices.is_imported(source)):
        return None
    # At a full hour, so that sources whose minutes are staggered share one policy.
    start = timedelta(hours=source.schedule.hour, minutes=source.schedule.minute)
    hour = ceil((start + LATE_AFTER) / timedelta(hours=1)) % 24
    return _daily_freshness(hour, source.timezone)


@cache
def _daily_freshness(hour: int, timezone: str) -> dg.FreshnessPolicy:
    """Shared by all sources with this deadline: Dagster evaluates a thousand of its times whenever one is made."""
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {hour} * * *",
        # Begins before the schedule's time, even if the deadline was moved to the full hour.
        lower_bound_delta=LATE_AFTER + timedelta(hours=1),
        timezone=timezone,
    )


def _first_state(source: SourceSettings, entities: Sequence[Entity]) -> dg.DefaultScheduleStatus:
    on = source.schedule.enabled and bool(imported(source, entities))
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
