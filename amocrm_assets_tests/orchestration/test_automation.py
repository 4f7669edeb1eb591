from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.automation import freshness_of
from amocrm_assets.orchestration.partitions import last_days, partitions_of
from amocrm_assets.sandbox.options import Fault
from amocrm_assets.settings import ScheduleSettings, SourceSettings
from amocrm_assets_tests.orchestration import ticks
from amocrm_assets_tests.orchestration.conftest import Pipeline

if TYPE_CHECKING:
    from pathlib import Path

# Zones whose clocks change at midnight, by half an hour, at another hour, or never.
ZONES = ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo", "Europe/Moscow", "UTC"]


def settings_of(**changes: object) -> SourceSettings:
    return SourceSettings.model_validate(
        {"subdomain": "acme", "access_token_env": "A", "start_date": "2025-01-01", **changes}
    )


def schedule_of(stored_pipeline: Pipeline) -> dg.ScheduleDefinition:
    schedule = stored_pipeline.definitions.resolve_schedule_def("acme_daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    return schedule


def tick(stored_pipeline: Pipeline, at: datetime) -> dg.SensorExecutionData:
    """What the schedule asks for at that moment."""
    return ticks.tick(stored_pipeline.definitions, "acme_daily", at, stored_pipeline.instance)


def requested(stored_pipeline: Pipeline, at: datetime) -> list[str]:
    """The days of each run that the schedule asks for."""
    return [request.tags["amocrm/day"] for request in tick(stored_pipeline, at).run_requests or []]


@pytest.mark.slow
def test_the_schedule_asks_for_yesterday_and_for_missing_days_of_the_last_week(
    stored_pipeline: Pipeline,
) -> None:
    at = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))
    assert requested(stored_pipeline, at) == ["2025-03-04...2025-03-10"]
    stored_pipeline.run("2025-03-05", "2025-03-09")
    assert requested(stored_pipeline, at) == ["2025-03-04", "2025-03-10"]
    stored_pipeline.run("2025-03-04")
    stored_pipeline.run("2025-03-10")
    outcome = tick(stored_pipeline, at)
    assert not outcome.run_requests
    assert "Each of the last 7 days is already loaded" in str(outcome.skip_message)


@pytest.mark.slow
def test_the_days_of_an_outage_are_one_run_that_reads_amocrm_once(stored_pipeline: Pipeline) -> None:
    at = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))
    (request,) = tick(stored_pipeline, at).run_requests or []
    assert request.partition_key is None
    assert (
        request.tags.items()
        >= {
            "dagster/asset_partition_range_start": "2025-03-04",
            "dagster/asset_partition_range_end": "2025-03-10",
            "amocrm/source": "acme",
        }.items()
    )
    job = stored_pipeline.definitions.resolve_job_def("acme_leads")
    assert job.execute_in_process(instance=stored_pipeline.instance, tags=dict(request.tags)).success
    assert not tick(stored_pipeline, at).run_requests
    assert len(stored_pipeline.warehouse.shard_days(LEADS.table, "acme")) == 7


@pytest.mark.slow
def test_a_day_that_stays_unreadable_holds_up_no_other(stored_pipeline: Pipeline) -> None:
    at = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))
    stored_pipeline.configure(start_date="2025-03-07")
    broken = {"2025-03-07"}
    job = stored_pipeline.definitions.resolve_job_def("acme_leads")
    for _ in range(2):
        for request in tick(stored_pipeline, at).run_requests or []:
            bad = request.tags["amocrm/day"].partition("...")[0] in broken
            stored_pipeline.sandbox.configure(faults=(Fault("402"),) if bad else ())
            tags = {
                **request.tags,
                **({"dagster/partition": request.partition_key} if request.partition_key else {}),
            }
            ran = job.execute_in_process(instance=stored_pipeline.instance, tags=tags, raise_on_error=False)
            assert ran.success is not bad
    assert requested(stored_pipeline, at) == ["2025-03-07"]
    assert {day.day for day in stored_pipeline.warehouse.shard_days(LEADS.table, "acme")} == {8, 9, 10}


@pytest.mark.slow
def test_a_day_that_failed_is_asked_for_again_by_the_next_tick(
    stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_pipeline.configure(start_date="2025-03-10")
    with monkeypatch.context() as patch:
        patch.setenv("AMOCRM_TEST_TOKEN", "")
        assert not stored_pipeline.run("2025-03-10").success
    assert requested(stored_pipeline, datetime(2025, 3, 12, 1, tzinfo=UTC)) == ["2025-03-10", "2025-03-11"]


@pytest.mark.slow
def test_a_shard_of_the_last_week_that_is_gone_is_loaded_again_without_asking_amocrm(
    stored_pipeline: Pipeline,
) -> None:
    at = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))
    stored_pipeline.configure(start_date="2025-03-05")
    stored_pipeline.run("2025-03-05", "2025-03-09")
    held = stored_pipeline.warehouse.shard_days(LEADS.table, "acme")
    stored_pipeline.drop_shard("2025-03-07")
    stored_pipeline.sandbox.requests.clear()

    requests = tick(stored_pipeline, at).run_requests or []
    assert [request.partition_key for request in requests] == ["2025-03-07", "2025-03-10"]
    assert [request.asset_selection for request in requests] == [[stored_pipeline.key("amoCrmLeads")], None]

    assert stored_pipeline.run("2025-03-07", only=["amoCrmLeads"]).success
    assert stored_pipeline.warehouse.shard_days(LEADS.table, "acme") == held
    assert not stored_pipeline.sandbox.requests
    assert requested(stored_pipeline, at) == ["2025-03-10"]


@pytest.mark.slow
def test_a_warehouse_that_cannot_be_read_keeps_no_day_from_being_asked_for(
    stored_pipeline: Pipeline, deployment: Path
) -> None:
    stored_pipeline.configure(start_date="2025-03-09")
    stored_pipeline.run("2025-03-09")
    (deployment / "warehouse.duckdb").write_text("no database" * 1000)

    assert requested(stored_pipeline, datetime(2025, 3, 11, 1, tzinfo=UTC)) == ["2025-03-10"]


def test_a_request_tells_source_and_day_and_is_made_once_a_tick(stored_pipeline: Pipeline) -> None:
    stored_pipeline.configure(start_date="2025-03-10")
    at = datetime(2025, 3, 11, 1, tzinfo=UTC)
    (request,) = tick(stored_pipeline, at).run_requests or []
    assert request.tags.items() >= {"amocrm/source": "acme", "amocrm/day": "2025-03-10"}.items()
    assert request.run_key == (tick(stored_pipeline, at).run_requests or [])[0].run_key
    assert request.run_key != (tick(stored_pipeline, at + timedelta(days=1)).run_requests or [])[0].run_key


@pytest.mark.slow
def test_the_flat_table_goes_with_each_run_that_brings_rows(stored_pipeline: Pipeline) -> None:
    """An older day that is missing is a run of its own, in front of yesterday's: each brings its rows."""
    stored_pipeline.configure(start_date="2025-03-04", latest_table=True)
    at = datetime(2025, 3, 11, 1, tzinfo=UTC)
    for day in ("2025-03-04", "2025-03-06", "2025-03-07", "2025-03-08", "2025-03-09"):
        assert stored_pipeline.run(day, only=["raw_leads", "leads", "amoCrmLeads"]).success
    requests = tick(stored_pipeline, at).run_requests or []
    assert len(requests) == 2
    table = stored_pipeline.key("amoCrmLeadsLatest")
    assert all(each.asset_selection is None or table in each.asset_selection for each in requests)


def test_nothing_is_asked_before_the_first_day(stored_pipeline: Pipeline) -> None:
    stored_pipeline.configure(start_date="2025-03-11")
    assert requested(stored_pipeline, datetime(2025, 3, 11, 1, tzinfo=UTC)) == []


def test_the_schedule_of_a_switched_off_source_is_stopped_and_asks_for_nothing(
    stored_pipeline: Pipeline,
) -> None:
    stored_pipeline.configure(import_leads=False)
    assert schedule_of(stored_pipeline).default_status == dg.DefaultScheduleStatus.STOPPED
    assert "`import_leads` is false" in str(tick(stored_pipeline, datetime(2025, 3, 11, tzinfo=UTC)).skip_message)


@pytest.mark.parametrize(("enabled", "state"), [(True, "RUNNING"), (False, "STOPPED")])
def test_hour_zone_and_first_state_of_the_schedule_are_the_settings(
    stored_pipeline: Pipeline, *, enabled: bool, state: str
) -> None:
    stored_pipeline.configure(schedule={"hour": 4, "minute": 5, "enabled": enabled}, timezone="Asia/Almaty")
    schedule = schedule_of(stored_pipeline)
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("5 4 * * *", "Asia/Almaty")
    assert schedule.default_status.value == state


@given(
    zone=st.sampled_from(ZONES),
    at=st.datetimes(datetime(2025, 1, 9), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_at_any_moment_the_last_day_is_yesterday_and_a_partition_that_has_ended(zone: str, at: datetime) -> None:
    source = settings_of(timezone=zone)
    days = last_days(source, at=at, count=7)
    today = at.astimezone(ZoneInfo(zone)).date()
    assert days == [today - timedelta(days=back) for back in range(7, 0, -1)]
    window = partitions_of(source).time_window_for_partition_key(days[-1].isoformat())
    assert window.end <= at < window.end + timedelta(hours=26)


@given(zone=st.sampled_from(ZONES), day=st.dates(date(2025, 1, 1), date(2026, 10, 30)))
def test_a_partition_holds_exactly_the_seconds_that_are_read_for_it(zone: str, day: date) -> None:
    source = settings_of(timezone=zone)
    partition = partitions_of(source).time_window_for_partition_key(day.isoformat())
    read = day_window(day, source.zone)
    assert (read.from_at, read.to_at + 1) == (partition.start.timestamp(), partition.end.timestamp())


@pytest.mark.parametrize(("minute", "deadline"), [(0, 2), (1, 3), (15, 3), (59, 3)])
def test_the_shard_is_late_six_hours_after_the_schedule_in_the_sources_zone(minute: int, deadline: int) -> None:
    source = settings_of(timezone="Europe/Moscow", schedule=ScheduleSettings(hour=20, minute=minute))
    policy = freshness_of(LEADS, source)
    assert policy == dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {deadline} * * *", lower_bound_delta=timedelta(hours=7), timezone="Europe/Moscow"
    )


@pytest.mark.parametrize("changes", [{"import_leads": False}, {"schedule": {"enabled": False}}])
def test_nothing_is_late_where_no_schedule_runs(changes: dict[str, object]) -> None:
    assert freshness_of(LEADS, settings_of(**changes)) is None


def test_last_days_never_reach_before_the_first_day() -> None:
    source = settings_of(start_date="2025-03-09")
    assert last_days(source, at=datetime(2025, 3, 11, 5, tzinfo=UTC), count=7) == [
        date(2025, 3, 9),
        date(2025, 3, 10),
    ]


def test_sources_with_one_deadline_share_its_freshness_policy() -> None:
    other = settings_of(subdomain="another")
    assert freshness_of(LEADS, other) is freshness_of(LEADS, settings_of())
    staggered = settings_of(schedule={"hour": 0, "minute": 59})
    assert freshness_of(LEADS, staggered) is freshness_of(LEADS, other)
    later = settings_of(schedule={"hour": 1, "minute": 1})
    assert freshness_of(LEADS, later) != freshness_of(LEADS, other)


def test_sources_with_one_first_day_and_zone_share_their_partitions() -> None:
    other = settings_of(subdomain="another")
    assert partitions_of(other) is partitions_of(settings_of())
    elsewhere = settings_of(timezone="Asia/Tokyo")
    assert partitions_of(elsewhere) != partitions_of(other)
