"""A second entity goes the whole way: CONTRIBUTING, "Recipe: another entity", as a person follows it.

Its declaration is `companies_lite`, its list in the sandbox a given one. Nothing else knows of it.
"""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.probe.asking import Asker
from amocrm_assets.crm.probe.lists import questions_of
from amocrm_assets.crm.probe.samples import Samples
from amocrm_assets.days import day_window
from amocrm_assets.entities import LEADS, Choices, Column, Entity, RecordList, Table
from amocrm_assets.errors import CapturesMixed
from amocrm_assets.orchestration.failures import Retries
from amocrm_assets.orchestration.running import run_days
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.rows import read_rows, write_rows
from amocrm_assets.sandbox import Fault
from amocrm_assets.sandbox.account.custom_lists import CustomList
from amocrm_assets.settings import Deployment
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse
from amocrm_assets_tests.accounts import DAY, client_of, leads_of, sandbox_with, source
from amocrm_assets_tests.companies_lite import COMPANIES, company, company_stub
from amocrm_assets_tests.orchestration.ticks import tick
from amocrm_assets_tests.rows.days import field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.settings import SourceSettings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
OWN, OWNERS = COMPANIES.tables
BOTH = (LEADS, COMPANIES)
CHAIN = ["raw_companies", "companies", "amoCrmCompaniesLite", "company_owners", "amoCrmCompanyOwnersLite"]
LIVE, DELETED = 620, 30
CITY = field("text", {"value": "Тверь"}, field_name="Город")


def given() -> CustomList:
    """Companies of the day, several pages of them, some in the trash, and one of the day before."""
    window = day_window(DAY, source().zone)
    moments = range(window.from_at, window.to_at, 120)
    live = [
        company(number, updated_at=at, custom_fields_values=[CITY])
        for number, at in zip(range(1, LIVE + 1), moments, strict=False)
    ]
    deleted = [
        company_stub(9_000 + number, updated_at=at) for number, at in zip(range(DELETED), moments, strict=False)
    ]
    before = company(77_777, updated_at=window.from_at - 1)
    defined = {"id": 5, "name": "Город", "code": None, "type": "text", "is_predefined": False}
    return CustomList([*live, *deleted, before], [defined])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An account with leads and companies, on the next day."""
    now = day_window(DAY, source().zone).to_at + 40_000
    with sandbox_with(leads_of(DAY, 40), subdomain="sandbox", frozen_at=now) as running:
        running.custom_lists["companies"] = given()
        yield running


@pytest.fixture
def deployment(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment in a folder of its own."""
    monkeypatch.setenv("AMOCRM_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("AMOCRM_TOKENS", str(tmp_path / "tokens"))
    monkeypatch.setenv("AMOCRM_WAREHOUSE", f"duckdb:///{tmp_path}/warehouse.duckdb")
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", sandbox.token)
    return Deployment.from_environment()


def test_the_recipe_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text.partition("## Recipe: another entity")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w/.]+\.py)`", recipe)) - {"entities/NAME.py", "linked.py"}
    roots = (ROOT, ROOT / "amocrm_assets", ROOT / "amocrm_assets_tests")
    assert [each for each in named if not any((root / each).is_file() for root in roots)] == []
    assert len(named) > 8
    known = {each.name for kind in (Entity, RecordList, Table, Choices, Column) for each in fields(kind)}
    attributes = {
        "details", "kind", "others", "owners", "types", "tables", "api_name", "custom_fields_column", "key",
        "time", "stubs_lack", "other_properties", "choices",
    }  # fmt: skip
    assert attributes - {"custom_fields_column"} <= known
    assert {each for each in attributes if f"`{each}`" not in recipe} == set()


def test_the_probe_has_questions_about_its_list(sandbox: Sandbox) -> None:
    with client_of(sandbox) as client:
        samples = Samples(Asker(client), read_account(client))
        found = {each.key: each.settle(samples).value for each in questions_of(COMPANIES)}
    assert found == {
        "page_size_companies": 250,
        "filters_companies": True,
        "order_companies": "honoured",
        "only_deleted_companies": "known",
    }


def settings_of(sandbox: Sandbox, **changes: Any) -> SourceSettings:
    return source(base_url=sandbox.url, **changes)


def run(sandbox: Sandbox, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """The source's job for the day, with both entities."""
    retries = Retries(count=0, first_wait_seconds=0)
    definitions = source_definitions(settings_of(sandbox), retries=retries, entities=BOTH)
    return definitions.resolve_job_def("sandbox_leads").execute_in_process(
        instance=instance, partition_key=DAY.isoformat(), raise_on_error=False
    )


def test_its_list_becomes_captures_rows_and_a_frame(sandbox: Sandbox, deployment: Deployment) -> None:
    settings, storage = settings_of(sandbox), open_storage(deployment.storage)
    with client_of(sandbox) as client:
        (captured,) = capture_days(COMPANIES, settings, [DAY], client=client, storage=storage)
    assert captured.capture.records == LIVE + DELETED
    (name,) = capture_names(COMPANIES, storage, "sandbox", DAY)
    assert name.startswith(f"captures/sandbox/companies/{DAY}/")
    with open_capture(COMPANIES, storage, name) as capture:
        assert len(list(capture.records)) == LIVE + DELETED
        assert capture.header.fields

    for table in COMPANIES.tables:
        assert write_rows(COMPANIES, storage, settings, DAY, table=table).row_count == LIVE + DELETED
    frame = read_rows(OWN, storage, "sandbox", [DAY])
    assert list(frame.columns) == list(OWN.column_names)
    assert frame["title"].notna().sum() == LIVE
    assert int(frame["is_deleted"].sum()) == DELETED
    launched = {request.path for request in sandbox.requests}
    assert launched == {"/api/v4/account", "/api/v4/companies", "/api/v4/companies/custom_fields"}


def test_its_first_reading_of_another_account_than_that_of_the_leads_is_refused(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    settings, storage = settings_of(sandbox), open_storage(deployment.storage)
    with client_of(sandbox) as client:
        list(capture_days(LEADS, settings, [DAY], client=client, storage=storage))
    with sandbox_with(subdomain="sandbox", account_id=1) as other, client_of(other) as client:
        other.custom_lists["companies"] = given()
        with pytest.raises(CapturesMixed):
            list(capture_days(COMPANIES, settings, [DAY], client=client, storage=storage))
    assert list(capture_names(COMPANIES, storage, "sandbox", DAY)) == []


def test_a_source_with_two_entities_has_two_chains_of_assets_in_one_job(
    sandbox: Sandbox, deployment: Deployment
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(sandbox, instance)
        done = {
            str(each.step_key).removeprefix("sandbox__")
            for each in result.all_events
            if each.is_step_materialization
        }
        verdicts = result.get_asset_check_evaluations()
    assert result.success
    assert done == {"raw_leads", "leads", "amoCrmLeads", *CHAIN}
    assert all(each.passed for each in verdicts)
    checks = {(each.asset_key.path[-1], each.check_name) for each in verdicts}
    assert {name for asset, name in checks if asset == "raw_companies"} == {
        "reading_complete",
        "timezone",
        "authorisation_lasts",
    }
    assert {("company_owners", "ids_unique"), ("amoCrmCompanyOwnersLite", "equals_rows")} <= checks
    warehouse = open_warehouse(deployment.warehouse)
    for table, count in ((LEADS.table, 40), (OWN, LIVE + DELETED), (OWNERS, LIVE + DELETED)):
        assert warehouse.shard_days(table, "sandbox") == {DAY: count}
        assert list(warehouse.read(table, "sandbox", [DAY]).columns) == list(table.column_names)


@pytest.mark.parametrize("failing", ["companies", "leads"])
def test_an_entity_that_fails_does_not_stop_the_other(
    sandbox: Sandbox, deployment: Deployment, failing: str
) -> None:
    sandbox.configure(faults=(Fault("402", path=f"/api/v4/{failing}"),))
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(sandbox, instance)
    failed = {str(event.step_key) for event in result.all_events if event.is_step_failure}
    assert failed == {f"sandbox__raw_{failing}"}
    warehouse = open_warehouse(deployment.warehouse)
    held = {entity.name for entity in BOTH if warehouse.shard_days(entity.table, "sandbox")}
    assert held == {"leads", "companies"} - {failing}


@pytest.mark.usefixtures("deployment")
def test_the_schedule_asks_for_the_entity_that_misses_a_day_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    settings = settings_of(sandbox, start_date=DAY.isoformat())
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        assert requested(settings, instance) == [None]
        leads = source_definitions(settings, entities=(LEADS,)).resolve_job_def("sandbox_leads")
        assert leads.execute_in_process(instance=instance, partition_key=DAY.isoformat()).success
        assert requested(settings, instance) == [CHAIN]


def requested(settings: SourceSettings, instance: dg.DagsterInstance) -> list[list[str] | None]:
    """The assets of each run that the schedule asks for; None is all of the job."""
    definitions = source_definitions(settings, entities=BOTH)
    night = datetime.fromtimestamp(day_window(DAY, settings.zone).to_at + 3600, settings.zone)
    launched = tick(definitions, "sandbox_daily", night, instance).run_requests or []
    selections = [each.asset_selection for each in launched]
    return [None if each is None else [key.path[-1] for key in each] for each in selections]


def test_the_command_runs_every_entity_of_the_source(sandbox: Sandbox, deployment: Deployment) -> None:
    left: dict[str, int] = {}

    class Listener:
        def on_days_done(self, asset: str, done: int, wanted: int) -> None:
            left[asset] = wanted - done

        def on_retry(self, why: str, wait_seconds: float) -> None: ...

    outcome = run_days(settings_of(sandbox), [DAY], listener=Listener(), entities=BOTH)
    assert outcome.failure is None
    assert left == dict.fromkeys(["raw_leads", "leads", "amoCrmLeads", *CHAIN], 0)
    assert open_warehouse(deployment.warehouse).shard_days(OWN, "sandbox") == {DAY: LIVE + DELETED}


@pytest.mark.usefixtures("deployment")
def test_shards_of_another_entity_are_a_frame_for_a_persons_own_asset(sandbox: Sandbox) -> None:
    wanted = {"columns": ["id", "title"], "widen_custom_fields": ["Город"]}

    @dg.asset(
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Moscow"),
        ins={"companies": dg.AssetIn(["sandbox", "amoCrmCompaniesLite"], metadata=wanted)},
    )
    def towns(companies: Any) -> dg.MaterializeResult[Any]:
        assert list(companies.columns) == ["id", "title", "Город"]
        return dg.MaterializeResult(metadata={"towns": sorted(companies["Город"].dropna().unique())})

    definitions = dg.Definitions.merge(
        source_definitions(settings_of(sandbox), entities=BOTH),
        dg.Definitions(assets=[towns], jobs=[dg.define_asset_job("own", selection=[towns])]),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        for name in ("sandbox_leads", "own"):
            job = definitions.resolve_job_def(name)
            assert job.execute_in_process(instance=instance, partition_key=DAY.isoformat()).success
        event = instance.get_latest_materialization_event(dg.AssetKey("towns"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["towns"].value == ["Тверь"]
