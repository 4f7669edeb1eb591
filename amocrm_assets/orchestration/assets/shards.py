"""The assets in the warehouse, such as `amoCrmLeads`: load rows into the warehouse, a shard for each day.

For replacing and verifying a shard see `warehouse`, for columns in addition to those of rows
`rows.shard_names`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import Entity, Table
from amocrm_assets.errors import ActionRequired, TransientError
from amocrm_assets.orchestration.assets import asset_spec, priority_of, rows_key
from amocrm_assets.orchestration.automation import freshness_of
from amocrm_assets.orchestration.columns import lineage_from, table_schema
from amocrm_assets.orchestration.failures import Retries, in_words
from amocrm_assets.orchestration.locations import warehouse_kind, warehouse_shards
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import PARTITION_ROW_COUNT, load_metadata
from amocrm_assets.orchestration.names import BEHIND_NAMES, ROWS_IO_MANAGER, op_name
from amocrm_assets.orchestration.previews import MAX_DAYS, rows_preview
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import StepDays, step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows.shard_names import ShardRows
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import ShardLoad, Warehouse


def shards_of(entity: Entity, table: Table, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one table of a source's entity."""

    @dg.multi_asset(
        name=op_name(source, table.warehouse_name),
        specs=[_spec(entity, table, source).with_io_manager_key(ROWS_IO_MANAGER)],
        # No dependency: a failed list of names must not prevent loading the shards.
        op_tags=priority_of(entity, table) if table.for_shards(source) is table else BEHIND_NAMES,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def shards(context: dg.AssetExecutionContext, amocrm: AmoCrmDeployment) -> dg.MaterializeResult[Any]:
        storage, warehouse = amocrm.storage(), amocrm.warehouse(source)
        lineage = lineage_from(table, rows_key(table, source), api_names=False)
        with (
            step_days(context, retries) as days,
            # A slower, older run must not overwrite the shard of a newer one.
            storage.lock(f"locks/{source.subdomain}-shards", wait_seconds=amocrm.lock_wait_seconds),
        ):
            _load(context, entity, table, source, days=days, storage=storage, warehouse=warehouse)
        return dg.MaterializeResult(metadata={"dagster/column_lineage": lineage})

    return shards


def _spec(entity: Entity, table: Table, source: SourceSettings) -> dg.AssetSpec:
    warehouse = warehouse_kind()
    return asset_spec(
        source,
        table.warehouse_name,
        entities=[entity],
        deps=[rows_key(table, source)],
        kinds={warehouse, "table"},
        description=(
            f"The {table.records} of {escape(source.title)} that were {table.is_dated} on a day, as the"
            f" table `{table.shard_prefix(source.subdomain)}YYYYMMDD` of the warehouse.\n\nA table is replaced"
            " whole or not at all, and the warehouse's own count is compared with the rows afterwards."
        ),
        metadata={
            "dagster/column_schema": table_schema(table.for_shards(source), warehouse),
            **warehouse_shards(table, source.subdomain),
        },
        freshness_policy=freshness_of(entity, source),
    )


def _load(
    context: dg.AssetExecutionContext,
    entity: Entity,
    table: Table,
    source: SourceSettings,
    *,
    days: StepDays,
    storage: "Storage",
    warehouse: "Warehouse",
) -> None:
    """Replace the shards of all days; a shard that fails does not affect the others."""
    from amocrm_assets.rows.shard_names import shard_rows

    errors: list[Exception] = []
    warnings: list[str] = []
    with shard_rows(table, storage, source) as rows:
        loads = list(_loads(rows, days.wanted, errors))
        for load, outcome in warehouse.load(loads, storage, run_id=context.run.run_id):
            if isinstance(outcome, Exception):
                errors.append(outcome)
                continue
            warnings += outcome.warnings
            # Without custom fields: the launch of the rows may have dropped names, which is not known here.
            seen = {"without_name": count} if (count := rows.nameless.get(load.day)) else dict[str, Any]()
            if len(loads) <= MAX_DAYS:
                seen |= rows_preview(entity, load.table, storage, source, load.day, custom_fields=False)
            days.done(load.day, load_metadata(outcome, count=PARTITION_ROW_COUNT) | seen)
    if rows.nameless:
        context.log.warning("%s", _without_names(table, rows.nameless))
    if warnings:  # each is in the metadata of its day
        context.log.warning("%d warnings about loaded shards, for example: %s", len(warnings), warnings[0])
    if errors:
        raise decisive(errors)


def decisive(errors: Sequence[Exception]) -> Exception:
    """Of several errors, one that needs a manual fix if there is one: a retry would end there, too."""
    return next((error for error in errors if not isinstance(error, TransientError)), errors[0])


def _without_names(table: Table, nameless: Mapping[date, int]) -> str:
    return (
        f"{sum(nameless.values())} {table.records} have ids that are in no reference table, so their shard has no"
        f" name for them: {in_words(list(nameless))}. Once `raw_reference` has been read, materialise"
        f" `{table.warehouse_name}` for these days again, which sends no requests to amoCRM."
    )


def _loads(rows: "ShardRows", days: Sequence[date], errors: list[Exception]) -> Iterator["ShardLoad"]:
    """The load of each day that has rows; the errors of the others are added to `errors`."""
    from amocrm_assets.warehouse import ShardLoad

    for day in days:
        try:
            name, row_count = rows.of(day)
        except ActionRequired as error:
            errors.append(error)
        else:
            yield ShardLoad(rows.table, rows.subdomain, day, name, row_count)
