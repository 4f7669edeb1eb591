"""The assets `raw_…`: read days from amoCRM and store the records.

For what the step does with its days see `reading_step`.
"""

# No `from __future__ import annotations` here: Dagster needs the config's type itself, and not its name.
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from amocrm_assets.entities import Entity
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, raw_key
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.locations import storage_folder
from amocrm_assets.orchestration.markdown import code, escape
from amocrm_assets.orchestration.names import DEPLOYMENT, op_name, pool_name, resource_key
from amocrm_assets.orchestration.reading_step import ReadingStep
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import step_days
from amocrm_assets.settings import SourceSettings


class RawConfig(dg.Config):
    """The configuration of a single run."""

    read_again: bool | None = Field(
        default=None,
        description=(
            "A range of days reads only those that have no capture yet, and a single day is read again. True: read"
            " all of them again. False: read none of them again. Nothing that was captured before is ever lost."
        ),
    )


def raw_of(entity: Entity, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one entity of a source."""

    @dg.multi_asset(
        name=op_name(source, entity.raw_asset),
        specs=[_spec(entity, source)],
        check_specs=checks.raw_specs(entity, source, raw_key(entity, source)),
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Only this step sends requests to the account: runs of one account wait for each other here, and overlap
        # elsewhere.
        pool=pool_name(source),
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        deployment: AmoCrmDeployment = context.resources.amocrm
        with step_days(context, retries) as days:
            reading = ReadingStep(entity, settings_of_run(context, source), deployment, days)
            reading.prepare(context)
            reading.skip_captured(context, read_again=config.read_again)
            yield from reading.capture(context)
        yield reading.result()

    return raw


def _spec(entity: Entity, source: SourceSettings) -> dg.AssetSpec:
    return asset_spec(
        source,
        entity.raw_asset,
        entities=[entity],
        kinds={"amocrm", "json"},
        description=(
            f"{entity.table.records.capitalize()} of {escape(source.title)} ({code(source.url)}) that were"
            f" {entity.table.is_dated} on a day, exactly as amoCRM sent them.\n\nEach reading is kept as a capture"
            " of its own and never changed, so data that was captured once is never dropped."
        ),
        metadata=storage_folder(entity.captures_folder(source.subdomain)),
    )
