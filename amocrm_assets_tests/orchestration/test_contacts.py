"""Contacts and companies as assets: one run brings all entities, and one that fails stops no other."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.entities import COMPANIES, CONTACTS, LEADS
from amocrm_assets.rows import read_rows, widen_custom_fields
from amocrm_assets.sandbox import Fault
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, failure_of

if TYPE_CHECKING:
    from amocrm_assets_tests.orchestration.conftest import Pipeline

pytestmark = pytest.mark.slow

DAY = date.fromisoformat(LAST)
ALL = {"import_contacts": True, "import_companies": True, "import_lead_details": True}
CHAINS = {
    "raw_leads", "leads", "amoCrmLeads", "lead_details", "amoCrmLeadDetails",
    "raw_contacts", "contacts", "amoCrmContacts", "raw_companies", "companies", "amoCrmCompanies",
}  # fmt: skip


def names_of(pipeline: Pipeline) -> set[str]:
    return {spec.key.path[-1] for spec in pipeline.definitions.resolve_all_asset_specs()}


def query(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(Deployment.from_environment().warehouse.removeprefix("duckdb:///")) as connection:
        return connection.execute(sql).fetchall()


def test_they_are_there_only_where_a_source_wants_them(pipeline: Pipeline) -> None:
    assert not {"raw_contacts", "raw_companies"} & names_of(pipeline)
    pipeline.configure(**ALL)
    assert names_of(pipeline) == CHAINS


def test_one_run_brings_all_of_a_day_and_their_links_agree(pipeline: Pipeline) -> None:
    pipeline.configure(**ALL)
    result = pipeline.run(FIRST, LAST)
    assert result.success
    verdicts = result.get_asset_check_evaluations()
    assert [f"{each.asset_key} {each.check_name}" for each in verdicts if not each.passed] == []
    checked = {(each.asset_key.path[-1], each.check_name) for each in verdicts}
    for name in ("contacts", "companies"):
        assert {(f"raw_{name}", "reading_complete"), (name, "ids_unique"), (name, "no_oddities")} <= checked
        assert (f"amoCrm{name.capitalize()}", "equals_rows") in checked
    paths = [each.path for each in pipeline.sandbox.requests]
    assert paths.count("/api/v4/contacts/custom_fields") == 1
    ((companies, contacts),) = query(
        f"""
        SELECT count(k.id), count(c.id)
        FROM "{LEADS.tables[1].shard_name("acme", DAY)}" AS d
        LEFT JOIN "{COMPANIES.table.shard_name("acme", DAY)}" AS k ON k.id = d.company_id
        LEFT JOIN "{CONTACTS.table.shard_name("acme", DAY)}" AS c ON list_contains(c.lead_ids, d.id)
            AND (c.company_id = d.company_id OR d.company_id IS NULL)
        """  # noqa: S608 - constants
    )
    assert companies
    assert contacts


def test_the_pages_show_them_with_their_lineage_and_choice(pipeline: Pipeline) -> None:
    pipeline.configure(**ALL, contacts_custom_fields=["EMAIL"])
    assert pipeline.run().success
    (rows,) = pipeline.materialised("contacts").values()
    lineage = rows["dagster/column_lineage"].deps_by_column
    assert [each.column_name for each in lineage["lead_ids"]] == ["_embedded.leads"]
    assert rows["contacts_custom_fields"] == ["EMAIL"]
    assert "leads_custom_fields" not in rows
    assert "/contacts/detail/" in rows["open_in_amocrm"]
    frame = read_rows(CONTACTS.table, pipeline.storage, "acme", [DAY])
    wide = widen_custom_fields(frame, ["Email"])
    assert wide["Email"].notna().any()
    specs = {spec.key.path[-1]: spec for spec in pipeline.definitions.resolve_all_asset_specs()}
    for name, kind in (("contacts", "list<int64>"), ("amoCrmContacts", "BIGINT[]")):
        columns = {each.name: each.type for each in specs[name].metadata["dagster/column_schema"].columns}
        assert columns["lead_ids"] == kind


def test_a_right_that_is_missing_fails_one_entity_and_names_it(pipeline: Pipeline) -> None:
    pipeline.configure(**ALL)
    pipeline.sandbox.configure(faults=[Fault("403-json", path="/api/v4/contacts")])
    failure = failure_of(pipeline.run())
    assert "right to see contacts" in failure.description
    assert pipeline.warehouse.shard_days(LEADS.table, "acme")
    assert pipeline.warehouse.shard_days(COMPANIES.table, "acme")
    assert pipeline.warehouse.shard_days(CONTACTS.table, "acme") == {}


def test_phones_and_addresses_that_are_dropped_are_in_no_capture(pipeline: Pipeline) -> None:
    pipeline.configure(import_contacts=True, import_leads=False)
    assert pipeline.run().success
    (kept,) = (each for each in capture_names(CONTACTS, pipeline.storage, "acme", DAY))
    with open_capture(CONTACTS, pipeline.storage, kept) as capture:
        assert b"PHONE" in b"".join(capture.records)
    pipeline.configure(import_contacts=True, import_leads=False, drop_fields=["phone", "email", "name"])
    assert pipeline.run().success
    *_, newest = sorted(capture_names(CONTACTS, pipeline.storage, "acme", DAY))
    with open_capture(CONTACTS, pipeline.storage, newest) as capture:
        records = [json.loads(line) for line in capture.records]
    assert records
    codes = {field["field_code"] for each in records for field in each["custom_fields_values"] or ()}
    assert not {"PHONE", "EMAIL"} & codes
    assert {each.get(name) for each in records for name in ("name", "first_name", "last_name")} == {None}


@pytest.mark.parametrize("limit", [20])
def test_all_entities_of_a_run_keep_one_limit(pipeline: Pipeline, limit: int) -> None:
    pipeline.sandbox.configure(requests_per_second=limit)
    pipeline.configure(**ALL, requests_per_second=limit, import_reference=True)
    assert pipeline.run().success
    assert pipeline.sandbox.limiter.refusals == 0
    assert len({each.path for each in pipeline.sandbox.requests} & {"/api/v4/leads", "/api/v4/contacts"}) == 2
