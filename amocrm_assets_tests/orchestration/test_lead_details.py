"""Details of leads in Dagster: a second chain on the captures of leads, which a source may switch off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.lead_details import LEAD_DETAILS
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline, failure_of
from amocrm_assets_tests.orchestration.sources import TOKEN_VARIABLE
from amocrm_assets_tests.standin import StandIn, StandInAccount, lead, running_standin

pytestmark = pytest.mark.slow

DAY, SHARD = "2026-03-01", "20260301"
SECOND = 1_772_355_600  # 2026-03-01T12:00 in Moscow
HANGING = {
    "tags": [{"id": 3, "name": "vip", "color": None}],
    "companies": [{"id": 41}],
    "contacts": [{"id": 51, "is_main": False}, {"id": 52, "is_main": True}],
    "catalog_elements": [{"id": 71, "metadata": {"quantity": 2, "catalog_id": 7001, "price_id": None}}],
    "loss_reason": [{"id": 91, "name": "Дорого"}],
    "source": {"id": 61, "name": "Сайт Щукиной"},
}


@pytest.fixture
def account(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """An account that shares nothing with the sandbox: a lead with everything, one without, one in the trash."""
    full = lead(1, SECOND) | {"_embedded": HANGING, "source_id": 61, "price_with_minor_units": 99.9}
    leads = [full, lead(2, SECOND + 1), lead(3, SECOND + 2, is_deleted=True)]
    standin = StandIn(StandInAccount(leads, subdomain="acme"))
    monkeypatch.setenv(TOKEN_VARIABLE, standin.token)
    with running_standin(standin):
        pipeline.configure(base_url=standin.url, start_date="2026-01-01", import_lead_details=True)
        yield pipeline


def query(sql: str) -> list[tuple[Any, ...]]:
    path = Deployment.from_environment().warehouse.removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_day_with_all_that_hangs_on_leads_lands_in_both_tables(account: Pipeline) -> None:
    result = account.run(DAY)

    assert result.success, failure_of(result)
    assert all(each.passed for each in result.get_asset_check_evaluations())
    checked = {(each.asset_key.path[-1], each.check_name) for each in result.get_asset_check_evaluations()}
    assert {
        ("lead_details", "no_oddities"),
        ("lead_details", "ids_unique"),
        ("amoCrmLeadDetails", "equals_rows"),
    } <= checked
    steps = [event.step_key for event in result.all_events if event.event_type_value == "STEP_SUCCESS"]
    order = [str(step).removeprefix("acme__") for step in steps]
    own = [name for name in order if name in ("leads", "amoCrmLeads", "lead_details", "amoCrmLeadDetails")]
    assert own == ["leads", "amoCrmLeads", "lead_details", "amoCrmLeadDetails"]
    joined = query(
        f"""
        SELECT l.id, d.company_id, d.main_contact_id, [c.id FOR c IN d.contacts], [t.name FOR t IN d.tags],
            d.catalog_elements[1].quantity, d.loss_reason.name, d.source.name, d.price_with_minor_units
        FROM "amoCrmLeads_acme_{SHARD}" AS l
        JOIN "amoCrmLeadDetails_acme_{SHARD}" AS d USING (id, updated_at, is_deleted)
        ORDER BY 1
        """  # noqa: S608 - a constant
    )
    assert joined == [
        (1, 41, 52, [51, 52], ["vip"], Decimal(2), "Дорого", "Сайт Щукиной", Decimal("99.9")),
        (2, None, None, [], [], None, None, None, None),
        (3, None, None, [], [], None, None, None, None),
    ]


def test_the_sandbox_gives_them(pipeline: Pipeline) -> None:
    pipeline.configure(import_lead_details=True)
    assert pipeline.run().success
    table = f'"{LEAD_DETAILS.shard_name("acme", date.fromisoformat(LAST))}"'
    (filled,) = query(
        f"""
        SELECT count(company_id), count(main_contact_id), sum(len(tags)), sum(len(catalog_elements)),
            count(source.name), count(price_with_minor_units)
        FROM {table}
        """  # noqa: S608
    )
    assert all(filled), filled
    assert query(f"SELECT id, updated_at FROM {table} ORDER BY 1") == query(  # noqa: S608
        f'SELECT id, updated_at FROM "{LEADS.table.shard_name("acme", date.fromisoformat(LAST))}" ORDER BY 1'  # noqa: S608
    )


def test_captures_of_before_give_the_table_without_asking_amocrm(pipeline: Pipeline) -> None:
    """As after an upgrade: the days are there, and their details are not."""
    assert pipeline.run().success
    request_count = len(pipeline.sandbox.requests)
    pipeline.configure(import_lead_details=True)
    assert pipeline.run(only=["lead_details", "amoCrmLeadDetails"]).success
    assert len(pipeline.sandbox.requests) == request_count
    assert pipeline.warehouse.shard_days(LEAD_DETAILS, "acme") == pipeline.warehouse.shard_days(
        LEADS.table, "acme"
    )


def test_the_columns_come_from_the_captures(account: Pipeline) -> None:
    assert account.run(DAY).success
    (rows,) = account.materialised("lead_details").values()
    lineage = rows["dagster/column_lineage"].deps_by_column
    assert lineage["company_id"][0].column_name == "_embedded.companies"
    assert lineage["company_id"][0].asset_key == account.key("raw_leads")
    (shard,) = account.materialised("amoCrmLeadDetails").values()
    assert shard["dagster/column_lineage"].deps_by_column["tags"][0].asset_key == account.key("lead_details")
    assert "leads_custom_fields" not in rows


def test_a_source_may_leave_them_out(pipeline: Pipeline) -> None:
    pipeline.configure(import_lead_details=False)
    names = {spec.key.path[-1] for spec in pipeline.definitions.resolve_all_asset_specs()}
    assert names == {"raw_leads", "leads", "amoCrmLeads"}
