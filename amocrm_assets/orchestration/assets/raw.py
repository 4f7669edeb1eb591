"""The assets `raw_…`: read days from amoCRM and store the records.

For the days with a capture see `captures`, for reading the others `capturing`.
"""

# No `from __future__ import annotations` here: Dagster needs the config's type itself, and not its name.
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from amocrm_assets.entities import Entity
from amocrm_assets.errors import ReadingUnproven, SettingsError
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import client_of_run, settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, raw_key, shards_key
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.locations import storage_folder
from amocrm_assets.orchestration.markdown import code, escape
from amocrm_assets.orchestration.metadata import authorisation_metadata, capture_metadata, earlier_capture_metadata
from amocrm_assets.orchestration.names import DEPLOYMENT, op_name, pool_name, resource_key
from amocrm_assets.orchestration.previews import MAX_DAYS, capture_preview
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.steps import StepDays, runs_resumed, step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.capturing import CapturedDay


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
            settings = settings_of_run(context, source)
            _refuse_switched_off(entity, settings)
            if _is_loading_shards(context, entity, source):
                # If shards cannot be loaded, the run should fail before an hour of reading.
                deployment.warehouse().prepare()
            reading = _Reading(entity, settings, deployment, days)
            is_read_again = len(days.wanted) == 1 if config.read_again is None else config.read_again
            reading.skip_captured(runs_resumed(context) if is_read_again else None)
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


class _Reading:
    """The days of one step: those with a capture are reported as they are, the others are read from amoCRM."""

    def __init__(
        self, entity: Entity, source: SourceSettings, deployment: AmoCrmDeployment, days: StepDays
    ) -> None:
        self._entity = entity
        self._source = source
        self._deployment = deployment
        self._storage = deployment.storage()
        self._days = days
        self._read: dict[date, Mapping[str, Any]] = {}

    def skip_captured(self, runs: Collection[str] | None) -> None:
        """Finish the days that need no reading: with a whole capture, or with `runs`, one by these runs."""
        from amocrm_assets.captures import captures_by_day, newest_whole_capture

        entity, storage, source = self._entity, self._storage, self._source
        captures = captures_by_day(entity, storage, source.subdomain)
        for day in self._days.wanted:
            with self._days.isolated(day):
                found = newest_whole_capture(entity, storage, source, day, captures.get(day, ()), runs=runs)
                if found:
                    self._days.done(day, earlier_capture_metadata(entity, storage, found.name))

    def capture(self, context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
        """Read the other days. Yields the failed result of `reading_complete` before the error is raised."""
        from amocrm_assets.capturing import capture_days

        if not self._days.untried:
            return
        with client_of_run(context, self._source) as client:
            try:
                for captured in capture_days(
                    self._entity,
                    self._source,
                    self._days.untried,
                    client=client,
                    storage=self._storage,
                    lock_wait_seconds=self._deployment.lock_wait_seconds,
                    run_id=context.run.run_id,
                ):
                    self._read[captured.day] = captured.metadata
                    self._days.done(captured.day, capture_metadata(captured) | self._preview(captured))
            except ReadingUnproven as error:
                yield checks.reading_unproven(error)
                raise

    def result(self) -> dg.MaterializeResult[Any]:
        """The result of the step, with the checks of the days that were read."""
        expires_at = self._deployment.expires_at(self._source)
        return dg.MaterializeResult(
            metadata=authorisation_metadata(expires_at),
            check_results=checks.reading_results(self._source, self._read, expires_at),
        )

    def _preview(self, captured: "CapturedDay") -> dict[str, Any]:
        if len(self._days.wanted) > MAX_DAYS:
            return {}
        return capture_preview(self._entity, self._storage, self._source, captured.capture.name)


def _refuse_switched_off(entity: Entity, source: SourceSettings) -> None:
    if not entity.choices.is_imported(source):
        raise SettingsError(
            f"Importing {entity.table.records} of {source.title}",
            cause=f"the source's settings say `{entity.choices.imported}: false`.",
            fix="Set it to true in the source's defs.yaml and reload the code location.",
            source=source.subdomain,
        )


def _is_loading_shards(context: dg.AssetExecutionContext, entity: Entity, source: SourceSettings) -> bool:
    selected = context.run.asset_selection
    return not selected or any(shards_key(table, source) in selected for table in entity.tables)
