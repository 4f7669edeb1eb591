"""The assets with rows, such as `leads`: make rows of captures.

For how captures become rows see `amocrm_assets/rows`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import Entity, Table
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, priority_of, raw_key, rows_key
from amocrm_assets.orchestration.columns import lineage_from, table_schema
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.locations import storage_folder
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import COLUMN_LINEAGE, COLUMN_SCHEMA, rows_metadata
from amocrm_assets.orchestration.names import DEPLOYMENT, ROWS_IO_MANAGER, op_name, resource_key
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import StepDays, step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.storage import Storage


def rows_of(entity: Entity, table: Table, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one table of a source's entity."""

    @dg.multi_asset(
        name=op_name(source, table.asset),
        specs=[_spec(entity, table, source).with_io_manager_key(ROWS_IO_MANAGER)],
        check_specs=checks.rows_specs(entity, table, source, rows_key(table, source)),
        op_tags=priority_of(entity, table),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def rows(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        deployment: AmoCrmDeployment = context.resources.amocrm
        with step_days(context, retries) as days:
            settings = settings_of_run(context, source)
            written = _write(entity, table, settings, deployment.storage(), days)
        yield dg.MaterializeResult(
            metadata={COLUMN_LINEAGE: lineage_from(table, raw_key(entity, source), api_names=True)},
            check_results=checks.rows_results(entity, table, source, written),
        )

    return rows


def _spec(entity: Entity, table: Table, source: SourceSettings) -> dg.AssetSpec:
    return asset_spec(
        source,
        table.asset,
        entities=[entity],
        deps=[raw_key(entity, source)],
        kinds={"parquet", "pandas"},
        description=(
            f"Rows of the {table.records} of {escape(source.title)} that were {table.is_dated} on a day: all"
            f" captures of the day merged, the newest version of each {table.record}.\n\nTake it as a"
            f" `pandas.DataFrame` parameter of your own assets ({page('downstream.md')})."
        ),
        metadata={
            COLUMN_SCHEMA: table_schema(table, "parquet"),
            **storage_folder(table.rows_folder(source.subdomain)),
        },
    )


def _write(
    entity: Entity, table: Table, source: SourceSettings, storage: "Storage", days: StepDays
) -> dict[date, "RowsWritten"]:
    """Make the rows of each day; one that fails does not affect the others."""
    from amocrm_assets.captures import captures_by_day
    from amocrm_assets.rows.many_days import write_many_days

    written: dict[date, RowsWritten] = {}
    captures = captures_by_day(entity, storage, source.subdomain)
    made = write_many_days(entity, storage, source, days.wanted, table=table, others=captures)
    with closing(made):
        for day, result in made:
            with days.isolated(day):
                written[day] = result()
                days.done(day, rows_metadata(entity, table, source, storage, day=day, rows=written[day]))
    return written
