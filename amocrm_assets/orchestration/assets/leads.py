"""The asset `leads`: makes rows of captures.

How captures become rows is known to `rows`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import resource_key, settings_of_run
from amocrm_assets.orchestration.assets import LEADS_ROWS, asset_spec, leads_key, raw_leads_key
from amocrm_assets.orchestration.columns import lineage_from, table_schema
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import rows_metadata
from amocrm_assets.orchestration.resources import DEPLOYMENT, ROWS_IO_MANAGER, AmoCrmDeployment
from amocrm_assets.orchestration.steps import step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows import RowsWritten


def leads_of(source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one source."""
    key = leads_key(source)
    spec = asset_spec(
        source,
        LEADS_ROWS,
        deps=[raw_leads_key(source)],
        kinds={"parquet", "pandas"},
        description=(
            f"Rows of the leads of {escape(source.title)} that were updated on a day: all captures of the day"
            " merged, the newest version of each lead.\n\nTake it as a `pandas.DataFrame` parameter of your own"
            f" assets ({page('downstream.md')})."
        ),
        metadata={"dagster/column_schema": table_schema("parquet")},
    )

    @dg.multi_asset(
        name=f"{source.key}__leads",
        specs=[spec.with_io_manager_key(ROWS_IO_MANAGER)],
        check_specs=checks.leads_specs(source, key),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def leads(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        from amocrm_assets.captures import captures_by_day
        from amocrm_assets.rows import write_rows

        deployment: AmoCrmDeployment = context.resources.amocrm
        storage = deployment.storage()
        written: dict[date, RowsWritten] = {}
        with step_days(context, retries) as days:
            settings = settings_of_run(context, source)
            captures = captures_by_day(LEADS, storage, source.subdomain)
            for day in days.wanted:
                with days.judged_alone(day):
                    written[day] = write_rows(LEADS, storage, settings, day, others=captures)
                    days.done(day, rows_metadata(settings, storage, day, written[day]))
        yield dg.MaterializeResult(
            metadata={"dagster/column_lineage": lineage_from(raw_leads_key(source), api_names=True)},
            check_results=checks.judge_rows(written),
        )

    return leads
