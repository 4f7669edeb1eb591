"""Runs a source's job in this process, as `amocrm-assets run` does: the job that the UI and the schedule start.

The run is stored in Dagster's instance if DAGSTER_HOME is set, so the UI shows it. For the job see `assets`, for
printing the outcome `cli`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg

from amocrm_assets.entities import ENTITIES
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.assets import shards_key
from amocrm_assets.orchestration.markdown import plain
from amocrm_assets.orchestration.names import NEVER_RETRIED, RANGE_END, RANGE_START, job_name, op_name
from amocrm_assets.orchestration.partitions import materialisations_of_run
from amocrm_assets.orchestration.run_listener import listening
from amocrm_assets.orchestration.run_origin import belong_to_job
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.orchestration.source_entities import scheduled
from amocrm_assets.settings import dagster_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from amocrm_assets.entities import Entity
    from amocrm_assets.orchestration.run_listener import Listener
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.settings.source_files import SourceFound


class Interrupted(Exception):
    """A signal (Ctrl-C, SIGTERM) ended the run, also in Dagster's instance."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run. `failure` is the message of the failed step, None if every day was loaded.

    `errors` are failed checks about missing or wrong data in loaded days, `warnings` the others. `missing` are the
    days, by entity, of which a shard was not loaded in this run; an entity without any is not in it.
    """

    run_id: str
    failure: str | None
    errors: list[str]
    warnings: list[str]
    missing: dict[str, list[date]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether every day was loaded and no check found anything missing or wrong in it."""
        return self.failure is None and not self.errors


def run_days(
    source: SourceSettings,
    days: Sequence[date],
    *,
    listener: Listener,
    place: SourceFound | None = None,
    read_again: bool = True,
    entities: tuple[Entity, ...] = ENTITIES,
) -> Outcome:
    """Materialise consecutive days of a source with its job. `place` is the file of its settings, if any.

    Raises `SettingsError` for wrong settings, and `Interrupted` after a signal.
    """
    if not source.enabled:
        raise SettingsError(
            f"Running {source.title}",
            cause="the source is switched off.",
            fix=f"Set `enabled: true` in {place.file if place else 'its settings'}, then run it again.",
            source=source.subdomain,
        )
    file, line = (place.file, place.line) if place else (None, 1)
    definitions = source_definitions(source, file=file, line=line, entities=entities)
    wanted = scheduled(source, entities)
    raw = [op_name(source, entity.raw_asset) for entity in wanted]
    first, last = days[0].isoformat(), days[-1].isoformat()
    run_id = str(uuid4())
    with open_instance() as instance, listening(listener), _ending_run(instance, run_id):
        job = definitions.resolve_job_def(job_name(source.key))
        belong_to_job(instance, job.name)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            # The user of the command sees its outcome, and may repeat it; the daemon must not.
            tags={RANGE_START: first, RANGE_END: last, **NEVER_RETRIED},
            run_config=_config(raw, read_again=read_again),
        )
        if result.dagster_run.status is dg.DagsterRunStatus.CANCELED or _was_interrupted(result):
            raise Interrupted
        return replace(_outcome(result), missing=_missing(instance, run_id, source, wanted, days))


@contextmanager
def _ending_run(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Leave no run that seems to be in progress: a signal may come before Dagster begins, or while it ends."""
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as signalled:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run, message="The command was interrupted.")
        raise Interrupted from signalled


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether a signal came between two steps, which Dagster itself treats as a failure."""
    reasons = [event.job_failure_data.failure_reason for event in result.all_events if event.is_job_failure]
    return any(reason is not None and reason.name == "UNEXPECTED_TERMINATION" for reason in reasons)


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """The deployment's instance; without DAGSTER_HOME, a temporary one."""
    with dg.DagsterInstance.get() if dagster_home() else dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _config(raw: Sequence[str], *, read_again: bool) -> dict[str, Any]:
    return {
        "ops": {name: {"config": {"read_again": read_again}} for name in raw},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def _outcome(result: dg.ExecuteInProcessResult) -> Outcome:
    # Steps that fail for the same cause are reported once.
    failures = dict.fromkeys(_reason(event) for event in result.all_events if event.is_step_failure)
    failure = None if result.success else "\n".join(failures) or "the run failed"
    severity = dg.AssetCheckSeverity
    return Outcome(result.run_id, failure, _not_passed(result, severity.ERROR), _not_passed(result, severity.WARN))


def _missing(
    instance: dg.DagsterInstance,
    run_id: str,
    source: SourceSettings,
    entities: Sequence[Entity],
    days: Sequence[date],
) -> dict[str, list[date]]:
    """The days of each entity that were not loaded, in at least one of its tables."""
    # The result of a run lacks the days that a step finished before it failed; the instance has them.
    loaded = {(each.asset_key, each.partition) for each in materialisations_of_run(instance, run_id)}
    found = {
        entity.name: [
            day
            for day in days
            if any((shards_key(table, source), day.isoformat()) not in loaded for table in entity.tables)
        ]
        for entity in entities
    }
    return {name: missing for name, missing in found.items() if missing}


def _not_passed(result: dg.ExecuteInProcessResult, severity: dg.AssetCheckSeverity) -> list[str]:
    return [
        f"{each.asset_key.to_user_string()} · {each.check_name}: {plain(each.description or 'not passed')}"
        for each in result.get_asset_check_evaluations()
        if not each.passed and each.severity is severity
    ]


def _reason(event: dg.DagsterEvent) -> str:
    """The message of a failed step: the description of our failures, the innermost cause of others."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error and error.cause:
        error = error.cause
    return error.message if error else str(event.message)
