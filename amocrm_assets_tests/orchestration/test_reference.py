"""The reference assets in Dagster: once a run, behind the leads; a bad list fails itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest

from amocrm_assets.captures import CapturedFinding, CapturedList, all_captures
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES, reference_table
from amocrm_assets.orchestration.reference_checks import list_results
from amocrm_assets.settings import Deployment, SourceSettings
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, failure_of
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE
from amocrm_assets_tests.orchestration.ticks import tick
from amocrm_assets_tests.standin import ReferenceLists, StandIn, StandInAccount, lead, running_standin
from amocrm_assets_tests.standin.account import USER_ID
from amocrm_assets_tests.standin.reference import OTHER_USER_ID, REASON_ID, status

TABLES = [table.asset for table in REFERENCE_TABLES]
DAY = "2026-03-01"
SECOND = 1_772_355_600  # 2026-03-01T12:00 in Moscow


class StandInPipeline(Pipeline):
    """A pipeline that reads an account which shares nothing with the sandbox."""

    standin: StandIn
    lists: ReferenceLists

    def again(self, day: str = DAY, **options: Any) -> dg.ExecuteInProcessResult:
        """A later night: the same run once more, with what amoCRM says by then."""
        return self.run(day, **options)


@pytest.fixture
def account(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInPipeline]:
    leads = [lead(number, SECOND + number) for number in range(1, 6)]
    standin = StandIn(StandInAccount(leads, subdomain="acme"), reference=ReferenceLists())
    monkeypatch.setenv(TOKEN_VARIABLE, standin.token)
    with running_standin(standin):
        own = StandInPipeline(pipeline.sandbox, pipeline.instance)
        own.standin, own.lists = standin, standin.reference or ReferenceLists()
        own.configure(base_url=standin.url, start_date="2026-01-01", import_reference=True)
        yield own


def query(sql: str) -> list[tuple[Any, ...]]:
    path = Deployment.from_environment().warehouse.removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def materialised(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None]]:
    events = [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    found = [event.event_specific_data.materialization for event in events]  # type: ignore[union-attr]
    return [(each.asset_key.path[-1], each.partition) for each in found]


def verdicts(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {(each.asset_key.path[-1], each.check_name): each for each in result.get_asset_check_evaluations()}


def failed(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {asset: each for (asset, _), each in verdicts(result).items() if not each.passed}


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


def test_a_list_that_is_refused_fails_its_own_check_and_leaves_its_table(account: StandInPipeline) -> None:
    account.run(DAY)
    before = query('SELECT * FROM "amoCrmUsers_acme" ORDER BY id')
    account.lists.statuses["users"] = 403
    result = account.again()

    assert result.success, failure_of(result)
    assert list(failed(result)) == ["amoCrmUsers"]
    verdict = failed(result)["amoCrmUsers"]
    assert verdict.severity is dg.AssetCheckSeverity.ERROR
    assert f"user {USER_ID}, who authorised the source" in str(verdict.description)
    assert query('SELECT * FROM "amoCrmUsers_acme" ORDER BY id') == before


def test_a_list_that_fails_fails_its_own_asset_and_not_the_leads(
    account: StandInPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 2)
    account.lists.statuses["leads_tags"] = 400
    account.lists.statuses["loss_reasons"] = 504
    result = account.run(DAY)

    assert not result.success
    assert "amoCrmLossReasons_acme" in failure_of(result).description
    names = [name for name, _ in materialised(result)]
    assert set(TABLES) - set(names) == {"amoCrmLossReasons"}
    assert names[-1] == "amoCrmLoads"
    assert "amoCrmLeads" in names
    assert set(failed(result)) == {"amoCrmLossReasons", "amoCrmTags"}
    assert query("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'amoCrmLossReasons%'") == [(0,)]


def test_an_answer_that_is_never_empty_is_an_error_of_its_tables(account: StandInPipeline) -> None:
    account.run(DAY)
    account.lists.empty_on["pipelines"] = tuple(range(2, 9))
    result = account.again()

    assert result.success
    assert set(failed(result)) == {"amoCrmPipelines", "amoCrmStatuses"}
    assert query('SELECT count(*) FROM "amoCrmPipelines_acme" WHERE is_deleted') == [(0,)]


def test_the_account_that_says_nothing_of_groups_is_an_error_of_theirs_alone(account: StandInPipeline) -> None:
    account.lists.groups = None
    result = account.run(DAY)
    assert result.success
    assert set(failed(result)) == {"amoCrmGroups"}


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


def test_what_a_server_says_of_a_list_is_text_in_the_verdict() -> None:
    finding = CapturedFinding(
        kind="list_failed", may_miss=True, cause="it says ![x](http://127.0.0.1/a)", fix="Wait."
    )
    users = CapturedList(name="users", records=0, is_complete=False, outcome="failed", findings=(finding,))
    settings = SourceSettings(subdomain="acme", access_token_env="A", start_date="2026-01-01")

    verdict = list_results(settings, reference_table("amoCrmUsers"), {"users": users})

    assert "it says `![x](http://127.0.0.1/a)` Wait." in str(verdict.description)  # a code span renders nothing
    assert str(verdict.description).endswith("Wait.")


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
