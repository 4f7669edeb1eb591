"""The assets in the warehouse, such as `amoCrmLeads`: load rows into the warehouse, a shard for each day.

For what the step does with its days see `loading_step`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from typing import Any

import dagster as dg

from amocrm_assets.entities import Entity, Table
from amocrm_assets.orchestration.assets import asset_spec, priority_of, rows_key
from amocrm_assets.orchestration.automation import freshness_of
from amocrm_assets.orchestration.columns import lineage_from, table_schema
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.loading_step import load_shards
from amocrm_assets.orchestration.locations import warehouse_kind, warehouse_shards
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import COLUMN_LINEAGE, COLUMN_SCHEMA
from amocrm_assets.orchestration.names import BEHIND_NAMES, ROWS_IO_MANAGER, op_name
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import step_days
from amocrm_assets.settings import SourceSettings


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
            load_shards(context, entity, table, source, days=days, storage=storage, warehouse=warehouse)
        return dg.MaterializeResult(metadata={COLUMN_LINEAGE: lineage})

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
            COLUMN_SCHEMA: table_schema(table.for_shards(source), warehouse),
            **warehouse_shards(table, source.subdomain),
        },
        freshness_policy=freshness_of(entity, source),
    )
