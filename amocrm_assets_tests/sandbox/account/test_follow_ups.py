"""Tasks and calls of the sandbox hang together with its leads, and are listed as amoCRM lists them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.sandbox import Fault
from amocrm_assets.sandbox.account.history import BEGINNING
from amocrm_assets.sandbox.account.links import OWNERS
from amocrm_assets_tests.accounts import sandbox_with
from amocrm_assets_tests.sandbox.account.test_linked import ids, linked, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox

NOW = BEGINNING + 40 * 86_400 + 40_000
CALLS = {"filter[note_type][]": "call_in&filter[note_type][]=call_out"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def alive() -> Iterator[Sandbox]:
    """An account of forty days that nobody touches."""
    with sandbox_with(frozen_at=NOW, populations=None, leads_per_day=40) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(frozen_at=NOW, populations=None, leads_per_day=10) as running:
        yield running


def notes(sandbox: Sandbox, owners: str, **params: str) -> list[Json]:
    """Every note of a list. It is in `notes`, whatever its address ends with."""
    found: list[Json] = []
    address = f"{sandbox.url}/api/v4/{owners}/notes?limit=250&" + "&".join(f"{k}={v}" for k, v in params.items())
    while address:
        response = requests.get(address, headers={"Authorization": f"Bearer {sandbox.token}"}, timeout=60)
        if response.status_code == 204:
            break
        found += response.json()["_embedded"]["notes"]
        address = response.json()["_links"].get("next", {}).get("href")
    return found


@pytest.mark.slow
def test_tasks_are_about_records_that_exist_done_open_and_overdue(alive: Sandbox) -> None:
    tasks = listed(alive, "tasks", limit="250")
    leads = set(ids(listed(alive, "leads", limit="250")) + list(alive.account.stamps(deleted=True)))
    contacts = set(ids(listed(alive, "contacts", limit="250")) + list(alive.contacts.stamps(deleted=True)))
    users = {user["id"] for user in alive.account.content.users}
    assert len(tasks) > 500
    assert {each["entity_type"] for each in tasks} == {"leads", "contacts"}
    known = {"leads": leads, "contacts": contacts}
    purged = [each for each in tasks if each["entity_id"] not in known[each["entity_type"]]]
    assert len(purged) < len(tasks) / 50  # of leads whose trash was emptied
    assert {each["responsible_user_id"] for each in tasks} <= users
    state = Counter(
        "done" if each["is_completed"] else "overdue" if each["complete_till"] < NOW else "open" for each in tasks
    )
    assert state.keys() == {"done", "overdue", "open"}
    assert state["done"] > state["overdue"] > 20
    assert all(each["created_at"] <= each["updated_at"] <= NOW for each in tasks)
    results = {type(each["result"]) for each in tasks if each["is_completed"]}
    assert results == {list, dict}
    assert [each["result"] for each in tasks if not each["is_completed"]] == [[]] * (
        state["open"] + state["overdue"]
    )


@pytest.mark.slow
def test_calls_are_answered_and_missed_with_the_number_of_whom_they_hang_on(alive: Sandbox) -> None:
    phones: dict[str, dict[int, str]] = {}
    for owners in ("contacts", "companies"):
        phones[owners] = {
            each["id"]: each["custom_fields_values"][0]["values"][0]["value"]
            for each in listed(alive, owners, limit="250")
        }
    main = {each["id"]: linked(each, "contacts")[:1] for each in listed(alive, "leads", **{"with": "contacts"})}
    counts: Counter[str] = Counter()
    for owners in OWNERS:
        for each in notes(alive, owners, **CALLS):
            of_leads = owners == "leads"
            owner = next(iter(main.get(each["entity_id"], [])), None) if of_leads else each["entity_id"]
            known = phones["contacts" if of_leads else owners]
            assert known.get(owner or 0, each["params"]["phone"]) == each["params"]["phone"]
            counts[owners] += 1
            counts["missed" if each["params"]["duration"] == 0 else "answered"] += 1
            counts[each["note_type"]] += 1
            assert (each["params"]["call_status"] == 6) == (each["params"]["duration"] == 0)
    assert counts["contacts"] > counts["leads"] > 50
    assert counts["companies"] > 20
    assert counts["answered"] > counts["missed"] > 50
    assert counts["call_in"] > counts["call_out"] > 50


def test_first_calls_come_after_their_lead(alive: Sandbox) -> None:
    made = {each["id"]: each["created_at"] for each in listed(alive, "leads", limit="250")}
    waited = [
        each["created_at"] - made[each["entity_id"]]
        for each in notes(alive, "leads", **CALLS)
        if each["entity_id"] in made
    ]
    assert min(waited) >= 120
    assert sorted(waited)[len(waited) // 2] < 3_600


def test_notes_hold_texts_unless_calls_are_named(alive: Sandbox) -> None:
    every, calls = notes(alive, "leads"), notes(alive, "leads", **CALLS)
    assert {each["note_type"] for each in every} == {"call_in", "call_out", "common"}
    assert set(ids(calls)) == set(alive.notes["leads"].stamps()) < set(ids(every))
    by_index = {"filter[note_type][0]": "call_in", "filter[note_type][1]": "call_out"}
    assert ids(notes(alive, "leads", **by_index)) == ids(calls)
    assert "entity_type" not in calls[0]


def test_tasks_are_chosen_and_ordered_by_what_amocrm_knows(alive: Sandbox) -> None:
    tasks = listed(alive, "tasks", limit="250")
    since, until = NOW - 9 * 86_400, NOW - 8 * 86_400
    window = {"filter[updated_at][from]": str(since), "filter[updated_at][to]": str(until)}
    expected = [each["id"] for each in tasks if since <= each["updated_at"] <= until]
    assert ids(listed(alive, "tasks", **window, **{"order[id]": "asc"})) == sorted(expected)
    assert ids(listed(alive, "tasks", **window, **{"order[id]": "desc"})) == sorted(expected, reverse=True)
    assert ids(listed(alive, "tasks", **window, **{"order[updated_at]": "desc"})) == sorted(expected)
    late = [each["complete_till"] for each in listed(alive, "tasks", **window, **{"order[complete_till]": "desc"})]
    assert late == sorted(late, reverse=True)
    assert len(set(late)) > 1
    done = listed(alive, "tasks", limit="250", **{"filter[is_completed]": "1", "filter[task_type][]": "2"})
    assert {(each["is_completed"], each["task_type_id"]) for each in done} == {(True, 2)}
    some = listed(alive, "tasks", **{"filter[entity_type]": "leads", "filter[id][]": str(expected[0])})
    assert ids(some) in ([expected[0]], [])


def test_filters_of_tasks_are_no_paid_option(sandbox: Sandbox) -> None:
    sandbox.configure(filters_enabled=False)
    assert listed(sandbox, "tasks", **{"filter[updated_at][from]": str(NOW + 1)}) == []
    assert listed(sandbox, "leads", **{"filter[updated_at][from]": str(NOW + 1)}) != []


def test_a_task_that_is_deleted_leaves_no_trace_in_the_list(sandbox: Sandbox) -> None:
    (first, second, *_) = sorted(sandbox.tasks.stamps())
    sandbox.tasks.delete(first)
    sandbox.tasks.edit(second, text="x")
    with_trash = listed(sandbox, "tasks", limit="250", **{"with": "only_deleted"})
    assert ids(with_trash) == sorted(sandbox.tasks.stamps())
    assert first not in sandbox.tasks.stamps()
    alone = {
        number: requests.get(
            f"{sandbox.url}/api/v4/tasks/{number}",
            headers={"Authorization": f"Bearer {sandbox.token}"},
            timeout=60,
        )
        for number in (first, second)
    }
    assert (alone[first].status_code, alone[second].json()["text"]) == (204, "x")
    sandbox.clock.advance(90 * 86_400)
    assert first not in sandbox.tasks.stamps()


def test_time_adds_to_tasks_and_calls_and_tells_the_same_past(sandbox: Sandbox) -> None:
    before = sandbox.tasks.stamps(), sandbox.notes["contacts"].stamps()
    sandbox.clock.advance(5 * 86_400)
    after = sandbox.tasks.stamps(), sandbox.notes["contacts"].stamps()
    assert all(len(after[place]) > len(before[place]) for place in (0, 1))
    options = {"populations": None, "leads_per_day": 10, "frozen_at": sandbox.clock.seconds()}
    with sandbox_with(**options) as other:
        assert (other.tasks.stamps(), other.notes["contacts"].stamps()) == after


def test_notes_of_one_record_and_a_note_alone_have_addresses(sandbox: Sandbox) -> None:
    call = notes(sandbox, "contacts", **CALLS)[0]
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    of_one = requests.get(
        f"{sandbox.url}/api/v4/contacts/{call['entity_id']}/notes", headers=headers, timeout=60
    ).json()["_embedded"]["notes"]
    assert call["id"] in ids(of_one)
    assert {each["entity_id"] for each in of_one} == {call["entity_id"]}
    alone = requests.get(f"{sandbox.url}/api/v4/contacts/notes/{call['id']}", headers=headers, timeout=60).json()
    assert alone["params"] == call["params"]


def test_other_people_edit_tasks_and_calls_and_faults_hit_them(sandbox: Sandbox) -> None:
    sandbox.configure(edits_per_answer=3, faults=(Fault("row-without-id", path="/api/v4/tasks"),))
    before = sandbox.tasks.stamps(), sandbox.notes["contacts"].stamps()
    response = requests.get(
        f"{sandbox.url}/api/v4/tasks", headers={"Authorization": f"Bearer {sandbox.token}"}, timeout=60
    )
    notes(sandbox, "contacts", page="1")
    assert sum("id" not in each for each in response.json()["_embedded"]["tasks"]) == 1
    after = sandbox.tasks.stamps(), sandbox.notes["contacts"].stamps()
    for place in (0, 1):
        assert sum(after[place][each] != at for each, at in before[place].items()) >= 1
