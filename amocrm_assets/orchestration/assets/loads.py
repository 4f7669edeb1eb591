"""The asset `amoCrmLoads`: a row for each table of the account in the warehouse, updated by every run.

It depends on no other asset: if a table fails, the others must still be listed. It is the last step of a run
because of its priority. For how its rows are made see `rows.loads`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from typing import Any

import dagster as dg

from amocrm_assets.entities.loads import LOADS
from amocrm_assets.orchestration.assets import loads_key
from amocrm_assets.orchestration.assets.whole_tables import replace_whole, whole_table_spec
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import ROW_COUNT, load_metadata
from amocrm_assets.orchestration.names import AFTER_ALL, op_name, reference_group
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.source_entities import scheduled
from amocrm_assets.orchestration.steps import whole_step
from amocrm_assets.settings import SourceSettings


def loads_of(source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The table of loads of a source."""

    @dg.multi_asset(name=op_name(source, LOADS.asset), specs=[_spec(source)], op_tags=AFTER_ALL)
    def loads(context: dg.AssetExecutionContext, amocrm: AmoCrmDeployment) -> dg.MaterializeResult[Any]:
        from amocrm_assets.rows.loads import write_loads

        with whole_step(context, retries):
            written, outcome = replace_whole(
                LOADS.warehouse_name,
                amocrm,
                source,
                context.run.run_id,
                write=lambda storage, warehouse: write_loads(
                    storage, source.subdomain, warehouse.held_tables(source.subdomain)
                ),
            )
        metadata = load_metadata(outcome, count=ROW_COUNT) | {"incomplete": written.incomplete}
        return dg.MaterializeResult(asset_key=loads_key(source), metadata=metadata)

    return loads


def _spec(source: SourceSettings) -> dg.AssetSpec:
    return whole_table_spec(
        source,
        LOADS,
        entities=scheduled(source),
        group=reference_group(source),
        description=(
            f"What the warehouse holds of {escape(source.title)}, as the table"
            f" `{LOADS.name_of(source.subdomain, None)}`: for each table and day its rows, when it was read and"
            f" loaded, and whether the reading was complete ({page('loads.md')}).\n\nIt distinguishes an account"
            " without changes from loads that have stopped. Every run of the source updates it."
        ),
    )
