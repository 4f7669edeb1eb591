"""The reference assets in Dagster: once a run, behind the leads; `test_reference_failures` has those that fail."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from amocrm_assets.captures import all_captures
from amocrm_assets.entities.reference import REFERENCE
from amocrm_assets_tests.orchestration.conftest import (
    DAY,
    FIRST,
    LAST,
    Pipeline,
    StandInPipeline,
    failed,
    failure_of,
    materialised,
    query,
    verdicts,
)
from amocrm_assets_tests.orchestration.sources import TABLES
from amocrm_assets_tests.orchestration.ticks import tick
from amocrm_assets_tests.standin.reference import OTHER_USER_ID, REASON_ID, status

pytestmark = pytest.mark.slow


def test_a_run_of_a_day_brings_leads_and_then_all_tables_once(account: StandInPipeline) -> None:
    result = account.run(DAY)

    assert result.success, failure_of(result)
    assert materialised(result)[:4] == [
        ("raw_leads", DAY),
        ("leads", DAY),
        ("amoCrmLeads", DAY),
        ("raw_reference", None),
    ]
    assert sorted(name for name, _ in materialised(result)[4:-1]) == sorted(TABLES)
    assert materialised(result)[-1] == ("amoCrmLoads", None)
    assert failed(result) == {}
    joined = query(
        """
        SELECT l.id, s.name, u.name, g.name
        FROM "amoCrmLeads_acme_20260301" AS l
        JOIN "amoCrmStatuses_acme" AS s ON (s.pipeline_id, s.id) = (l.pipeline_id, l.status_id) AND s.is_current
        JOIN "amoCrmUsers_acme" AS u ON u.id = l.responsible_user_id AND u.is_current
        JOIN "amoCrmGroups_acme" AS g ON g.id = u.group_id AND g.id = l.group_id AND g.is_current
        ORDER BY 1
        """
    )
    assert len(joined) == 5
    assert joined[0][1:] == ("В работе", "Марфа Тихоновна Щукина", "Default group")


def test_dagster_is_told_the_rows_of_a_day_or_of_a_table(account: StandInPipeline) -> None:
    """It plots the one over the days, and shows the other as the table's size."""
    account.configure(
        base_url=account.standin.url, start_date="2026-01-01", import_reference=True, latest_table=True
    )
    for event in account.run(DAY).get_asset_materialization_events():
        counted = event.materialization.metadata.keys() & {"dagster/row_count", "dagster/partition_row_count"}
        assert counted == {"dagster/partition_row_count" if event.partition else "dagster/row_count"}, (
            event.asset_key
        )


def test_a_range_is_one_reading_of_the_lists(pipeline: Pipeline) -> None:
    pipeline.configure(import_reference=True)
    result = pipeline.run(FIRST, LAST)

    assert result.success, failure_of(result)
    assert len(all_captures(REFERENCE, pipeline.storage, "acme")) == 1
    assert [name for name, day in materialised(result) if day is None].count("raw_reference") == 1
    assert len([day for name, day in materialised(result) if name == "amoCrmLeads"]) == 4


def test_a_user_who_is_renamed_and_a_stage_that_is_deleted_keep_their_names(account: StandInPipeline) -> None:
    account.run(DAY)
    account.lists.users[0]["name"] = "Марфа Тихоновна Окунева"
    stages = account.lists.stages()
    (working,) = [each for each in stages if each["name"] == "В работе"]
    stages.remove(working)
    stages.append(status(5_500_009, "Счёт выставлен"))
    result = account.again()

    assert result.success, failure_of(result)
    names = query(
        """SELECT name, is_current FROM "amoCrmUsers_acme" WHERE name LIKE 'Марфа%' ORDER BY valid_from"""
    )
    assert names == [("Марфа Тихоновна Щукина", False), ("Марфа Тихоновна Окунева", True)]
    gone = query(
        """SELECT is_deleted, is_current FROM "amoCrmStatuses_acme" WHERE name = 'В работе' ORDER BY valid_from"""
    )
    assert gone == [(False, False), (True, True)]


def test_ids_that_no_table_knows_are_counted_by_kind_with_an_example(account: StandInPipeline) -> None:
    leads = account.standin.account.leads
    leads[0]["responsible_user_id"] = leads[1]["responsible_user_id"] = 99
    leads[0]["created_by"] = OTHER_USER_ID
    leads[2]["updated_by"] = 0
    leads[3] |= {"status_id": 143, "loss_reason_id": REASON_ID}
    leads[4] |= {"pipeline_id": 1, "status_id": 142}
    result = account.run(DAY)

    assert result.success, failure_of(result)
    verdict = verdicts(result)["leads", "reference_known"]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert verdict.metadata["unknown_ids"].value == "pipeline_id: 1, status_id: 1, responsible_user_id: 2"
    assert "2 × responsible_user_id (for example 99, missing in amoCrmUsers)" in str(verdict.description)
    assert "status_id (for example 1 / 142, missing in amoCrmStatuses)" in str(verdict.description)


def test_the_checks_can_be_run_alone(account: StandInPipeline) -> None:
    alone = account.check("amoCrmUsers", "reading_complete")
    assert not alone.passed
    assert "Materialise `raw_reference`" in str(alone.description)
    assert alone.metadata["cause"].value == "The list was not read yet."
    assert alone.metadata["fix"].value == "Materialise `raw_reference`."
    account.run(DAY)
    assert account.check("amoCrmUsers", "reading_complete").passed
    assert account.check("leads", "reference_known").passed


def test_one_table_is_made_of_the_captures_that_are_there(account: StandInPipeline) -> None:
    account.run(DAY)
    asked = len(account.standin.requests)
    result = account.run(DAY, only=["amoCrmUsers"])
    assert result.success, failure_of(result)
    assert materialised(result) == [("amoCrmUsers", None)]
    assert len(account.standin.requests) == asked


def test_a_table_without_captures_says_what_to_materialise(account: StandInPipeline) -> None:
    result = account.run(DAY, only=["amoCrmUsers"])
    assert "Materialise `raw_reference` first" in failure_of(result).description


def test_runs_of_one_backfill_read_the_lists_once(account: StandInPipeline) -> None:
    for day in (DAY, "2026-03-02"):
        result = account.definitions.resolve_job_def("acme_leads").execute_in_process(
            instance=account.instance, partition_key=day, tags={"dagster/backfill": "abc"}, raise_on_error=False
        )
        assert result.success, failure_of(result)
    assert len(all_captures(REFERENCE, account.storage, "acme")) == 1
    account.run(DAY)
    assert len(all_captures(REFERENCE, account.storage, "acme")) == 2


def test_a_source_without_reference_tables_has_none_of_their_assets_and_asks_for_no_list(
    account: StandInPipeline,
) -> None:
    account.configure(base_url=account.standin.url, start_date="2026-01-01", import_reference=False)
    assert not [spec for spec in account.definitions.resolve_all_asset_specs() if "reference" in spec.key.path[-1]]
    result = account.run(DAY)
    assert result.success
    assert not account.standin.asked("/api/v4/users")
    assert ("leads", "reference_known") not in verdicts(result)


def test_of_several_runs_of_a_night_one_reads_the_lists(stored_pipeline: Pipeline) -> None:
    stored_pipeline.configure(import_reference=True)
    stored_pipeline.run("2025-03-05", "2025-03-09")
    stored_pipeline.drop_shard("2025-03-07")
    at = datetime(2025, 3, 11, 0, 30, tzinfo=ZoneInfo("Europe/Moscow"))
    requests = tick(stored_pipeline.definitions, "acme_daily", at, stored_pipeline.instance).run_requests or []

    leads = [stored_pipeline.key(name) for name in ("raw_leads", "leads", "amoCrmLeads")]
    assert {request.tags["amocrm/day"]: request.asset_selection for request in requests} == {
        "2025-03-04": None,
        "2025-03-07": leads[-1:],
        "2025-03-10": [*leads, stored_pipeline.key("amoCrmLoads")],
    }


def test_tables_under_keys_of_ones_own_are_made_loaded_and_checked(account: StandInPipeline) -> None:
    account.configure(
        base_url=account.standin.url,
        start_date="2026-01-01",
        import_reference=True,
        translation={"key": "{{ asset.name }}/of_ours"},
    )
    account.lists.statuses["users"] = 403
    result = account.run(DAY)

    assert result.success, failure_of(result)
    keys = {each.asset_key.to_user_string() for each in result.get_asset_check_evaluations() if not each.passed}
    assert keys == {"amoCrmUsers/of_ours", "leads/of_ours"}  # without users, no manager is known
    assert query('SELECT count(*) FROM "amoCrmStatuses_acme"') == [(4,)]
    assert not account.check("amoCrmUsers", "reading_complete").passed
