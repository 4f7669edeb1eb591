"""The asset of the stages, such as `amoCrmLeadStages`: a row for each stay of a record in a stage.

It has no partitions: each run makes the table from the events and rows of all days. For how that is done see
`rows.stages`, for replacing and verifying a table `warehouse`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import STAGES, Entity
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.orchestration.amocrm_resource import settings_of_run
from amocrm_assets.orchestration.assets import reference_key, rows_key
from amocrm_assets.orchestration.assets.whole_tables import replace_whole, whole_table_spec
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.metadata import ROW_COUNT, load_metadata
from amocrm_assets.orchestration.names import DEPLOYMENT, LATER, op_name, resource_key
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import whole_step
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows.stages import StagesWritten
    from amocrm_assets.warehouse import LoadResult


def stages_of(source: SourceSettings, entities: Sequence[Entity], retries: Retries) -> dg.AssetsDefinition:
    """The table of stages of a source with these entities, events among them."""

    @dg.multi_asset(
        name=op_name(source, STAGES.warehouse_name),
        specs=[_spec(source, entities)],
        op_tags=LATER,
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def stages(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from amocrm_assets.rows.stages import write_stages

        amocrm: AmoCrmDeployment = context.resources.amocrm
        with whole_step(context, retries):
            settings = settings_of_run(context, source)
            written, outcome = replace_whole(
                STAGES.warehouse_name,
                amocrm,
                source,
                context.run.run_id,
                write=lambda storage, _: write_stages(storage, settings),
            )
        return dg.MaterializeResult(metadata=_metadata(written, outcome))

    return stages


def _spec(source: SourceSettings, entities: Sequence[Entity]) -> dg.AssetSpec:
    records = STAGES.of.table.records
    return whole_table_spec(
        source,
        STAGES,
        deps=_sources(source, entities),
        description=(
            f"The stages that the {records} of {escape(source.title)} went through, with the time in each, as the"
            f" table `{STAGES.name_of(source.subdomain, None)}` of the warehouse ({page(STAGES.document)})."
            f"\n\nBuilt from the {STAGES.events.table.records} of all days and the newest rows of the {records};"
            " `origin` marks inferred values. It is replaced as a whole."
        ),
    )


def _sources(source: SourceSettings, entities: Sequence[Entity]) -> list[dg.AssetKey]:
    """The rows that the table is made of, as far as they are imported, and the tables that names come from."""
    wanted = {STAGES.events.name, STAGES.of.name}
    imported = [each for each in entities if each.name in wanted and each.choices.is_imported(source)]
    names = STAGES.reference_tables if source.import_reference else ()
    return [
        *(rows_key(entity.table, source) for entity in imported),
        *(reference_key(source, reference_table(name)) for name in names),
    ]


def _metadata(written: "StagesWritten", outcome: "LoadResult") -> dict[str, Any]:
    return load_metadata(outcome, count=ROW_COUNT) | {
        STAGES.of.table.records: written.records,
        "days_with_events": written.days,
        "days_read": written.days_read,
        "origins": ", ".join(f"{name}: {count}" for name, count in written.origins.items()) or "none",
        "unknown_moments": written.unknown_moments,
        "seconds_merging": round(written.seconds, 3),
    }
