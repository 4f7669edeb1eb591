"""Problems of runs that failed although no step did: a killed process, a time limit, a resource, a failed start.

Such a run has no event of a step to tell whose it was, so its sources are found by its tags, job and assets.
For failed steps and checks see `collect`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterEventType

from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.assets import all_keys
from amocrm_assets.orchestration.names import (
    DAY_TAG,
    NEVER_RETRIED,
    SOURCE_TAG,
    WILL_RETRY,
    job_name,
    retention_name,
)
from amocrm_assets.orchestration.partitions import partition_keys_of_run
from amocrm_assets.orchestration.source_entities import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amocrm_assets.settings import SourceSettings

PLANNED = {DagsterEventType.ASSET_MATERIALIZATION_PLANNED}


def run_key(run: dg.DagsterRun, source: SourceSettings) -> str:
    """The problem's key: one for all runs of days, and one for each job without days."""
    return f"{source.subdomain}/run" if days_in_words(run) else f"{source.subdomain}/run/{run.job_name}"


def days_in_words(run: dg.DagsterRun) -> str:
    """The days of a run by its tags; empty for a run without days."""
    if (keys := partition_keys_of_run(run)) is None:
        return run.tags.get(DAY_TAG, "").replace("...", " to ")
    first, last = keys
    return first if first == last else f"{first} to {last}"


def sources_of_run(
    run: dg.DagsterRun, sources: Iterable[SourceSettings], instance: dg.DagsterInstance
) -> list[SourceSettings]:
    """The sources that a run belongs to: by its tag, by its job, or by its assets."""
    named = [
        source
        for source in sources
        if run.tags.get(SOURCE_TAG) == source.subdomain
        or run.job_name in (job_name(source.key), retention_name(source.key))
    ]
    if named:
        return named
    assets = _assets_of(run, instance)
    return [source for source in sources if not assets.isdisjoint(all_keys(source, shown(source)))]


def _assets_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> set[dg.AssetKey]:
    """The assets and the checked assets that a run was launched for."""
    assets = set(run.asset_selection or ()) | {check.asset_key for check in run.asset_check_selection or ()}
    if assets:
        return assets
    # A job of the user's own: Dagster records what it is going to materialise when it creates the run.
    records = instance.get_records_for_run(run.run_id, of_type=PLANNED).records
    events = (record.event_log_entry.dagster_event for record in records)
    return {event.asset_key for event in events if event and event.asset_key}


def is_retried(run: dg.DagsterRun, instance: dg.DagsterInstance) -> bool:
    """Whether Dagster's daemon starts a failed run again, or has not decided yet.

    Its decision is a tag, and a run whose tags change is evaluated again. A run outside a code location cannot be
    started again.
    """
    return instance.run_retries_enabled and bool(run.remote_job_origin) and run.tags.get(WILL_RETRY) != "false"


def is_interruption(event: dg.DagsterEvent) -> bool:
    """Whether a step failed only because its process was told to end: the run's own failure has the reason."""
    source = event.step_failure_data.error_source
    return source is not None and source.name == "INTERRUPT"


def run_problem(run: dg.DagsterRun, source: SourceSettings, failures: Sequence[dg.DagsterEvent]) -> Problem | None:
    """The problem of a source in a run that failed with these events, without a failed step of this source.

    None if the steps of others are the reason, or if the user of the command line interrupted the run.
    """
    # A process that is told to end reports that, too; the reason is with the one who told it.
    failure = next((each for each in failures if _reason(each) != "UNEXPECTED_TERMINATION"), failures[-1])
    if _reason(failure) == "STEP_FAILURE":
        return None
    if _reason(failure) == "UNEXPECTED_TERMINATION" and NEVER_RETRIED.items() <= run.tags.items():
        return None
    days = days_in_words(run)
    again = "materialise these days again" if days else "run it again"
    return Problem(
        key=run_key(run, source),
        source=source.subdomain,
        what="a run failed",
        cause=_cause(failure),
        fix=f"See the run's log for what ended it, then {again}.",
        days=days,
        path=f"/runs/{run.run_id}",
    )


def _cause(failure: dg.DagsterEvent) -> str:
    """The innermost error, if the run failed with one, otherwise Dagster's message."""
    data = failure.event_specific_data and failure.job_failure_data
    error = data.error if data else None
    while error and error.cause:
        error = error.cause
    is_ended = _reason(failure) == "UNEXPECTED_TERMINATION"
    return str(error.message if error and not is_ended else failure.message)


def _reason(failure: dg.DagsterEvent) -> str:
    """The name of Dagster's reason; empty if it has none."""
    reason = failure.event_specific_data and failure.job_failure_data.failure_reason
    return reason.name if reason else ""
