"""Contacts and companies of the sandbox hang together with its leads, and are listed as amoCRM lists them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.days import day_window
from amocrm_assets.sandbox.account.custom_lists import CustomList
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with, source
from amocrm_assets_tests.companies_lite import company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox

NOON = day_window(DAY, source().zone).to_at + 43_200


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(leads_of(DAY, 400), frozen_at=NOON) as running:
        yield running


def listed(sandbox: Sandbox, name: str, **params: str) -> list[dict[str, Any]]:
    """Every record of a list, page after page."""
    found, address = [], f"{sandbox.url}/api/v4/{name}?" + "&".join(f"{k}={v}" for k, v in params.items())
    while address:
        response = requests.get(address, headers={"Authorization": f"Bearer {sandbox.token}"}, timeout=60)
        if response.status_code == 204:
            break
        assert response.status_code == 200, response.text
        found += response.json()["_embedded"][name]
        address = response.json()["_links"].get("next", {}).get("href")
    return found


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [each["id"] for each in records]


def linked(record: dict[str, Any], name: str) -> list[int]:
    return ids(record["_embedded"][name])


def everything(sandbox: Sandbox) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    leads = listed(sandbox, "leads", limit="250", **{"with": "contacts"})
    contacts = listed(sandbox, "contacts", limit="250", **{"with": "leads"})
    return leads, contacts, listed(sandbox, "companies", limit="250", **{"with": "leads,contacts"})


@pytest.mark.slow
def test_both_sides_of_every_link_agree(sandbox: Sandbox) -> None:
    leads, contacts, companies = everything(sandbox)
    of_leads = {(contact, lead["id"]) for lead in leads for contact in linked(lead, "contacts")}
    assert of_leads == {(contact["id"], lead) for contact in contacts for lead in linked(contact, "leads")}
    of_firms = {(firm, lead["id"]) for lead in leads for firm in linked(lead, "companies")}
    assert of_firms == {(firm["id"], lead) for firm in companies for lead in linked(firm, "leads")}
    staff = {(firm, contact["id"]) for contact in contacts for firm in linked(contact, "companies")}
    assert {(firm["id"], contact) for firm in companies for contact in linked(firm, "contacts")} <= staff


def test_a_leads_company_is_that_of_its_main_contact(sandbox: Sandbox) -> None:
    leads, contacts, _ = everything(sandbox)
    company_of = {each["id"]: linked(each, "companies") for each in contacts}
    for lead in leads:
        (main,) = (each["id"] for each in lead["_embedded"]["contacts"] if each["is_main"])
        assert linked(lead, "companies") == company_of[main]


@pytest.mark.slow
def test_contacts_have_several_leads_and_companies_three_contacts() -> None:
    with sandbox_with(leads_of(DAY, 6000), frozen_at=NOON) as sandbox:
        contacts = listed(sandbox, "contacts", limit="250", **{"with": "leads"})
        staff = Counter(firm for each in contacts for firm in linked(each, "companies"))
        assert max(len(linked(each, "leads")) for each in contacts) >= 2
        assert max(staff.values()) == 3


@pytest.mark.slow
def test_a_deleted_contact_is_in_the_trash_and_hangs_on_no_lead(sandbox: Sandbox) -> None:
    lead = listed(sandbox, "leads", limit="1", **{"with": "contacts"})[0]
    (contact, *_) = linked(lead, "contacts")
    sandbox.contacts.delete(contact)
    assert contact not in ids(listed(sandbox, "contacts"))
    (stub,) = listed(sandbox, "contacts", **{"with": "only_deleted"})
    assert (stub["id"], stub["is_deleted"], stub["name"], stub["updated_at"]) == (contact, True, None, NOON)
    assert contact not in linked(listed(sandbox, "leads", limit="1", **{"with": "contacts"})[0], "contacts")
    sandbox.contacts.restore(contact)
    assert contact in ids(listed(sandbox, "contacts"))
    sandbox.contacts.purge(contact)
    assert contact not in sandbox.contacts.stamps()
    assert contact not in sandbox.contacts.stamps(deleted=True)


@pytest.mark.parametrize("name", ["contacts", "companies"])
def test_lists_are_filtered_and_ordered(sandbox: Sandbox, name: str) -> None:
    every = listed(sandbox, name, limit="250", **{"order[updated_at]": "asc"})
    times = [each["updated_at"] for each in every]
    assert times == sorted(times)
    assert ids(listed(sandbox, name, **{"order[id]": "desc"})) == sorted(ids(every), reverse=True)
    first, last = times[10], times[20]
    window = {"filter[updated_at][from]": str(first), "filter[updated_at][to]": str(last)}
    assert sorted(ids(listed(sandbox, name, **window))) == sorted(
        each["id"] for each in every if first <= each["updated_at"] <= last
    )
    one = every[3]
    assert ids(listed(sandbox, name, **{"filter[id][]": str(one["id"])})) == [one["id"]]
    assert one["id"] in ids(listed(sandbox, name, query=one["name"]))
    # What amoCRM does not know of these lists is ignored, as it ignores it.
    assert len(listed(sandbox, name, **{"filter[pipeline_id]": "1", "filter[price][from]": "9"})) == len(every)
    sandbox.configure(filters_enabled=False)
    assert len(listed(sandbox, name, **window)) == len(every)


@pytest.mark.slow
def test_an_edit_shows_and_moves_the_record_to_the_end(sandbox: Sandbox) -> None:
    contact = min(sandbox.contacts.stamps())
    assert sandbox.contacts.edit(contact, first_name="Ия") == NOON
    newest = listed(sandbox, "contacts", limit="1", **{"order[updated_at]": "desc"})[0]
    assert (newest["id"], newest["first_name"], newest["updated_at"]) == (contact, "Ия", NOON)


def test_fields_of_contacts_are_those_of_the_accounts_list(sandbox: Sandbox) -> None:
    response = requests.get(
        f"{sandbox.url}/api/v4/contacts/custom_fields",
        headers={"Authorization": f"Bearer {sandbox.token}"},
        timeout=60,
    )
    names = {each["id"]: (each["name"], each["code"]) for each in response.json()["_embedded"]["custom_fields"]}
    filled = [field for each in listed(sandbox, "contacts") for field in each["custom_fields_values"]]
    assert {(each["field_name"], each["field_code"]) for each in filled} == set(names.values())
    assert all(names[each["field_id"]] == (each["field_name"], each["field_code"]) for each in filled)


def test_an_account_that_lives_edits_its_contacts_and_deletes_doubles() -> None:
    with sandbox_with(frozen_at=1_748_000_000, populations=None, leads_per_day=30) as sandbox:
        before, doubles = sandbox.contacts.stamps(), sandbox.contacts.stamps(deleted=True)
        assert doubles
        assert not doubles.keys() & before.keys()
        sandbox.clock.advance(86_400)
        after = sandbox.contacts.stamps()
        edited = {each for each in before if after[each] != before[each]}
        assert edited
        assert all(1_748_000_000 < after[each] <= 1_748_086_400 for each in edited)
        assert after.keys() > before.keys()


def test_what_a_sandbox_is_given_takes_the_place_of_what_it_makes_up(sandbox: Sandbox) -> None:
    sandbox.custom_lists["companies"] = CustomList([company(7)])
    assert ids(listed(sandbox, "companies")) == [7]
