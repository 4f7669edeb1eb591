"""Events of the sandbox agree with its leads, and are listed with amoCRM's filters, limits and traps."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.sandbox import Sandbox, SandboxOptions
from amocrm_assets.sandbox.account.event_feed import KINDS as ALL_KINDS
from amocrm_assets.sandbox.account.events import KINDS
from amocrm_assets.sandbox.account.history import BEGINNING

if TYPE_CHECKING:
    from amocrm_assets.sandbox.account.events import AccountEvent
    from amocrm_assets_tests.sandbox.conftest import Asking

DAY = 86_400
EVENTS = "/api/v4/events"


def by_lead(sandbox: Sandbox) -> dict[int, list[AccountEvent]]:
    found = defaultdict(list)
    for event in sandbox.account.events():
        found[event.entity_id].append(event)
    return found


@pytest.mark.slow
def test_the_events_of_a_living_account_lead_to_the_leads_as_they_are() -> None:
    sandbox = Sandbox(SandboxOptions(frozen_at=BEGINNING + 90 * DAY))
    happened, live = by_lead(sandbox), sandbox.account.stamps()
    moved = 0
    for lead_id, updated_at in live.items():
        lead = sandbox.account.lead(lead_id)
        assert lead is not None
        events = happened[lead_id]
        assert events[0].kind == "lead_added"
        assert events[0].at == lead["created_at"]
        # No event is later than the lead's own last change: that is what `events_agree` rests on.
        assert max(event.at for event in events) <= updated_at
        for kind, now in (
            (
                "lead_status_changed",
                {"lead_status": {"id": lead["status_id"], "pipeline_id": lead["pipeline_id"]}},
            ),
            ("entity_responsible_changed", {"responsible_user": {"id": lead["responsible_user_id"]}}),
            ("sale_field_changed", {"sale_field_value": {"sale": lead["price"]}}),
        ):
            of_kind = [event for event in events if event.kind == kind]
            for one, other in pairwise(of_kind):
                assert one.after == other.before
            if of_kind:
                assert of_kind[-1].after == [now]
                moved += kind == "lead_status_changed"
    assert moved > len(live) / 2
    assert {event.kind for events in happened.values() for event in events} == set(KINDS) - {"name_field_changed"}


def test_deeds_by_hand_leave_events_of_what_they_changed_and_of_nothing_else(sandbox: Sandbox) -> None:
    lead_id = next(iter(sandbox.account.stamps()))
    lead = sandbox.account.lead(lead_id)
    assert lead is not None
    sandbox.account.edit(lead_id, status_id=142, name="Стол")
    sandbox.account.edit(lead_id, status_id=142)
    sandbox.account.delete(lead_id)
    sandbox.account.restore(lead_id)
    events = [event for event in by_lead(sandbox)[lead_id] if event.kind != "sale_field_changed"]
    kinds = [event.kind for event in events]
    assert kinds == ["lead_status_changed", "name_field_changed", "lead_deleted", "lead_restored"]
    assert events[0].before == [{"lead_status": {"id": lead["status_id"], "pipeline_id": lead["pipeline_id"]}}]
    assert events[0].after == [{"lead_status": {"id": 142, "pipeline_id": lead["pipeline_id"]}}]
    assert events[1].after == [{"name_field_value": {"name": "Стол"}}]
    assert len({event.id for event in by_lead(sandbox)[lead_id]}) == len(by_lead(sandbox)[lead_id])


def test_a_lead_is_linked_with_what_it_is_made_with(asking: Asking, sandbox: Sandbox) -> None:
    for place in range(20):
        lead_id = sandbox.account.add(updated_at=sandbox.clock.seconds() - place)
        linked = [event for event in by_lead(sandbox)[lead_id] if event.kind == "entity_linked"]
        lead = asking.get(f"/api/v4/leads/{lead_id}", params={"with": "contacts"}).json()["_embedded"]
        assert [event.after for event in linked] == [
            [{"link": {"entity": {"type": kind, "id": each["id"]}}}]
            for kind, name in (("contact", "contacts"), ("company", "companies"))
            for each in lead[name]
        ]


def test_a_merged_lead_is_in_no_list_and_the_other_one_is_updated(asking: Asking, sandbox: Sandbox) -> None:
    lost, remaining = [sandbox.account.add(updated_at=sandbox.clock.seconds() - 1000) for _ in range(2)]
    at = sandbox.clock.seconds()
    requests.post(f"{sandbox.url}/sandbox/do", json={"merge": {str(lost): remaining}}, timeout=60)
    assert asking.get(f"/api/v4/leads/{lost}").status_code == 204
    assert lost not in sandbox.account.stamps() | sandbox.account.stamps(deleted=True)
    assert sandbox.account.stamps()[remaining] >= at
    assert [event.kind for event in by_lead(sandbox)[lost] if event.at >= at] == ["entity_merged"]
    assert "entity_merged" not in {event.kind for event in by_lead(sandbox)[remaining]}


def listed(asking: Asking, **params: Any) -> list[dict[str, Any]]:
    found, page = [], 1
    while (response := asking.get(EVENTS, params={**params, "page": page})).status_code == 200:
        body = response.json()
        found += body["_embedded"]["events"]
        if "next" not in body["_links"]:
            break
        page += 1
    return found


@pytest.fixture
def made(sandbox: Sandbox) -> list[int]:
    """Leads that were made second after second."""
    began = sandbox.clock.seconds()
    return [sandbox.account.add(updated_at=began - 1000 + place) for place in range(10)]


@pytest.mark.usefixtures("made")
def test_a_window_holds_both_of_its_ends_and_a_single_number_is_since(asking: Asking, sandbox: Sandbox) -> None:
    began = sandbox.clock.seconds() - 1000
    kinds = {"filter[type]": "lead_added"}
    both = {"filter[created_at][from]": began + 2, "filter[created_at][to]": began + 4}
    times = [each["created_at"] for each in listed(asking, **kinds, **both)]
    assert times == [began + 4, began + 3, began + 2]
    pair = {"filter[created_at]": f"{began + 2},{began + 4}"}
    assert [each["created_at"] for each in listed(asking, **kinds, **pair)] == times
    assert len(listed(asking, **kinds, **{"filter[created_at]": began + 7})) == 3


@pytest.mark.parametrize(
    "types",
    [
        {"filter[type]": "lead_added,lead_deleted"},
        {"filter[type][]": ["lead_added", "lead_deleted"]},
        {"filter[type][0]": "lead_added", "filter[type][1]": "lead_deleted"},
    ],
)
def test_types_are_named_in_three_ways(asking: Asking, sandbox: Sandbox, made: list[int], types: Any) -> None:
    sandbox.account.delete(made[0])
    assert {each["type"] for each in listed(asking, **types)} == {"lead_added", "lead_deleted"}


def test_leads_are_named_beside_their_kind_alone_and_ten_at_most(asking: Asking, made: list[int]) -> None:
    ids = ",".join(map(str, made))
    found = listed(asking, **{"filter[entity]": "lead", "filter[entity_id]": ids, "filter[type]": "lead_added"})
    assert sorted(each["entity_id"] for each in found) == made
    assert asking.get(EVENTS, params={"filter[entity_id]": ids}).status_code == 400
    more = {"filter[entity]": "lead", "filter[entity_id]": f"{ids},1"}
    assert asking.get(EVENTS, params=more).status_code == 400


def test_stages_are_found_by_what_came_after(asking: Asking, sandbox: Sandbox, made: list[int]) -> None:
    lead = sandbox.account.lead(made[3])
    assert lead is not None
    sandbox.account.edit(made[3], status_id=143)
    wanted = {
        "filter[type]": "lead_status_changed",
        "filter[value_after][leads_statuses][0][pipeline_id]": lead["pipeline_id"],
        "filter[value_after][leads_statuses][0][status_id]": 143,
    }
    (event,) = listed(asking, **wanted)
    assert event["entity_id"] == made[3]
    assert asking.get(f"{EVENTS}/{event['id']}").json()["id"] == event["id"]
    assert asking.get(f"{EVENTS}/01pz58t6p04ymgsgfbmfyfy1mf").status_code == 204


@pytest.mark.usefixtures("made")
def test_the_order_is_nobodys_promise(asking: Asking, sandbox: Sandbox) -> None:
    newest = [each["id"] for each in listed(asking, **{"filter[type]": "lead_added"})]
    sandbox.configure(events_order="oldest")
    assert [each["id"] for each in listed(asking, **{"filter[type]": "lead_added"})] == newest[::-1]
    sandbox.configure(events_order="shuffled")
    assert len({tuple(each["id"] for each in listed(asking)) for _ in range(5)}) > 1


def test_the_types_are_listed(asking: Asking) -> None:
    types = asking.get(f"{EVENTS}/types").json()
    assert types["_total_items"] == len(types["_embedded"]["events_types"]) == len(ALL_KINDS)
