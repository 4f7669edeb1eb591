"""Contacts, companies, tasks and calls of the sandbox leave events that agree with them: ids, times and people."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.entities import EVENTS
from amocrm_assets.sandbox import Fault
from amocrm_assets.sandbox.account.event_feed import KINDS
from amocrm_assets.sandbox.account.follow_up_events import TASK_EVENTS
from amocrm_assets.sandbox.account.history import BEGINNING
from amocrm_assets_tests.accounts import DAY, leads_of, sandbox_with
from amocrm_assets_tests.sandbox.account.test_follow_ups import CALLS, notes
from amocrm_assets_tests.sandbox.account.test_linked import ids, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.account.events import AccountEvent

NOW = BEGINNING + 40 * 86_400 + 40_000
OF_TASKS = frozenset(TASK_EVENTS.changes)
OF_CALLS = frozenset({"incoming_call", "outgoing_call"})
Json = dict[str, Any]


@pytest.fixture(scope="module")
def alive() -> Iterator[Sandbox]:
    with sandbox_with(frozen_at=NOW, populations=None, leads_per_day=40) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with sandbox_with(frozen_at=NOW, populations=None, leads_per_day=10) as running:
        yield running


def by_task(sandbox: Sandbox) -> dict[int, list[AccountEvent]]:
    found = defaultdict(list)
    for event in sandbox.events.between(kinds=OF_TASKS):
        if event.entity_type == "task":
            found[event.entity_id].append(event)
    return found


def test_the_events_of_tasks_lead_to_the_tasks_as_they_are(alive: Sandbox) -> None:
    happened, tasks = by_task(alive), {each["id"]: each for each in listed(alive, "tasks", limit="250")}
    counts: Counter[str] = Counter()
    for task_id, task in tasks.items():
        events = happened[task_id]
        counts.update(event.kind for event in events)
        kinds = {event.kind: event for event in events}
        added, last = kinds["task_added"], events[-1]
        assert (added.at, added.created_by) == (task["created_at"], task["created_by"])
        assert (last.at, last.created_by) == (task["updated_at"], task["updated_by"])
        assert task["is_completed"] == ("task_completed" in kinds)
        result = kinds.get("task_result_added")
        assert bool(task["result"]) == bool(result)
        assert not result or result.after == [{"task_result": task["result"]}]
        moved = kinds.get("task_deadline_changed")
        assert not moved or moved.after == [{"task_deadline": {"timestamp": task["complete_till"]}}]
        assert not moved or moved.at < moved.before[0]["task_deadline"]["timestamp"]
    deleted = {task_id for task_id, events in happened.items() if events[-1].kind == "task_deleted"}
    assert deleted == happened.keys() - tasks.keys() != set()
    assert min(counts[kind] for kind in ("task_completed", "task_result_added", "task_deadline_changed")) > 50


def test_each_call_has_one_event_about_whom_it_hangs_on(alive: Sandbox) -> None:
    kinds = {"incoming_call": "call_in", "outgoing_call": "call_out"}
    for owners, entity_type in (("leads", "lead"), ("contacts", "contact"), ("companies", "company")):
        calls = {
            each["id"]: (each["created_at"], each["entity_id"], each["created_by"], each["note_type"])
            for each in notes(alive, owners, **CALLS)
        }
        reported = {
            event.after[0]["note"]["id"]: (event.at, event.entity_id, event.created_by, kinds[event.kind])
            for event in alive.events.between(kinds=OF_CALLS)
            if event.entity_type == entity_type
        }
        # A call that somebody deleted has left its event.
        assert reported.items() >= calls.items()
        assert len(calls) > 20
        assert len(reported) - len(calls) < len(calls) / 10


@pytest.mark.parametrize(("kind", "entity_type"), [("contacts", "contact"), ("companies", "company")])
def test_contacts_and_companies_leave_events_of_their_beginning_and_their_end(
    alive: Sandbox, kind: str, entity_type: str
) -> None:
    events = [event for event in alive.events.between() if event.entity_type == entity_type]
    added = {event.entity_id: (event.at, event.created_by) for event in events if event.kind.endswith("_added")}
    deleted = {event.entity_id: event.at for event in events if event.kind == f"{entity_type}_deleted"}
    live = {each["id"]: (each["created_at"], each["created_by"]) for each in listed(alive, kind, limit="250")}
    trash = {
        each["id"]: each["updated_at"] for each in listed(alive, kind, limit="250", **{"with": "only_deleted"})
    }
    assert deleted == trash
    assert added.keys() == live.keys() | trash.keys()
    assert {record_id: added[record_id] for record_id in live} == live
    assert len(live) > 100
    assert trash


def test_contacts_changed_by_hand_leave_events_of_that(sandbox: Sandbox) -> None:
    contact = listed(sandbox, "contacts", limit="250")[0]
    before = {event.id for event in sandbox.events.between()}
    sandbox.contacts.edit(contact["id"], name="x")
    sandbox.contacts.edit(contact["id"], responsible_user_id=7)
    sandbox.contacts.delete(contact["id"])
    sandbox.contacts.restore(contact["id"])
    sandbox.contacts.purge(contact["id"])
    new = [event for event in sandbox.events.between() if event.id not in before]
    assert [event.kind for event in new] == ["entity_responsible_changed", "contact_deleted", "contact_restored"]
    assert new[0].before == [{"responsible_user": {"id": contact["responsible_user_id"]}}]
    assert new[0].after == [{"responsible_user": {"id": 7}}]
    (shown,) = listed(sandbox, "events", limit="100", **{"filter[type]": "contact_deleted"})[:1]
    href = shown["_embedded"]["entity"]["_links"]["self"]["href"]
    assert href.endswith(f"/api/v4/contacts/{shown['entity_id']}")


@pytest.mark.slow
def test_events_of_all_lists_come_in_order_of_time_with_ids_of_their_own(alive: Sandbox) -> None:
    oldest = list(alive.events.between())
    assert {event.kind for event in oldest} >= OF_CALLS | {"lead_added", "task_added", "common_note_deleted"}
    assert [event.at for event in oldest] == sorted(event.at for event in oldest)
    assert len({event.id for event in oldest}) == len(oldest)
    assert {len(event.id) for event in oldest} == {26}
    newest = list(alive.events.between(newest_first=True))
    assert [event.at for event in newest] == [event.at for event in reversed(oldest)]
    assert {event.id for event in newest} == {event.id for event in oldest}
    since, until = NOW - 9 * 86_400, NOW - 8 * 86_400
    assert list(alive.events.between(since, until)) == [event for event in oldest if since <= event.at <= until]


def test_events_are_asked_for_by_kind_and_by_what_they_are_about(alive: Sandbox) -> None:
    window = {"filter[created_at][from]": str(NOW - 5 * 86_400)}
    named = {"filter[type]": "task_completed,incoming_call", **window}
    found = listed(alive, "events", limit="100", **named)
    assert {each["type"] for each in found} == {"task_completed", "incoming_call"}
    about = {"filter[entity]": "task", "filter[entity_id][]": str(found[0]["entity_id"])}
    task = next(each for each in found if each["type"] == "task_completed")
    about["filter[entity_id][]"] = str(task["entity_id"])
    (alone,) = listed(alive, "events", **about, **named)
    assert (alone["id"], alone["entity_type"]) == (task["id"], "task")
    assert alone["_embedded"]["entity"]["_links"]["self"]["href"].endswith(f"/api/v4/tasks/{task['entity_id']}")
    assert set(KINDS) & set(EVENTS.live.types) >= {"task_added", "task_completed", "outgoing_call"}


def test_what_is_done_by_hand_leaves_events_of_that_and_of_nothing_else(sandbox: Sandbox) -> None:
    task = next(each for each in listed(sandbox, "tasks", limit="250") if not each["is_completed"])
    before = {event.id for event in sandbox.events.between()}
    sandbox.tasks.edit(task["id"], complete_till=NOW + 60, text="x")
    sandbox.tasks.edit(task["id"], task_type_id=2 + task["task_type_id"])
    sandbox.tasks.edit(task["id"], is_completed=True, result={"text": "да"})
    sandbox.tasks.delete(task["id"])
    call = notes(sandbox, "contacts", **CALLS)[0]
    sandbox.notes["contacts"].edit(call["id"], params=call["params"] | {"call_result": "да"})
    sandbox.notes["contacts"].delete(call["id"])
    new = [event for event in sandbox.events.between() if event.id not in before]
    assert [event.kind for event in new] == [
        "task_text_changed",
        "task_deadline_changed",
        "task_type_changed",
        "task_completed",
        "task_result_added",
        "task_deleted",
    ]
    assert new[1].before == [{"task_deadline": {"timestamp": task["complete_till"]}}]
    assert new[1].after == [{"task_deadline": {"timestamp": NOW + 60}}]
    assert {(event.at, event.entity_type, event.entity_id) for event in new} == {(NOW, "task", task["id"])}


@pytest.mark.slow
def test_other_people_work_while_events_are_read_and_faults_hit_them(sandbox: Sandbox) -> None:
    fault = Fault("row-outside-window", path="/api/v4/events", times=1)
    sandbox.configure(edits_per_answer=3, faults=(fault,))
    sandbox.clock.advance(60)
    listed(sandbox, "events", limit="100", **{"filter[created_at][from]": str(NOW - 3_600)})
    assert any(event.at == NOW + 60 for event in sandbox.events.between())
    sandbox.configure(faults=(fault,))
    found = listed(sandbox, "events", limit="100", page="1")
    assert sum(each["created_at"] == 946684800 for each in found) == 1


@pytest.mark.slow
def test_time_adds_to_the_events_and_tells_the_same_past(sandbox: Sandbox) -> None:
    before = list(sandbox.events.between())
    for _ in range(5):
        sandbox.clock.advance(86_400)
        list(sandbox.events.between())
    after = list(sandbox.events.between())
    assert [event for event in after if event.at <= NOW] == before
    assert len(after) > len(before)
    options = {"populations": None, "leads_per_day": 10, "frozen_at": sandbox.clock.seconds()}
    with sandbox_with(**options) as other:
        assert sorted(other.events.between()) == sorted(after)


def test_an_account_of_leads_that_were_loaded_has_events_of_what_is_done_by_hand_alone() -> None:
    with sandbox_with(leads_of(DAY, 60)) as sandbox:
        (first, *_) = sandbox.tasks.stamps()
        assert list(sandbox.events.between()) == []
        sandbox.tasks.edit(first)
        assert {event.entity_id for event in sandbox.events.between()} == {first}
        assert first in ids(listed(sandbox, "tasks", limit="250"))
