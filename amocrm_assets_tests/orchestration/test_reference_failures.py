"""A reference list that cannot be read fails its own check or asset, and neither its table nor the leads."""

from __future__ import annotations

import dagster as dg
import pytest

from amocrm_assets.captures import CapturedFinding, CapturedList
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.orchestration.reference_checks import list_results
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.orchestration.conftest import (
    DAY,
    StandInPipeline,
    failed,
    failure_of,
    materialised,
    query,
)
from amocrm_assets_tests.orchestration.sources import TABLES
from amocrm_assets_tests.standin.account import USER_ID

pytestmark = pytest.mark.slow


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


def test_what_a_server_says_of_a_list_is_text_in_the_verdict() -> None:
    finding = CapturedFinding(
        kind="list_failed", may_miss=True, cause="it says ![x](http://127.0.0.1/a)", fix="Wait."
    )
    users = CapturedList(name="users", records=0, is_complete=False, outcome="failed", findings=(finding,))
    settings = SourceSettings(subdomain="acme", access_token_env="A", start_date="2026-01-01")

    verdict = list_results(settings, reference_table("amoCrmUsers"), {"users": users})

    assert "it says `![x](http://127.0.0.1/a)` Wait." in str(verdict.description)  # a code span renders nothing
    assert str(verdict.description).endswith("Wait.")
