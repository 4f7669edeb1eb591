"""Runs that fail although none of their steps does are told, too: whose they are, why, and for which days."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.orchestration.alerts.failed_runs import is_retried
from amocrm_assets.orchestration.names import DAY_TAG, NEVER_RETRIED, RANGE_END, RANGE_START, WILL_RETRY
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.orchestration.run_origin import belong_to_job
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from amocrm_assets_tests.orchestration.alerts.conftest import Alerts
    from amocrm_assets_tests.orchestration.conftest import Pipeline

JOB, KILLED = "acme_leads", "Run execution process for {} unexpectedly exited with signal 9."
RANGE = {RANGE_START: FIRST, RANGE_END: LAST}


def start(
    pipeline: Pipeline, tags: Mapping[str, str], *, definitions: dg.Definitions | None = None, **launch: Any
) -> dg.DagsterRun:
    """A run that has started, and whose process is gone: nobody executes it."""
    job = (definitions or pipeline.definitions).resolve_job_def(launch.pop("job", JOB))
    run = pipeline.instance.create_run_for_job(job, tags={**job.tags, **tags}, **launch)
    pipeline.instance.report_dagster_event(
        dg.DagsterEvent(event_type_value="PIPELINE_START", job_name=job.name), run_id=run.run_id
    )
    return run


def kill(pipeline: Pipeline, tags: Mapping[str, str], message: str = KILLED, **launch: Any) -> dg.DagsterRun:
    """A run that Dagster marks as failed, because its process was killed."""
    run = start(pipeline, tags, **launch)
    pipeline.instance.report_run_failed(run, message.format(run.run_id))
    return run


def test_a_killed_run_is_told_once_a_day_and_when_a_later_run_of_days_succeeds(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    run = kill(stored_pipeline, RANGE)
    (alert,) = alerts.evaluate()
    assert alert.splitlines() == [
        "amoCRM acme: a run failed",
        f"Cause: {KILLED.format(run.run_id)}",
        "Fix: See the run's log for what ended it, then materialise these days again.",
        f"Days: {FIRST} to {LAST}",
        f"Details: https://dagster.test/runs/{run.run_id}",
    ]
    kill(stored_pipeline, RANGE)
    assert alerts.evaluate() == []

    # Checks alone load no day.
    stored_pipeline.check("amoCrmLeads", "equals_rows")
    assert alerts.evaluate() == []
    assert stored_pipeline.run(FIRST, LAST).success
    (over,) = alerts.evaluate()
    assert over.startswith("amoCRM acme: a run failed: over\n")
    assert alerts.evaluate() == []


def test_runs_that_are_killed_together_are_one_message_with_all_days(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    kill(stored_pipeline, RANGE)
    kill(stored_pipeline, {"dagster/partition": "2025-02-01"})
    kill(stored_pipeline, {DAY_TAG: "2025-02-03...2025-02-05"})
    (alert,) = alerts.evaluate()
    assert f"Days: {FIRST} to {LAST}, 2025-02-01, 2025-02-03 to 2025-02-05\n" in alert


def test_a_run_of_chosen_assets_and_one_of_a_job_of_ones_own_have_a_source(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    own = dg.define_asset_job("own", selection=dg.AssetSelection.assets(stored_pipeline.key("leads")))
    definitions = dg.Definitions.merge(stored_pipeline.definitions, dg.Definitions(jobs=[own]))
    kill(stored_pipeline, RANGE, definitions=definitions, job="own")
    assert [alert for alert in alerts.evaluate() if alert.startswith("amoCRM acme: a run failed\n")]
    assert stored_pipeline.run().success
    assert len(alerts.evaluate()) == 1

    chosen = frozenset({stored_pipeline.key("leads")})
    kill(stored_pipeline, RANGE, definitions=definitions, job="own", asset_selection=chosen)
    assert [alert for alert in alerts.evaluate() if alert.startswith("amoCRM acme: a run failed\n")]


def test_a_run_without_days_is_told(alerts: Alerts, stored_pipeline: Pipeline) -> None:
    stored_pipeline.configure(schedule={"enabled": False}, keep_captures_days=30)
    kill(stored_pipeline, {}, job="acme_capture_retention")
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: a run failed\n")
    assert "then run it again." in alert
    assert "Days:" not in alert
    assert stored_pipeline.run().success
    assert alerts.evaluate() == []  # it still has to be run


def test_a_resource_that_cannot_be_initialised_is_told(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no \u202eplace\x1b for it.")

    with monkeypatch.context() as broken:
        broken.setattr(AmoCrmDeployment, "yield_for_execution", refuse)
        assert not stored_pipeline.run().success
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: a run failed\n")
    assert "no \\u202eplace\\x1b for it." in alert
    assert f"Days: {LAST}" in alert
    assert stored_pipeline.run().success
    (over,) = alerts.evaluate()
    assert over.startswith("amoCRM acme: a run failed: over\n")


def test_a_failed_step_of_another_is_not_a_failed_run_of_the_source(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    @dg.asset
    def theirs() -> None:
        raise ValueError("no.")

    stored_pipeline.configure(schedule={"enabled": False}, keep_captures_days=30)
    own = dg.define_asset_job(
        "own", selection=dg.AssetSelection.assets(stored_pipeline.key("capture_retention"), theirs)
    )
    definitions = dg.Definitions.merge(stored_pipeline.definitions, dg.Definitions(assets=[theirs], jobs=[own]))
    job = definitions.resolve_job_def("own")
    assert not job.execute_in_process(instance=stored_pipeline.instance, raise_on_error=False).success
    assert alerts.evaluate() == []


def test_a_canceled_run_and_one_that_the_command_interrupted_are_not_told(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    stored_pipeline.instance.report_run_canceled(start(stored_pipeline, RANGE))
    interrupt(stored_pipeline, start(stored_pipeline, {**RANGE, **NEVER_RETRIED}))
    assert alerts.evaluate() == []


def test_the_reason_of_a_time_limit_is_told_and_not_that_the_process_was_ended(
    alerts: Alerts, stored_pipeline: Pipeline
) -> None:
    run = start(stored_pipeline, RANGE)
    interrupt(stored_pipeline, run)
    stored_pipeline.instance.report_run_failed(run, "Exceeded maximum runtime of 21600 seconds.")
    (alert,) = alerts.evaluate()
    assert "Cause: Exceeded maximum runtime of 21600 seconds.\n" in alert


def test_a_step_that_was_told_to_end_is_not_the_reason(
    alerts: Alerts, stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    with monkeypatch.context() as stopping, suppress(dg.DagsterExecutionInterruptedError):
        stopping.setattr(AmoCrmDeployment, "storage", stop)
        stored_pipeline.run()
    (alert,) = alerts.evaluate()
    assert alert.startswith("amoCRM acme: a run failed\n")
    assert "Execution was interrupted unexpectedly." in alert
    assert f"Days: {LAST}" in alert


def interrupt(pipeline: Pipeline, run: dg.DagsterRun) -> None:
    """End a run as Dagster does when its process gets a signal between two steps."""
    reason = {"__enum__": "RunFailureReason.UNEXPECTED_TERMINATION"}
    stored = {"__class__": "PipelineFailureData", "error": None, "failure_reason": reason}
    data: Any = dg.deserialize_value(json.dumps(stored))
    pipeline.instance.report_run_failed(run, "Execution was interrupted unexpectedly.", data)


def test_a_run_that_dagster_starts_again_is_told_only_if_that_does_not_help(
    alerts: Alerts, stored_pipeline: Pipeline, tmp_path: Path
) -> None:
    (tmp_path / "retrying").mkdir()
    retries = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "retrying"), overrides=retries) as instance:
        stored_pipeline.instance = instance
        belong_to_job(instance, JOB)
        run = kill(stored_pipeline, RANGE)
        (stored,) = instance.get_runs()
        assert stored.tags[WILL_RETRY] == "true"
        assert is_retried(stored, instance)
        assert alerts.evaluate() == []

        group = {"dagster/root_run_id": run.run_id, "dagster/parent_run_id": run.run_id}
        kill(stored_pipeline, {**RANGE, **group}, root_run_id=run.run_id, parent_run_id=run.run_id)
        (alert,) = alerts.evaluate()
        assert alert.startswith("amoCRM acme: a run failed\n")
