"""The list of leads: pages, order, filters, extras, the trash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from amocrm_assets.sandbox import Population
from amocrm_assets_tests.sandbox.conftest import DAY, NOON, quiet

if TYPE_CHECKING:
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.sandbox.conftest import Asking


def test_a_page_has_50_leads_unless_asked_otherwise(asking: Asking) -> None:
    assert len(asking.leads()) == 50
    assert len(asking.leads(limit=7)) == 7


@pytest.mark.parametrize("limit", ["251", "500", "0", "-1", "many"])
def test_a_limit_out_of_bounds_silently_becomes_50(asking: Asking, limit: str) -> None:
    assert len(asking.leads(limit=limit)) == 50


def test_the_maximum_of_a_page_can_be_lower(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(page_limit_max=3, page_limit_default=2)
    assert len(asking.leads(limit=3)) == 3
    assert len(asking.leads(limit=250)) == 2


def test_pages_link_to_their_neighbours_with_every_parameter_encoded(asking: Asking, sandbox: Sandbox) -> None:
    page = asking.page(limit=40, page=2, order="asc", updated_from=0).json()
    assert page["_page"] == 2
    address = page["_links"]["next"]["href"]
    assert address.startswith(sandbox.url + "/api/v4/leads?")
    assert "[" not in address
    query = parse_qs(urlsplit(address).query)
    assert query == {
        "limit": ["40"], "page": ["3"], "order[updated_at]": ["asc"], "filter[updated_at][from]": ["0"]
    }  # fmt: skip
    assert parse_qs(urlsplit(page["_links"]["prev"]["href"]).query)["page"] == ["1"]
    assert "_total_items" not in page


def test_a_full_last_page_has_no_next(asking: Asking) -> None:
    page = asking.page(limit=50, page=2).json()
    assert len(page["_embedded"]["leads"]) == 50
    assert "next" not in page["_links"]


def test_past_the_end_and_in_an_empty_window_there_is_204_without_a_body(asking: Asking) -> None:
    for response in (asking.page(page=3), asking.page(updated_from=NOON)):
        assert response.status_code == 204
        assert response.content == b""


@pytest.mark.slow
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_all_pages_together_hold_every_lead_once_in_order(asking: Asking, sandbox: Sandbox, order: str) -> None:
    leads = [lead for page in (1, 2, 3) for lead in asking.leads(order=order, limit=40, page=page)]
    stamps = [lead["updated_at"] for lead in leads]
    assert stamps == sorted(stamps, reverse=order == "desc")
    assert {lead["id"]: lead["updated_at"] for lead in leads} == sandbox.account.stamps()


def test_leads_can_be_ordered_by_id_and_by_creation(asking: Asking) -> None:
    by_id = [
        lead["id"]
        for lead in asking.get("/api/v4/leads", params={"order[id]": "desc"}).json()["_embedded"]["leads"]
    ]
    assert by_id == sorted(by_id, reverse=True)
    response = asking.get("/api/v4/leads", params={"order[created_at]": "asc"})
    created = [lead["created_at"] for lead in response.json()["_embedded"]["leads"]]
    assert created == sorted(created)


def test_a_window_is_closed_at_both_ends(asking: Asking, sandbox: Sandbox) -> None:
    stamps = sorted(set(sandbox.account.stamps().values()))
    found = asking.leads(updated_from=stamps[10], updated_to=stamps[20], limit=250)
    assert {lead["updated_at"] for lead in found} == set(stamps[10:21])
    sandbox.configure(half_open=True)
    found = asking.leads(updated_from=stamps[10], updated_to=stamps[20], limit=250)
    assert {lead["updated_at"] for lead in found} == set(stamps[10:20])


def test_each_end_of_a_window_works_alone(asking: Asking, sandbox: Sandbox) -> None:
    stamps = sorted(sandbox.account.stamps().values())
    assert sorted(each["updated_at"] for each in asking.leads(updated_from=stamps[60], limit=250)) == stamps[60:]
    assert sorted(each["updated_at"] for each in asking.leads(updated_to=stamps[60], limit=250)) == stamps[:61]


def test_a_bare_time_is_that_very_second(asking: Asking, sandbox: Sandbox) -> None:
    lead_id, at = next(iter(sandbox.account.stamps().items()))
    response = asking.get("/api/v4/leads", params={"filter[updated_at]": at})
    assert [lead["id"] for lead in response.json()["_embedded"]["leads"]] == [lead_id]


def test_leads_can_be_picked_by_id_and_by_stage(asking: Asking, sandbox: Sandbox) -> None:
    one, other = list(sandbox.account.stamps())[:2]
    response = asking.get("/api/v4/leads", params=[("filter[id][]", one), ("filter[id][]", other)])
    assert {lead["id"] for lead in response.json()["_embedded"]["leads"]} == {one, other}
    lead = sandbox.account.lead(one)
    assert lead
    stage = {
        "filter[statuses][0][pipeline_id]": lead["pipeline_id"],
        "filter[statuses][0][status_id]": lead["status_id"],
    }
    found = asking.get("/api/v4/leads", params=stage).json()["_embedded"]["leads"]
    assert {(each["pipeline_id"], each["status_id"]) for each in found} == {
        (lead["pipeline_id"], lead["status_id"])
    }


def test_without_the_paid_option_filters_are_ignored_and_order_works(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(filters_enabled=False)
    leads = asking.leads(updated_from=NOON, order="desc", limit=250)
    assert len(leads) == 100
    assert leads[0]["updated_at"] == NOON - 1
    response = asking.get("/api/v4/account", params={"with": "is_api_filter_enabled"})
    assert response.json()["is_api_filter_enabled"] is False


def test_parameters_outside_the_brackets_are_ignored(asking: Asking) -> None:
    assert (
        len(asking.get("/api/v4/leads", params={"updated_at": 1, "pipeline_id": 1}).json()["_embedded"]["leads"])
        == 50
    )


def test_ties_can_come_in_another_order_at_each_asking(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.account.load(range(1, 101), [NOON - 5] * 100)
    sandbox.configure(unstable_ties=True)
    orders = {tuple(lead["id"] for lead in asking.leads(order="asc", limit=250)) for _ in range(5)}
    assert len(orders) > 1


def test_extras_are_added_on_request_and_unknown_ones_ignored(asking: Asking, sandbox: Sandbox) -> None:
    plain = asking.leads(limit=1)[0]
    assert set(plain["_embedded"]) == {"tags", "companies"}
    body = asking.leads(limit=1, extra="contacts,loss_reason,source,source_id,catalog_elements,nonsense")[0]
    assert set(body["_embedded"]) == {
        "tags",
        "companies",
        "contacts",
        "loss_reason",
        "source",
        "catalog_elements",
    }
    assert body["source_id"] == (body["_embedded"]["source"] or {}).get("id")
    assert "source_id" not in asking.leads(limit=1)[0]
    sandbox.configure(loses_contacts=True)
    assert asking.leads(limit=1, extra="contacts")[0]["_embedded"]["contacts"] == []


def test_the_loss_reason_is_an_array_or_an_object(asking: Asking, sandbox: Sandbox) -> None:
    lead_id = next(iter(sandbox.account.stamps()))
    sandbox.account.edit(lead_id, status_id=143, loss_reason_id=4_300_001)
    path = f"/api/v4/leads/{lead_id}?with=loss_reason"
    [reason] = asking.get(path).json()["_embedded"]["loss_reason"]
    sandbox.configure(loss_reason_as_object=True)
    assert asking.get(path).json()["_embedded"]["loss_reason"] == reason


def test_incoming_leads_can_be_hidden_unless_their_stage_is_named(asking: Asking, sandbox: Sandbox) -> None:
    pipeline = sandbox.account.content.pipelines[0]
    incoming = pipeline["_embedded"]["statuses"][0]["id"]
    lead_id = next(iter(sandbox.account.stamps()))
    sandbox.account.edit(lead_id, pipeline_id=pipeline["id"], status_id=incoming)
    sandbox.configure(hides_incoming=True)
    assert lead_id not in {lead["id"] for lead in asking.leads(limit=250)}
    stage = {"filter[statuses][0][pipeline_id]": pipeline["id"], "filter[statuses][0][status_id]": incoming}
    [found] = asking.get("/api/v4/leads", params=stage).json()["_embedded"]["leads"]
    assert found["id"] == lead_id


def test_json_may_come_escaped_or_in_plain_utf_8(asking: Asking, sandbox: Sandbox) -> None:
    escaped = asking.page()
    sandbox.configure(escaped_json=False)
    plain = asking.page()
    assert escaped.json() == plain.json()
    assert len(plain.content) < len(escaped.content)


@pytest.mark.slow
def test_a_million_leads_are_served_by_the_page(sandbox: Sandbox, asking: Asking) -> None:
    year = Population(leads=1_000_000, updated_from=NOON - 365 * DAY, updated_to=NOON - 1)
    rush = Population(leads=20_000, updated_from=NOON - 5, updated_to=NOON - 5)
    sandbox.reset(quiet(populations=(year, rush)))
    assert len(asking.leads(order="asc", updated_from=NOON - 200 * DAY, limit=250)) == 250
    second = {
        "filter[updated_at][from]": NOON - 5,
        "filter[updated_at][to]": NOON - 5,
        "order[id]": "asc",
        "limit": 250,
    }
    first = asking.get("/api/v4/leads", params=second | {"page": 80}).json()["_embedded"]["leads"]
    assert len(first) == 250
    assert len(sandbox.account.stamps(NOON - 5, NOON - 5)) == 20_000


def test_words_are_looked_for_in_names_and_custom_fields_without_regard_to_case(asking: Asking) -> None:
    (lead, *_) = [each for each in asking.leads(limit=250) if each["custom_fields_values"]]
    found = asking.leads(query=lead["name"].upper(), limit=250)
    assert lead["id"] in {each["id"] for each in found}
    assert all(lead["name"].casefold() in json.dumps(each, ensure_ascii=False).casefold() for each in found)
    value = str(lead["custom_fields_values"][0]["values"][0]["value"])
    assert lead["id"] in {each["id"] for each in asking.leads(query=value, limit=250)}
    assert asking.page(query="no lead has this").status_code == 204


@pytest.mark.parametrize("brackets", ["", "[]", "[0]"])
def test_leads_are_chosen_by_a_value_of_a_custom_field(asking: Asking, brackets: str) -> None:
    everything = asking.leads(limit=250)
    field = next(each for lead in everything for each in lead["custom_fields_values"] or ())
    value = field["values"][0]["value"]

    def has(lead: dict[str, Any]) -> bool:
        given = {each["field_id"]: each["values"] for each in lead["custom_fields_values"] or ()}
        return any(each["value"] == value for each in given.get(field["field_id"], ()))

    found = asking.leads(**{f"filter[custom_fields_values][{field['field_id']}]{brackets}": value, "limit": 250})
    assert [each["id"] for each in found] == [each["id"] for each in everything if has(each)]
    assert 0 < len(found) < len(everything)


def test_leads_are_chosen_by_the_id_of_a_choice_and_by_bounds(asking: Asking) -> None:
    everything = asking.leads(limit=250)
    given = [each for lead in everything for each in lead["custom_fields_values"] or ()]
    chosen = next(each for each in given if each["values"][0].get("enum_id"))
    name = f"filter[custom_fields_values][{chosen['field_id']}]"
    assert asking.leads(**{f"{name}[]": chosen["values"][0]["enum_id"]})
    assert asking.page(**{f"{name}[]": 987_654_321}).status_code == 204

    bounded = next(each for each in given if type(each["values"][0]["value"]) is int)
    at = bounded["values"][0]["value"]
    name = f"filter[custom_fields_values][{bounded['field_id']}]"
    found = asking.leads(**{f"{name}[from]": at, f"{name}[to]": at, "limit": 250})
    values = [
        each["values"]
        for lead in found
        for each in lead["custom_fields_values"]
        if each["field_id"] == bounded["field_id"]
    ]
    assert values
    assert all(at in {each["value"] for each in some} for some in values)


def test_filters_on_custom_fields_are_ignored_where_filters_are(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(filters_enabled=False)
    assert len(asking.leads(**{"filter[custom_fields_values][1][]": "x"})) == 50
