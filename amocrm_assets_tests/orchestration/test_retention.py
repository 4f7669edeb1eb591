"""Old captures in Dagster: an asset with a schedule of its own, and neither unless it is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.captures import CaptureWriter, all_captures
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.assets.retention import CHECK
from amocrm_assets.orchestration.metadata_keys import meanings
from amocrm_assets.orchestration.names import RETENTION
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline, failure_of
from amocrm_assets_tests.rows.days import capture_header, lead, line

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

DAY = date.fromisoformat(LAST)
OLD = datetime(2025, 3, 11, 12, tzinfo=UTC)


def keep(pipeline: Pipeline, captured_at: datetime, **properties: Any) -> None:
    """A capture of the day with one lead, read at a moment."""
    at = day_window(DAY, pipeline.source.zone).from_at + 60
    fields = [{"id": 5, "name": "Город"}]
    header = capture_header(fields=fields, day=DAY, captured_at=captured_at, account_id=31_415_926)
    writer = CaptureWriter(LEADS, pipeline.storage, header)
    writer.add([line(lead(1, updated_at=at, **properties))])
    writer.publish()


def remove(pipeline: Pipeline) -> tuple[Mapping[str, Any], dg.AssetCheckEvaluation]:
    """Run the job: the metadata of its asset, and the verdict of its check."""
    job = pipeline.definitions.resolve_job_def(f"acme_{RETENTION}")
    result = job.execute_in_process(instance=pipeline.instance, raise_on_error=False)
    assert result.success, failure_of(result)
    (event,) = result.get_asset_materialization_events()
    (evaluation,) = result.get_asset_check_evaluations()
    shown = event.materialization.metadata
    assert shown.keys() <= meanings(RETENTION).keys()
    return {name: getattr(value, "value", value) for name, value in shown.items()}, evaluation


def suffixes(pipeline: Pipeline) -> list[str]:
    return [each.name.partition("Z")[2] for each in all_captures(LEADS, pipeline.storage, "acme")]


def test_neither_asset_nor_schedule_are_there_unless_the_source_wants_them(pipeline: Pipeline) -> None:
    def named() -> tuple[set[dg.AssetKey], set[str], set[str]]:
        repository = pipeline.definitions.get_repository_def()
        keys = {spec.key for spec in pipeline.definitions.resolve_all_asset_specs()}
        return (
            keys,
            {each.name for each in repository.schedule_defs},
            {each.name for each in repository.get_all_jobs()},
        )

    keys, schedules, jobs = named()
    pipeline.configure(keep_captures_days=90)
    more_keys, more_schedules, more_jobs = named()
    assert more_keys - keys == {pipeline.key(RETENTION)}
    assert more_schedules - schedules == more_jobs - jobs == {"acme_capture_retention"}
    schedule = pipeline.definitions.resolve_schedule_def("acme_capture_retention")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 3 * * *", "Europe/Moscow")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_captures_go_once_their_rows_stand_for_them_and_the_check_names_those_that_stay(
    pipeline: Pipeline,
) -> None:
    city = {"field_id": 5, "field_name": "Город", "field_type": "text", "values": [{"value": "Москва"}]}
    pipeline.configure(keep_captures_days=1, leads_custom_fields=[])
    keep(pipeline, OLD, custom_fields_values=[city])
    keep(pipeline, datetime.now(UTC) - timedelta(hours=1), custom_fields_values=[city])

    shown, verdict = remove(pipeline)
    assert (shown["captures_removed"], verdict.passed, suffixes(pipeline)) == (0, False, [".jsonl.gz"] * 2)
    assert verdict.asset_check_key == dg.AssetCheckKey(pipeline.key(RETENTION), CHECK)
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert "for that day first" in str(verdict.description)
    assert "for that day first" in str(verdict.metadata["fix"].value)
    assert verdict.metadata["which_days"].value == LAST

    assert pipeline.run(only=["leads", "amoCrmLeads"]).success
    shown, verdict = remove(pipeline)
    assert (shown["captures_removed"], shown["days"], verdict.passed) == (1, 1, True)
    assert "Город" in str(shown["fields_left_out"])
    assert suffixes(pipeline) == [".rows.gz", ".jsonl.gz"]
    assert remove(pipeline)[0]["captures_removed"] == 0


def test_a_range_does_not_read_a_day_again_for_which_rows_stand(pipeline: Pipeline) -> None:
    pipeline.configure(keep_captures_days=1)
    keep(pipeline, OLD)
    assert pipeline.run(only=["leads", "amoCrmLeads"]).success
    remove(pipeline)
    request_count = len(pipeline.sandbox.requests)
    result = pipeline.run(LAST, LAST)
    assert result.success, failure_of(result)
    assert len(pipeline.sandbox.requests) - request_count > 0  # a single day is always read again
    assert suffixes(pipeline)[0] == ".rows.gz"
    assert pipeline.materialised("leads")[LAST]["dagster/partition_row_count"] > 1
    read = len(pipeline.sandbox.requests)
    pipeline.storage.delete(all_captures(LEADS, pipeline.storage, "acme")[-1].name)
    before = (DAY - timedelta(days=1)).isoformat()
    assert pipeline.run(before, LAST).success
    days = [each.name.split("/")[-2] for each in all_captures(LEADS, pipeline.storage, "acme")]
    assert days == [LAST, before]
    assert len(pipeline.sandbox.requests) > read
