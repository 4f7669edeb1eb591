"""The days of one step of a run: which are wanted, which are done, and what remains when the step breaks off.

Dagster marks the days of a range only when the whole step succeeded. Here the days that were done before are
marked all the same. What is done with a day is known to `assets`.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.orchestration.failures import Retries, fail
from amocrm_assets.orchestration.partitions import days_of
from amocrm_assets.orchestration.run_listener import tell_progress
from amocrm_assets.storage.holder import acting_for
from amocrm_assets.waiting import listen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

LOG_LINES = 20


class StepDays:
    """The days that a step was asked for, and the metadata of those that it has done."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context
        self.wanted = days_of(context.partition_keys)
        self.metadata: dict[date, Mapping[str, Any]] = {}
        self._last = time.monotonic()

    @property
    def unfinished(self) -> list[date]:
        """Wanted days that are not done yet."""
        return [day for day in self.wanted if day not in self.metadata]

    def done(self, day: date, metadata: Mapping[str, Any]) -> None:
        """Note that a day is finished for good."""
        now = time.monotonic()
        # The seconds of all days add up to those of the step.
        self.metadata[day] = {**metadata, "seconds": round(now - self._last, 3)}
        self._last = now
        self._context.add_asset_metadata(self.metadata[day], partition_key=day.isoformat())
        tell_progress(self._context.asset_key.path[-1], len(self.metadata), len(self.wanted))
        self._tell()

    def _tell(self) -> None:
        """Log how far a range has come, some twenty times: each line is an event in Dagster's storage."""
        done, wanted = len(self.metadata), len(self.wanted)
        if wanted > 1 and done * LOG_LINES // wanted > (done - 1) * LOG_LINES // wanted:
            self._context.log.info("%d of %d days done", done, wanted)

    def mark_done(self) -> None:
        """Mark the finished days of a step that fails. One that succeeds is marked by Dagster itself."""
        for day, metadata in self.metadata.items():
            self._context.log_event(
                dg.AssetMaterialization(
                    asset_key=self._context.asset_key, partition=day.isoformat(), metadata=metadata
                )
            )


@contextmanager
def step_days(context: dg.AssetExecutionContext, retries: Retries) -> Iterator[StepDays]:
    """The days of a step. An error from inside becomes a failure or a retry that names the days it leaves.

    What the step waits for, once that takes long, is written to its log.
    """
    days = StepDays(context)
    try:
        with listen(context.log.warning), acting_for(f"run {context.run.run_id}"):
            yield days
    except AmoCrmAssetsError as error:
        if retries.is_last(error, context.retry_number):
            days.mark_done()
        fail(error, unfinished=days.unfinished, retries=retries, retry_number=context.retry_number)
    except BaseException:  # somebody stopped the run, or a defect
        days.mark_done()
        raise
