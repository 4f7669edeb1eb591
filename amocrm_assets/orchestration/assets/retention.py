"""The asset that removes a source's old captures, with job and schedule, where `keep_captures_days` is set.

For when captures may be removed, and what replaces them, see `retention`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import ENTITIES, Entity
from amocrm_assets.orchestration.amocrm_resource import settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, retention_key, rows_key
from amocrm_assets.orchestration.checks import verdict
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import text_table
from amocrm_assets.orchestration.names import (
    DEPLOYMENT,
    RETENTION,
    SOURCE_TAG,
    op_name,
    resource_key,
    retention_name,
)
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.source_entities import shown
from amocrm_assets.orchestration.steps import whole_step
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.retention import HeldBack, RemovedCaptures

CHECK = "old_captures_removed"
# After the day's own run, which holds the account while it reads.
_HOURS_LATER = 3


def retention_of(
    source: SourceSettings, retries: Retries, entities: Sequence[Entity] = ENTITIES
) -> dg.AssetsDefinition:
    """The asset of a source that removes old captures, of entities that are switched off by now, too."""

    @dg.multi_asset(
        name=op_name(source, RETENTION),
        specs=[_spec(source, entities)],
        check_specs=[_check_spec(source)],
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def capture_retention(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        from amocrm_assets.retention import remove_old_captures

        amocrm: AmoCrmDeployment = context.resources.amocrm
        before = datetime.now(UTC) - timedelta(days=source.keep_captures_days or 0)
        with whole_step(context, retries):
            storage, settings = amocrm.storage(), settings_of_run(context, source)
            outcomes = [
                each
                for entity in entities
                for each in remove_old_captures(entity, storage, settings, before=before)
            ]
        yield dg.MaterializeResult(metadata=_metadata(before, outcomes), check_results=[_check_result(outcomes)])

    return capture_retention


def retention_schedule(source: SourceSettings) -> dg.Definitions:
    """The job that removes old captures, and its schedule: every day."""
    job = dg.define_asset_job(
        retention_name(source.key),
        selection=dg.AssetSelection.assets(retention_key(source)),
        description=(
            f"Removes the captures of {escape(source.title)} that are older than {source.keep_captures_days} days."
        ),
        tags={SOURCE_TAG: source.subdomain},
        executor_def=dg.in_process_executor,
    )
    schedule = dg.ScheduleDefinition(
        name=retention_name(source.key),
        job_name=job.name,
        cron_schedule=f"{source.schedule.minute} {(source.schedule.hour + _HOURS_LATER) % 24} * * *",
        execution_timezone=source.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        tags={SOURCE_TAG: source.subdomain},
        description=f"Removes captures that are older than {source.keep_captures_days} days.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])


def _spec(source: SourceSettings, entities: Sequence[Entity]) -> dg.AssetSpec:
    tables = [table for entity in shown(source, entities) for table in entity.tables]
    return asset_spec(
        source,
        RETENTION,
        deps=[rows_key(table, source) for table in tables],
        kinds={"json"},
        is_partitioned=False,
        description=(
            f"Removes captures of {escape(source.title)} that are older than {source.keep_captures_days} days."
            " The records that rows need stay, in one file for each day, so no row is lost"
            f" ({page('privacy.md')})."
        ),
    )


def _check_spec(source: SourceSettings) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        CHECK,
        asset=retention_key(source),
        description=(
            f"No capture is older than {source.keep_captures_days} days. A capture is kept, and listed here with"
            " the fix, while its day has no rows, or rows that differ from what its captures give."
        ),
    )


def _metadata(before: datetime, outcomes: Sequence["RemovedCaptures | HeldBack"]) -> dict[str, Any]:
    from amocrm_assets.retention import RemovedCaptures

    removed = [each for each in outcomes if isinstance(each, RemovedCaptures)]
    left_out = sorted({name for each in removed for name in each.left_out})
    return {
        "captured_before": before.isoformat(timespec="seconds"),
        "captures_removed": sum(each.captures for each in removed),
        "days": len(removed),
        "fields_left_out": text_table(["custom field"], [(name,) for name in left_out]) if left_out else "none",
    }


def _check_result(outcomes: Sequence["RemovedCaptures | HeldBack"]) -> dg.AssetCheckResult:
    from amocrm_assets.retention import HeldBack

    held_back = [each for each in outcomes if isinstance(each, HeldBack)]
    first = held_back[0] if held_back else None
    return verdict(
        CHECK,
        bad=sorted({each.day for each in held_back}),
        of=dict.fromkeys(each.day for each in outcomes),
        severity=dg.AssetCheckSeverity.ERROR,
        message="Captures stay that are older than the source's `keep_captures_days`. "
        + (escape(f"{first.entity}: {first.why}") if first else ""),
        fix=escape(first.fix) if first else "",
        entities=", ".join(sorted({each.entity for each in held_back})),
    )
