"""The assets of flat tables, such as `amoCrmLeadsLatest`: a row for each record in its newest state.

They have no partitions: each run updates its table to the rows of all days. For how that is done see
`rows.latest_table`, for replacing and verifying a table `warehouse`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import Entity, latest_table
from amocrm_assets.entities.latest import FIELDS_TABLE, declared
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.orchestration.amocrm_resource import settings_of_run
from amocrm_assets.orchestration.assets import reference_key, rows_key
from amocrm_assets.orchestration.assets.whole_tables import replace_whole, whole_table_spec
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import ROW_COUNT, load_metadata, text_table
from amocrm_assets.orchestration.names import DEPLOYMENT, LATER, op_name, resource_key
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import whole_step
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows.latest_table import LatestWritten
    from amocrm_assets.warehouse import LoadResult

FORMER_NAME = (
    "`latest_view: true` is the former name of `latest_table: true`: the view is a table now, with all of its"
    " columns. Write `latest_table: true` into the source's defs.yaml instead."
)


def latest_of(entity: Entity, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The flat table of one entity of a source."""

    @dg.multi_asset(
        name=op_name(source, declared(entity.table).warehouse_name),
        specs=[_spec(entity, source)],
        op_tags=LATER,
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def latest(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from amocrm_assets.rows.latest_table import write_latest_table

        amocrm: AmoCrmDeployment = context.resources.amocrm
        if source.latest_view:
            context.log.warning(FORMER_NAME)
        with whole_step(context, retries):
            settings = settings_of_run(context, source)
            written, outcome = replace_whole(
                declared(entity.table).warehouse_name,
                amocrm,
                source,
                context.run.run_id,
                write=lambda storage, _: write_latest_table(entity, storage, settings),
            )
        return dg.MaterializeResult(metadata=_metadata(written, outcome))

    return latest


def _spec(entity: Entity, source: SourceSettings) -> dg.AssetSpec:
    table = latest_table(entity.table)
    return whole_table_spec(
        source,
        table,
        deps=_sources(entity, source),
        description=(
            f"Each of the {table.records} of {escape(source.title)} as it was last, with names beside ids and a"
            f" column for each custom field, as the table `{table.name_of(source.subdomain, None)}` of the"
            f" warehouse ({page(declared(entity.table).document)}).\n\nIt is replaced whole or not at all;"
            " only days whose rows have changed are read."
        ),
    )


def _sources(entity: Entity, source: SourceSettings) -> list[dg.AssetKey]:
    """The rows that the table is made of, and the tables that names come from."""
    latest = declared(entity.table)
    rows = [entity.table, *(each.table for each in latest.beside if each.table in entity.tables)]
    names = (*latest.reference_tables, FIELDS_TABLE) if source.import_reference else ()
    return [
        *(rows_key(table, source) for table in dict.fromkeys(rows)),
        *(reference_key(source, reference_table(name)) for name in names),
    ]


def _metadata(written: "LatestWritten", outcome: "LoadResult") -> dict[str, Any]:
    return load_metadata(outcome, count=ROW_COUNT) | {
        "days_read": written.days_read,
        "made_anew": written.is_rebuilt,
        "custom_fields": text_table(["column", "type", "field"], _fields(written)),
        "unfit_values": ", ".join(f"{name}: {count}" for name, count in written.unfit.items()) or "none",
        "seconds_merging": round(written.seconds, 3),
    }


def _fields(written: "LatestWritten") -> Sequence[tuple[str, str, str]]:
    columns = [each.column for each in written.fields]
    return [(column.name, column.type, column.description) for column in columns]
