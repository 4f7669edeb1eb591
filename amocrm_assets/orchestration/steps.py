"""The days of one step of a run: the wanted ones, the finished ones, and the rest if the step fails.

Dagster marks the days of a range only if the whole step succeeds. This module also marks the days that were
finished before a failure. For materialising a day see `assets`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets import cancellation
from amocrm_assets.errors import AmoCrmAssetsError, SettingsError, StorageRefused, TransientError
from amocrm_assets.orchestration.failures import Retries, fail
from amocrm_assets.orchestration.names import PARTITION, RESUMES
from amocrm_assets.orchestration.partitions import days_of
from amocrm_assets.orchestration.run_listener import is_listened_to, report_progress
from amocrm_assets.orchestration.translation import ASSET
from amocrm_assets.orchestration.waits_log import waits_logged
from amocrm_assets.storage.holder import acting_for
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

# Each line is an event in Dagster's storage, and a run of all entities has some twenty steps with days.
LOG_SECONDS = 10.0


class StepDays:
    """The requested days of a step, and the metadata of the finished ones."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self.wanted = days_of(context.partition_keys)
        self._asset = str(context.assets_def.get_asset_spec(context.asset_key).metadata[ASSET])
        self.metadata: dict[date, Mapping[str, Any]] = {}
        self._last = self._told_at = time.monotonic()
        self._errors: dict[date, AmoCrmAssetsError] = {}

    @property
    def untried(self) -> list[date]:
        """Wanted days that are neither done nor have failed."""
        return [day for day in self.unfinished if day not in self._errors]

    @contextmanager
    def isolated(self, day: date) -> Iterator[None]:
        """Work on one day: its error does not affect other days, and `raise_errors` ends the step later.

        Errors that would occur on every day end the step immediately: transient ones, and a refusing storage.
        """
        try:
            yield
        except (TransientError, StorageRefused, SettingsError):
            raise
        except AmoCrmAssetsError as error:
            self._errors[day] = error

    def raise_errors(self) -> None:
        """Raise the errors of single days, after the others are done."""
        if self._errors:
            first = min(self._errors)
            for day, error in sorted(self._errors.items()):
                if day != first:
                    self._context.log.error("%s: %s", day, error)
            raise self._errors[first]

    @property
    def unfinished(self) -> list[date]:
        """Wanted days that are not done yet."""
        return [day for day in self.wanted if day not in self.metadata]

    def done(self, day: date, metadata: Mapping[str, Any]) -> None:
        """Mark a day as finished."""
        now = time.monotonic()
        # The seconds of all days add up to those of the step.
        self.metadata[day] = {**metadata, "seconds": round(now - self._last, 3)}
        self._last = now
        self._context.add_asset_metadata(self.metadata[day], partition_key=day.isoformat())
        report_progress(self._asset, len(self.metadata), len(self.wanted))
        self._log_progress()

    def _log_progress(self) -> None:
        """Log the progress of a range that takes long."""
        if self._last - self._told_at >= LOG_SECONDS:
            self._told_at = self._last
            self._context.log.info("%d of %d days done", len(self.metadata), len(self.wanted))

    def mark_done(self) -> None:
        """Mark the finished days of a step that fails. Dagster marks those of one that succeeds."""
        for day, metadata in self.metadata.items():
            self._context.log_event(
                dg.AssetMaterialization(
                    asset_key=self._context.asset_key, partition=day.isoformat(), metadata=metadata
                )
            )


def runs_resumed(context: dg.AssetExecutionContext) -> set[str]:
    """This run, and the failed ones that it continues: those that were re-executed "from failure".

    A run that is re-executed as a whole starts from the beginning, like any other.
    """
    run: dg.DagsterRun | None = context.run
    runs: set[str] = set()
    while run is not None and run.run_id not in runs:
        runs.add(run.run_id)
        goes_on = run.tags.get(RESUMES) == "true" and run.parent_run_id
        run = context.instance.get_run_by_id(goes_on) if goes_on else None
    return runs


@contextmanager
def step_days(context: dg.AssetExecutionContext, retries: Retries) -> Iterator[StepDays]:
    """The days of a step. An error in the body becomes a failure or a retry with the unfinished days.

    Long waits of the step are logged.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        fail(_no_day(context.run), unfinished=(), retries=retries, retry_number=context.retry_number)
    days = StepDays(context)
    try:
        with waits_logged(context.log, context.run.run_id), acting_for(f"run {context.run.run_id}"):
            if context.retry_number:
                _pause(retries.wait_seconds(context.retry_number - 1))
            yield days
            days.raise_errors()
    except AmoCrmAssetsError as error:
        if retries.is_last(error, context.retry_number):
            days.mark_done()
        fail(error, unfinished=days.unfinished, retries=retries, retry_number=context.retry_number)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        days.mark_done()
        _report_canceling(context)
        raise
    except BaseException:  # a defect
        days.mark_done()
        raise


@contextmanager
def whole_step(context: dg.AssetExecutionContext, retries: Retries) -> Iterator[None]:
    """A step without days: its errors become a failure or a retry, as in `step_days`."""
    try:
        with waits_logged(context.log, context.run.run_id), acting_for(f"run {context.run.run_id}"):
            if context.retry_number:
                _pause(retries.wait_seconds(context.retry_number - 1))
            yield
    except AmoCrmAssetsError as error:
        fail(error, unfinished=(), retries=retries, retry_number=context.retry_number)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        _report_canceling(context)
        raise


def _report_canceling(context: dg.AssetExecutionContext) -> None:
    """Report Ctrl-C as a cancellation, not a failure. Dagster itself handles its own *Terminate*."""
    if is_listened_to():
        context.instance.report_run_canceling(context.run, message="The command was interrupted.")


def _no_day(run: dg.DagsterRun) -> SettingsError:
    """A launch without a day: Dagster's own error would be a traceback without a fix."""
    job = run.job_name
    launched = "--assets …" if job.startswith("__") else f"--job {job}"
    return SettingsError(
        f"Running {job}",
        cause="the launch names no day, and every run is about a day or a range of days.",
        fix=f"Name one: `dg launch {launched} --partition 2026-01-31`, for a range `--partition-range"
        " 2026-01-01...2026-01-31`. With `dagster job execute` or `launch`, add"
        f' `--tags \'{{"{PARTITION}": "2026-01-31"}}\'`; `amocrm-assets run SOURCE` takes yesterday.',
    )


def _pause(seconds: float) -> None:
    """Wait before a retry, here, where a signal ends the wait."""
    with waiting("the next try", until=time.time() + seconds):
        cancellation.sleep(seconds)
