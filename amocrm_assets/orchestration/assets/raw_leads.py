"""The asset `raw_leads`: asks amoCRM for days and keeps what it answers.

Which days need asking is decided here; how it is done is known to `capturing`.
"""

# No `from __future__ import annotations` here: Dagster needs the config's type itself, and not its name.
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from amocrm_assets.errors import ReadingUnproven, SettingsError
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import resource_key, settings_of_run
from amocrm_assets.orchestration.assets import asset_spec, raw_leads_key, shards_key
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.metadata import authorisation_metadata, capture_metadata, earlier_capture_metadata
from amocrm_assets.orchestration.resources import DEPLOYMENT, AmoCrmDeployment
from amocrm_assets.orchestration.steps import step_days
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.storage import Storage


class RawLeadsConfig(dg.Config):
    """What can be asked of a single run."""

    read_again: bool = Field(
        default=False,
        description=(
            "A range of days reads only those that have no capture yet. True: read all of them again. A single day"
            " is always read again. Nothing that was captured before is lost either way."
        ),
    )


def raw_leads_of(source: SourceSettings, retries: Retries) -> dg.AssetsDefinition:
    """The asset of one source."""
    key = raw_leads_key(source)
    spec = asset_spec(
        source,
        key,
        kinds={"amocrm", "json"},
        description=(
            f"Leads of {source.title} ({source.url}) that were updated on a day, exactly as amoCRM"
            " sent them.\n\nEach reading is kept as a capture of its own and never changed, so nothing that was"
            " once seen is lost."
        ),
    )

    @dg.multi_asset(
        name=f"{source.key}__raw_leads",
        specs=[spec],
        check_specs=checks.raw_leads_specs(source, key),
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Only this step asks the account: runs of one account go one after another here, and overlap elsewhere.
        pool=f"amocrm_{source.key}",
        required_resource_keys={DEPLOYMENT, resource_key(source)},
    )
    def raw_leads(
        context: dg.AssetExecutionContext, config: RawLeadsConfig
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        amocrm: AmoCrmDeployment = context.resources.amocrm
        read: dict[date, Mapping[str, Any]] = {}
        with step_days(context, retries) as days:
            settings = settings_of_run(context, source)
            _refuse_switched_off(settings)
            if _is_putting_shards(context, settings):
                # A warehouse that cannot take the shards is found out before amoCRM is asked for an hour.
                amocrm.warehouse().prepare()
            storage = amocrm.storage()
            since = _start_of(context) if config.read_again or len(days.wanted) == 1 else None
            for day, name in _captured(storage, settings, days.wanted, since=since).items():
                days.done(day, earlier_capture_metadata(storage, name))
            try:
                for captured in _capture(settings, days.unfinished, amocrm, storage):
                    read[captured.day] = captured.metadata
                    days.done(captured.day, capture_metadata(captured))
            except ReadingUnproven as error:
                yield checks.reading_unproven(error)
                raise
        expires_at = amocrm.expires_at(settings)
        yield dg.MaterializeResult(
            metadata=authorisation_metadata(expires_at),
            check_results=checks.judge_reading(settings, read, expires_at),
        )

    return raw_leads


def _refuse_switched_off(source: SourceSettings) -> None:
    if not source.import_leads:
        raise SettingsError(
            f"Importing leads of {source.title}",
            cause="the source's settings say `import_leads: false`.",
            fix="Set it to true in the source's defs.yaml and reload the code location.",
            source=source.subdomain,
        )


def _is_putting_shards(context: dg.AssetExecutionContext, source: SourceSettings) -> bool:
    selected = context.run.asset_selection
    return not selected or shards_key(source) in selected


def _start_of(context: dg.AssetExecutionContext) -> datetime:
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None:
        raise LookupError(f"the run {context.run.run_id} is not in Dagster's storage")
    created: datetime = record.create_timestamp
    return created.astimezone(UTC)


def _captured(
    storage: "Storage", source: SourceSettings, days: Sequence[date], *, since: datetime | None
) -> dict[date, str]:
    """Days that need no reading, with their newest capture. Every capture was made after the end of its day."""
    from amocrm_assets.captures import newest_captures

    captures = newest_captures(storage, source.subdomain)
    wanted = {day: captures[day] for day in days if day in captures}
    return {
        day: each.name
        for day, each in wanted.items()
        if (since is None or each.captured_at >= since) and _holds_whole_day(storage, source, day, each.name)
    }


def _holds_whole_day(storage: "Storage", source: SourceSettings, day: date, capture: str) -> bool:
    """Whether a capture was read with the midnights that the source has now: its `timezone` may have changed."""
    from amocrm_assets.captures import open_capture
    from amocrm_assets.capturing import day_window

    window = day_window(day, source.zone)
    with open_capture(storage, capture) as opened:
        return opened.facts.from_at <= window.from_at and window.to_at <= opened.facts.to_at


def _capture(
    source: SourceSettings, days: Sequence[date], amocrm: AmoCrmDeployment, storage: "Storage"
) -> Iterator["CapturedDay"]:
    from amocrm_assets.capturing import capture_days

    if days:
        with amocrm.client(source) as client:
            yield from capture_days(
                source, days, client=client, storage=storage, lock_wait_seconds=amocrm.lock_wait_seconds
            )
