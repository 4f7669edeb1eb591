"""`amoCrmLoads` in Dagster: behind everything else of a run, whatever of it failed, at no request to amoCRM."""

from __future__ import annotations

from typing import Any

import dagster as dg
import duckdb
import pytest

from amocrm_assets.errors import WarehouseUnavailable
from amocrm_assets.orchestration.metadata_keys import meanings
from amocrm_assets.settings import Deployment
from amocrm_assets.warehouse.duckdb import DuckDbWarehouse
from amocrm_assets_tests.orchestration.conftest import DAY, StandInPipeline, failure_of, materialised, query
from amocrm_assets_tests.orchestration.sources import TABLES

pytestmark = pytest.mark.slow

LOADS = "amoCrmLoads"
NEXT = "2026-03-02"
TOLD = """
    SELECT l.table, CAST(l.day AS VARCHAR), l.rows, l.is_complete, len(l.findings) FROM "amoCrmLoads_acme" AS l
"""
LEADS_LOADED_AT = """SELECT l.loaded_at FROM "amoCrmLoads_acme" AS l WHERE l.table = 'amoCrmLeads'"""
USERS_FINDING = """
    SELECT l.findings[1].kind, l.findings[1].fix FROM "amoCrmLoads_acme" AS l WHERE l.table = 'amoCrmUsers'
"""
WRITES = ("amocrm_assets.storage.folder.FolderStorage.replace", "amocrm_assets.warehouse.duckdb._comments")


@pytest.fixture
def whole(account: StandInPipeline) -> StandInPipeline:
    account.configure(
        base_url=account.standin.url,
        start_date="2026-01-01",
        import_reference=True,
        import_lead_details=True,
        latest_table=True,
    )
    return account


def loads() -> dict[tuple[str, str | None], tuple[Any, ...]]:
    """Rows, completeness and number of findings by table and day."""
    return {(table, day): tuple(rest) for table, day, *rest in query(TOLD)}


def test_each_table_and_day_has_a_row_a_quiet_day_too(whole: StandInPipeline) -> None:
    result = whole.run(DAY, NEXT)
    assert result.success, failure_of(result)
    request_count = len(whole.standin.requests)

    found = loads()
    shards = {(table, day) for table in ("amoCrmLeads", "amoCrmLeadDetails") for day in (DAY, NEXT)}
    assert found.keys() == shards | {(table, None) for table in (*TABLES, "amoCrmLeadsLatest")}
    assert found["amoCrmLeads", DAY] == found["amoCrmLeadDetails", DAY] == (5, True, 0)
    assert found["amoCrmLeads", NEXT] == (0, True, 0)
    ((same, late),) = query(
        """
        SELECT count(*) = count(l.captured_at), count_if(l.loaded_at < l.captured_at) FROM "amoCrmLoads_acme" AS l
        """
    )
    assert (same, late) == (True, 0)
    assert materialised(result)[-1] == (LOADS, None)
    assert whole.run(DAY, only=[LOADS]).success
    assert loads() == found
    assert len(whole.standin.requests) == request_count


def test_what_a_list_could_not_prove_is_told(whole: StandInPipeline) -> None:
    whole.lists.statuses["users"] = 403
    whole.lists.totals["pipelines"] = None
    assert whole.run(DAY).success
    found = loads()
    assert found["amoCrmUsers", None][1:] == (False, 1)
    assert found["amoCrmStatuses", None][1:] == (True, 1)
    ((kind, fix),) = query(USERS_FINDING)
    assert kind == "list_refused"
    assert "administrator" in fix


def test_a_list_that_fails_keeps_nothing_back(whole: StandInPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amocrm_assets.crm.http.retries.MAX_ATTEMPTS", 2)
    whole.lists.statuses["loss_reasons"] = 504
    assert not whole.run(DAY).success
    found = loads()
    assert found["amoCrmLeads", DAY] == (5, True, 0)
    assert ("amoCrmLossReasons", None) not in found
    assert found["amoCrmTags", None][1] is True


def test_a_day_that_fails_says_what_it_said_before_and_the_next_run_brings_it(
    whole: StandInPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole.run(DAY)
    before = query(LEADS_LOADED_AT)
    load = DuckDbWarehouse._load_one  # noqa: SLF001 - one table fails, as no file can make it

    def fail(self: DuckDbWarehouse, connection: Any, each: Any, storage: Any) -> Any:
        if each.table.asset == "leads":
            raise WarehouseUnavailable("Loading", cause="it is away.", fix="Wait.")
        return load(self, connection, each, storage)

    with monkeypatch.context() as patch:
        patch.setattr(DuckDbWarehouse, "_load_one", fail)
        assert not whole.run(DAY).success
    assert query(LEADS_LOADED_AT) == before
    assert whole.run(DAY).success
    assert query(LEADS_LOADED_AT) > before


def test_a_run_that_dies_between_any_two_writes_and_is_run_again_gives_the_same(
    whole: StandInPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole.run(DAY)
    wanted, file = loads(), Deployment.from_environment().warehouse.removeprefix("duckdb:///")
    for place in (
        "amocrm_assets.storage.folder.FolderStorage.replace",
        "amocrm_assets.warehouse.duckdb._comments",
    ):
        with duckdb.connect(file) as connection:
            connection.execute('DROP TABLE "amoCrmLoads_acme"')
        with monkeypatch.context() as patch:
            patch.setattr(place, _dies)
            assert not whole.run(DAY, only=[LOADS]).success
        assert whole.run(DAY, only=[LOADS]).success
        assert loads() == wanted


def _dies(*_: object) -> None:
    raise RuntimeError("killed")


def test_each_key_of_its_metadata_is_explained_and_it_depends_on_nothing(whole: StandInPipeline) -> None:
    result = whole.run(DAY)
    (event,) = [each for each in result.get_asset_materialization_events() if each.asset_key == whole.key(LOADS)]
    assert event.materialization.metadata.keys() <= meanings(LOADS).keys()
    specs = {spec.key: spec for spec in whole.definitions.resolve_all_asset_specs()}
    assert not list(specs[whole.key(LOADS)].deps)
    assert specs[whole.key(LOADS)].group_name == "acme_reference"


def test_a_source_without_reference_tables_has_no_table_of_loads(whole: StandInPipeline) -> None:
    whole.configure(base_url=whole.standin.url, start_date="2026-01-01", import_reference=False)
    assert dg.AssetKey(["acme", LOADS]) not in {spec.key for spec in whole.definitions.resolve_all_asset_specs()}
