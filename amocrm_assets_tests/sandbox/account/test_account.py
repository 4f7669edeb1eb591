"""What is beside the lists: the account, its fields, pipelines, people; and what a lead looks like."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from amocrm_assets.sandbox import Population
from amocrm_assets_tests.sandbox.conftest import DAY, NOON, quiet

if TYPE_CHECKING:
    from typing import Any

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.sandbox.conftest import Asking

LEAD_TYPES = {
    "text", "textarea", "numeric", "monetary", "checkbox", "select", "radiobutton", "multiselect", "date",
    "birthday", "date_time", "url", "streetaddress", "smart_address", "legal_entity", "tracking_data", "file",
    "chained_list",
}  # fmt: skip


@pytest.fixture
def many(sandbox: Sandbox) -> list[dict[str, Any]]:
    sandbox.account.load(range(1, 501), [NOON - 1] * 500)
    return [lead for lead_id in range(1, 501) if (lead := sandbox.account.lead(lead_id))]


def test_the_account_tells_its_zone_on_request(asking: Asking) -> None:
    plain = asking.get("/api/v4/account").json()
    assert plain["subdomain"] == "sandbox"
    assert "_embedded" not in plain
    body = asking.get("/api/v4/account", params={"with": "datetime_settings,is_api_filter_enabled"}).json()
    assert body["is_api_filter_enabled"] is True
    settings = body["_embedded"]["datetime_settings"]
    assert (settings["timezone"], settings["timezone_offset"]) == ("Europe/Moscow", "+03:00")


def test_custom_fields_come_by_pages_with_totals(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.reset(quiet(extra_custom_fields=10_000))
    first = asking.get("/api/v4/leads/custom_fields", params={"limit": 250}).json()
    assert first["_total_items"] > 10_000
    assert len(first["_embedded"]["custom_fields"]) == 250
    last = asking.get("/api/v4/leads/custom_fields", params={"limit": 250, "page": first["_page_count"]}).json()
    assert "next" not in last["_links"]


def test_pipelines_users_and_loss_reasons_are_listed(asking: Asking) -> None:
    pipelines = asking.get("/api/v4/leads/pipelines").json()["_embedded"]["pipelines"]
    for pipeline in pipelines:
        ids = [status["id"] for status in pipeline["_embedded"]["statuses"]]
        assert ids[-2:] == [142, 143]
    assert asking.get("/api/v4/users").json()["_embedded"]["users"][0]["rights"]["is_admin"] is True
    assert asking.get("/api/v4/leads/loss_reasons").json()["_embedded"]["loss_reasons"]


def test_events_come_by_100_and_have_text_ids(asking: Asking, sandbox: Sandbox) -> None:
    for _ in range(120):
        sandbox.account.add()
    path = "/api/v4/events?filter[entity]=lead&filter[type][]=lead_added"
    first = asking.get(path + "&limit=100").json()
    assert len(first["_embedded"]["events"]) == 100
    assert isinstance(first["_embedded"]["events"][0]["id"], str)
    assert len(asking.get(path + "&limit=100&page=2").json()["_embedded"]["events"]) == 20
    assert len(asking.get(path + "&limit=250").json()["_embedded"]["events"]) == 50


def test_unknown_paths_are_problems_in_json(asking: Asking) -> None:
    response = asking.get("/api/v4/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")
    assert response.json()["detail"].startswith("Cannot GET")


def test_every_field_type_of_leads_occurs_in_leads_and_in_the_definitions(
    many: list[dict[str, Any]], sandbox: Sandbox
) -> None:
    defined = {field["id"]: field for field in sandbox.account.content.fields.definitions}
    entries = [entry for lead in many for entry in lead["custom_fields_values"] or ()]
    assert {entry["field_type"] for entry in entries} == LEAD_TYPES
    for entry in entries:
        definition = defined[entry["field_id"]]
        assert (entry["field_name"], entry["field_type"]) == (definition["name"], definition["type"])
    assert any(entry.get("is_computed") for entry in entries)


def test_values_have_the_form_of_their_type(many: list[dict[str, Any]]) -> None:
    values = {
        entry["field_type"]: entry["values"][0] for lead in many for entry in lead["custom_fields_values"] or ()
    }
    assert "value" not in values["chained_list"]
    assert isinstance(values["checkbox"]["value"], bool)
    assert isinstance(values["numeric"]["value"], str)
    assert isinstance(values["legal_entity"]["value"], dict)
    assert isinstance(values["file"]["value"], dict)
    assert values["select"].keys() == {"value", "enum_id", "enum_code"}
    assert values["smart_address"]["enum_code"] == "address_line_1"


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Asia/Kolkata", "America/New_York"])
def test_dates_are_local_midnights_of_the_account(sandbox: Sandbox, zone: str) -> None:
    sandbox.reset(quiet(timezone=zone))
    dates = [
        datetime.fromtimestamp(entry["values"][0]["value"], ZoneInfo(zone))
        for variants in sandbox.account.content.fields.carried
        for entry in variants
        if entry["field_type"] in ("date", "birthday")
    ]
    assert dates
    assert {(each.hour, each.minute, each.second) for each in dates} == {(0, 0, 0)}


def test_an_unknown_type_of_field_can_be_invented(sandbox: Sandbox) -> None:
    sandbox.reset(quiet(unknown_field_type=True))
    sandbox.account.load(range(1, 501), [NOON] * 500)
    leads = [sandbox.account.lead(lead_id) or {} for lead_id in range(1, 501)]
    assert any(
        entry["field_type"] not in LEAD_TYPES for lead in leads for entry in lead["custom_fields_values"] or ()
    )


def test_a_renamed_field_shows_in_leads_that_nobody_touched(asking: Asking, sandbox: Sandbox) -> None:
    before = next(lead for lead in asking.leads() if lead["custom_fields_values"])
    field_id = before["custom_fields_values"][0]["field_id"]
    sandbox.account.content.fields.rename(field_id, "Новое название")
    after = asking.get(f"/api/v4/leads/{before['id']}").json()
    assert after["custom_fields_values"][0]["field_name"] == "Новое название"
    assert after["updated_at"] == before["updated_at"]
    defined = asking.get("/api/v4/leads/custom_fields").json()["_embedded"]["custom_fields"]
    assert [each["id"] for each in defined if each["name"] == "Новое название"] == [field_id]


def test_leads_without_fields_have_null_or_an_empty_list(many: list[dict[str, Any]]) -> None:
    fields = [lead["custom_fields_values"] for lead in many]
    assert None in fields
    assert [] in fields


def test_leads_are_open_won_and_lost_made_by_people_and_by_robots(sandbox: Sandbox) -> None:
    sandbox.account.load(range(1, 301), [NOON - DAY] * 300)
    for lead_id in range(1, 301):
        for _ in range(lead_id % 12):
            sandbox.account.edit(lead_id)
    leads = [sandbox.account.lead(lead_id) or {} for lead_id in range(1, 301)]
    assert {142, 143} < {lead["status_id"] for lead in leads}
    for lead in leads:
        assert (lead["closed_at"] is not None) == (lead["status_id"] in (142, 143))
        assert (lead["loss_reason_id"] is not None) == (lead["status_id"] == 143)
        assert lead["closed_at"] is None or lead["created_at"] <= lead["closed_at"] <= lead["updated_at"]
    assert 0 in {lead["created_by"] for lead in leads}
    assert {lead["group_id"] for lead in leads} == {0}


def test_the_minor_units_of_a_price_can_be_left_out(asking: Asking, sandbox: Sandbox) -> None:
    assert "price_with_minor_units" in asking.leads()[0]
    sandbox.configure(minor_units=False)
    assert "price_with_minor_units" not in asking.leads()[0]


def test_an_edit_changes_what_a_lead_holds_and_repeating_the_question_does_not(sandbox: Sandbox) -> None:
    lead_id = next(iter(sandbox.account.stamps()))
    before = sandbox.account.lead(lead_id)
    assert sandbox.account.lead(lead_id) == before
    sandbox.account.edit(lead_id)
    assert sandbox.account.lead(lead_id) != before


def test_populations_are_of_exact_size_and_hold_their_bounds(sandbox: Sandbox) -> None:
    spread = Population(leads=1000, updated_from=NOON - DAY, updated_to=NOON)
    rush = Population(leads=300, updated_from=NOON + 5, updated_to=NOON + 5)
    trash = Population(leads=20, updated_from=NOON - 10, updated_to=NOON, deleted=True)
    sandbox.reset(quiet(populations=(spread, rush, trash)))
    stamps = sandbox.account.stamps()
    assert len(stamps) == 1300
    assert (min(stamps.values()), max(stamps.values())) == (NOON - DAY, NOON + 5)
    assert len(sandbox.account.stamps(NOON + 5)) == 300
    assert len(sandbox.account.stamps(deleted=True)) == 20


def test_ids_beyond_32_bits_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="too great"):
        sandbox.account.load([1 << 32], [NOON])
