"""The assets `raw_…`: ask amoCRM for days and keep what it answers.

Which days need asking is decided here; how it is done is known to `capturing`.
"""

# No `from __future__ import annotations` here: Dagster needs the config's type itself, and not its name.
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from amocrm_assets.entities import Entity
from amocrm_assets.errors import ReadingUnproven, SettingsError
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import resource_key, settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, op_name, raw_key, shards_key
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.markdown import code, escape
from amocrm_assets.orchestration.metadata import authorisation_metadata, capture_metadata, earlier_capture_metadata
from amocrm_assets.orchestration.previews import MAX_DAYS, capture_preview
from amocrm_assets.orchestration.resources import DEPLOYMENT, AmoCrmDeployment
from amocrm_assets.orchestration.steps import StepDays, runs_resumed, step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.captures import CaptureFound
    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.storage import Storage


class RawConfig(dg.Config):
    """What can be asked of a single run."""

    read_again: bool = Field(
        default=False,
        description=(
            "A range of days reads only those that have no capture yet. True: read all of them again. A single day"
            " is always read again. Nothing that was captured before is lost either way."
        ),
    )


def raw_of(entity: Entity, source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one entity of a source."""
    key = raw_key(entity, source)
    records = entity.table.records
    spec = asset_spec(
        source,
        entity.raw_asset,
        kinds={"amocrm", "json"},
        description=(
            f"{records.capitalize()} of {escape(source.title)} ({code(source.url)}) that were updated on a day,"
            " exactly as amoCRM sent them.\n\nEach reading is kept as a capture of its own and never changed, so"
            " nothing that was once seen is lost."
        ),
    )

    @dg.multi_asset(
        name=op_name(source, entity.raw_asset),
        specs=[spec],
        check_specs=checks.raw_specs(entity, source, key),
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Only this step asks the account: runs of one account go one after another here, and overlap elsewhere.
        pool=f"amocrm_{source.key}",
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        amocrm: AmoCrmDeployment = context.resources.amocrm
        read: dict[date, Mapping[str, Any]] = {}
        with step_days(context, retries) as days:
            settings = settings_of_run(context, source)
            _refuse_switched_off(entity, settings)
            if _is_putting_shards(context, entity, source):
                # A warehouse that cannot take the shards is found out before amoCRM is asked for an hour.
                amocrm.warehouse().prepare()
            storage = amocrm.storage()
            runs = runs_resumed(context) if config.read_again or len(days.wanted) == 1 else None
            for day, found in _captured(entity, storage, settings, days, runs=runs).items():
                with days.judged_alone(day):
                    days.done(day, earlier_capture_metadata(entity, storage, found.name))
            try:
                for captured in _capture(
                    entity, settings, days.untried, amocrm, storage, run_id=context.run.run_id
                ):
                    read[captured.day] = captured.metadata
                    seen = _preview(entity, settings, storage, captured) if len(days.wanted) <= MAX_DAYS else {}
                    days.done(captured.day, capture_metadata(captured) | seen)
            except ReadingUnproven as error:
                yield checks.reading_unproven(error)
                raise
        expires_at = amocrm.expires_at(settings)
        yield dg.MaterializeResult(
            metadata=authorisation_metadata(expires_at),
            check_results=checks.judge_reading(settings, read, expires_at),
        )

    return raw


def _preview(
    entity: Entity, source: SourceSettings, storage: "Storage", captured: "CapturedDay"
) -> dict[str, Any]:
    return capture_preview(entity, storage, source, captured.capture.name)


def _refuse_switched_off(entity: Entity, source: SourceSettings) -> None:
    if not entity.choices.is_imported(source):
        raise SettingsError(
            f"Importing {entity.table.records} of {source.title}",
            cause=f"the source's settings say `{entity.choices.imported}: false`.",
            fix="Set it to true in the source's defs.yaml and reload the code location.",
            source=source.subdomain,
        )


def _is_putting_shards(context: dg.AssetExecutionContext, entity: Entity, source: SourceSettings) -> bool:
    selected = context.run.asset_selection
    return not selected or any(shards_key(table, source) in selected for table in entity.tables)


def _captured(
    entity: Entity, storage: "Storage", source: SourceSettings, days: StepDays, *, runs: set[str] | None
) -> dict[date, "CaptureFound"]:
    """Days that need no reading, with their newest capture; with `runs`, those that these runs have captured.

    Every capture was made after the end of its day. One that was read by other midnights is not the whole day: the
    source's `timezone` may have changed. Captures are known by their run and not by their time: clocks differ.
    """
    from amocrm_assets.captures import captures_by_day, read_header, whole_captures

    captures = captures_by_day(entity, storage, source.subdomain)
    found: dict[date, CaptureFound] = {}
    for day in days.wanted:
        with days.judged_alone(day):
            whole = whole_captures(entity, storage, source, day, captures.get(day, ()))
            if runs is not None:
                whole = [each for each in whole if read_header(entity, storage, each.name).run_id in runs]
            if whole:
                found[day] = whole[-1]
    return found


def _capture(
    entity: Entity,
    source: SourceSettings,
    days: Sequence[date],
    amocrm: AmoCrmDeployment,
    storage: "Storage",
    *,
    run_id: str,
) -> Iterator["CapturedDay"]:
    from amocrm_assets.capturing import capture_days

    if days:
        with amocrm.client(source) as client:
            yield from capture_days(
                entity,
                source,
                days,
                client=client,
                storage=storage,
                lock_wait_seconds=amocrm.lock_wait_seconds,
                run_id=run_id,
            )
