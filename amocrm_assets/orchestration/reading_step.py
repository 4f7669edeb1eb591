"""The step of an asset `raw_…`: which of its days are read from amoCRM, and what is reported of each.

For the days with a capture see `captures`, for reading the others `capturing`; for the asset `assets.raw`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.errors import ReadingUnproven, SettingsError
from amocrm_assets.orchestration import checks
from amocrm_assets.orchestration.amocrm_resource import client_of_run
from amocrm_assets.orchestration.assets import shards_key
from amocrm_assets.orchestration.metadata import authorisation_metadata, capture_metadata, earlier_capture_metadata
from amocrm_assets.orchestration.previews import MAX_DAYS, capture_preview
from amocrm_assets.orchestration.steps import runs_resumed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.entities import Entity
    from amocrm_assets.orchestration.resources import AmoCrmDeployment
    from amocrm_assets.orchestration.steps import StepDays
    from amocrm_assets.settings import SourceSettings


def is_read_again(days: int, *, read_again: bool | None) -> bool:
    """Whether days with a capture are read again: by the run's configuration, or else a single day only."""
    return days == 1 if read_again is None else read_again


class ReadingStep:
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

    def prepare(self, context: dg.AssetExecutionContext) -> None:
        """Raise before an hour of reading what would fail the run: a setting, or a warehouse that refuses."""
        _refuse_switched_off(self._entity, self._source)
        if _is_loading_shards(context, self._entity, self._source):
            self._deployment.warehouse().prepare()

    def skip_captured(self, context: dg.AssetExecutionContext, *, read_again: bool | None) -> None:
        """Finish the days that need no reading: those with a whole capture.

        If days are read again, only a capture by this run, or by one that it continues, counts.
        """
        from amocrm_assets.captures import captures_by_day, newest_whole_capture

        runs = runs_resumed(context) if is_read_again(len(self._days.wanted), read_again=read_again) else None
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

    def _preview(self, captured: CapturedDay) -> dict[str, Any]:
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
