"""A probe asks about the other lists that a source imports, and finds the switches of the stand-in for them."""

from __future__ import annotations

import time
from dataclasses import fields
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.crm.probe import MAX_REQUESTS, ProbeState
from amocrm_assets.crm.probe.list_orders import is_falling
from amocrm_assets.entities import CALLS, COMPANIES, CONTACTS, EVENTS, LEADS, TASKS
from amocrm_assets_tests.crm.probe.list_answers import ALL, DOCUMENTED, MOVING, Switches, check, of_all
from amocrm_assets_tests.crm.probe.probing import DAY_SECONDS, account, probe_url
from amocrm_assets_tests.crm.probe.test_report import NOW, report_of
from amocrm_assets_tests.standin import (
    Semantics,
    StandIn,
    StandInAccount,
    contact,
    many_events,
    many_leads,
    note,
    running_standin,
    task,
)

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.crm.probe.verdict import Value

# Switches of the second stand-in, and what is found otherwise than in `DOCUMENTED`.
FOUND: dict[str, tuple[Switches, Switches]] = {
    "as documented": ({}, {}),
    "from_exclusive": ({"from_exclusive": True}, of_all("from_inclusive")),
    "to_exclusive": ({"to_exclusive": True}, of_all("to_inclusive")),
    "both ends exclusive": (
        {"from_exclusive": True, "to_exclusive": True},
        of_all("from_inclusive") | of_all("to_inclusive"),
    ),
    # The stand-in has one switch for the filters of all lists but events.
    "leads_filter": (
        {"leads_filter": False},
        of_all("filters", *MOVING, "tasks")
        | of_all("from_inclusive", *MOVING, "tasks", value=None)
        | of_all("to_inclusive", *MOVING, "tasks", value=None),
    ),
    "order ignored": (
        {"order": "ignored"},
        of_all("order", *MOVING, value="ignored") | {"id_order_tasks": False},
    ),
    "id_order_beside_filter": ({"id_order_beside_filter": False}, {"id_order_tasks": False}),
    "only_deleted ignored": (
        {"only_deleted": "ignored"},
        of_all("only_deleted", "contacts", "companies", value="ignored"),
    ),
    "only_deleted 400": (
        {"only_deleted": "400"},
        of_all("only_deleted", "contacts", "companies", value="refused (400)"),
    ),
    "only_deleted 403": (
        {"only_deleted": "403"},
        of_all("only_deleted", "contacts", "companies", value="refused (403)"),
    ),
    "only_deleted odd once": ({"only_deleted": "odd once"}, {}),
    "limit_max": ({"limit_max": 50}, of_all("page_size", *MOVING, "tasks", value=50)),
    "tasks_order honoured": ({"tasks_order": "honoured"}, {"order_tasks": "honoured"}),
    "tasks_order 400": ({"tasks_order": "400"}, {"order_tasks": "refused (400)"}),
    "notes_types_filter": ({"notes_types_filter": False}, {"types_calls": False}),
    "events_order oldest": ({"events_order": "oldest"}, {"order_events": "oldest first"}),
    "events_order by id": ({"events_order": "by id"}, {"order_events": "none", "unnamed_types_events": ...}),
    "events_order shuffled": (
        {"events_order": "shuffled"},
        {"order_events": "none", "unnamed_types_events": ..., "types_events": ...},
    ),
    "events_filter": (
        {"events_filter": False},
        {
            "filters_events": False,
            "from_inclusive_events": None,
            "to_inclusive_events": None,
            "unnamed_types_events": ...,
        },
    ),
    "events_types_filter": ({"events_types_filter": False}, {"types_events": False}),
    "events_unnamed_omits": (
        {"events_unnamed_omits": ("task_added",)},
        {"unnamed_types_events": "left out"},
    ),
    "events_limit_max": ({"events_limit_max": 50}, {"page_size_events": 50}),
    "events_links without next": ({"events_links": "without next"}, {"page_size_events": None}),
    "an event page fails": ({"events_fail_on": (3,)}, {}),
}


def standin_with(**switches: Any) -> StandIn:
    """An account with all lists, some days old, and some records in the trash."""
    end = int(time.time()) - 3 * DAY_SECONDS
    begin = end - 3 * DAY_SECONDS
    there = account()
    there.events = many_events(1, 600, begin, end)
    for each in there.events[::7]:
        each["type"] = "name_field_changed"  # nobody asks for it
    return StandIn(
        there,
        Semantics(**switches),
        contacts=StandInAccount(many_leads(2, 400, begin, end, deleted=40, make=contact)),
        companies=StandInAccount(many_leads(3, 400, begin, end, deleted=40, make=contact)),
        tasks=StandInAccount(many_leads(4, 400, begin, end, make=task)),
        # Nothing hangs on leads, so the next list is asked about.
        notes={
            "leads": StandInAccount([]),
            "contacts": StandInAccount(many_leads(5, 500, begin, end, make=note)),
        },
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_a_switch_of_the_lists_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    switches, changed = FOUND[name]
    standin = standin_with(**switches)
    with running_standin(standin):
        report = probe_url(standin.url, standin.token, tmp_path, **ALL)
    check(report, DOCUMENTED | changed)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


def test_every_switch_of_the_standin_for_these_lists_is_tried() -> None:
    tried = {switch for switches, _ in FOUND.values() for switch in switches}
    named = {each.name for each in fields(Semantics) if each.name.startswith(("events_", "notes_", "tasks_"))}
    # What lacks events is asked for again by readings; a probe believes what it sees.
    assert named - tried == {"events_empty_on", "events_halved_on", "events_end_after"}


def test_only_lists_that_the_source_imports_are_asked_about(tmp_path: Path) -> None:
    standin = standin_with()
    with running_standin(standin):
        report = probe_url(standin.url, standin.token, tmp_path, import_tasks=True)
    questions = {answer.question for answer in report.answers}
    assert {each for each in DOCUMENTED if each in questions} == {each for each in DOCUMENTED if "tasks" in each}
    paths = {each.path for each in standin.requests}
    assert "/api/v4/tasks" in paths
    assert paths.isdisjoint({"/api/v4/contacts", "/api/v4/companies", "/api/v4/contacts/notes"})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_sixty_requests_are_enough_whatever_the_lists_do(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    switches: Switches = {}
    for name in rng.sample(sorted(FOUND), 5):
        switches |= FOUND[name][0]
    standin = standin_with(**switches, links="null", odd_links_on=tuple(rng.sample(range(1, 120), 40)))
    with running_standin(standin):
        report = probe_url(standin.url, standin.token, tmp_path, **ALL)
    assert report.requests == len(standin.requests) <= MAX_REQUESTS


def test_edits_of_other_people_leave_no_wrong_answer(tmp_path: Path) -> None:
    standin = standin_with()
    rng = Random(7)
    accounts = [standin.contacts, standin.companies, standin.tasks, standin.notes["contacts"]]

    def edit() -> None:
        for there in accounts:
            assert there is not None
            there.edit(rng.choice(there.leads), int(time.time()))

    standin.after_answer = edit
    with running_standin(standin):
        report = probe_url(standin.url, standin.token, tmp_path, **ALL)
    wrong = {name: report.value(name) for name in DOCUMENTED if report.value(name) not in (None, DOCUMENTED[name])}
    assert wrong == {}


@pytest.mark.parametrize(
    ("values", "traits"),
    [
        ({}, UNKNOWN),
        ({"page_size": 50, "from_inclusive": False}, AccountTraits(from_is_inclusive=False, max_limit=50)),
        ({"page_size": 50, "page_size_contacts": 250}, UNKNOWN),
        (
            {"page_size_contacts": 50, "from_inclusive_contacts": True},
            AccountTraits(from_is_inclusive=True, max_limit=50),
        ),
        ({"filters_leads": False, "filters_deleted": False}, AccountTraits(filters=False)),
        ({"filters_leads": True, "filters_deleted": True, "filters_contacts": False}, UNKNOWN),
        (
            {"filters_leads": False, "filters_deleted": False, "filters_contacts": False},
            AccountTraits(filters=False),
        ),
        ({"filters_contacts": "odd", "page_size_contacts": True}, UNKNOWN),
    ],
)
def test_readings_of_a_list_start_from_what_was_found_of_it(
    values: dict[str, Value], traits: AccountTraits
) -> None:
    assert ProbeState("acme", report_of(NOW, **values)).traits(NOW, CONTACTS) == traits


@pytest.mark.parametrize(
    ("values", "limit"),
    [({"events_limit": 250}, 250), ({"events_limit": 100}, None), ({"page_size_events": 50}, None)],
)
def test_larger_pages_of_events_are_used_where_they_were_seen(values: dict[str, Value], limit: int | None) -> None:
    state = ProbeState("acme", report_of(datetime.now(UTC), **values))
    assert state.traits(datetime.now(UTC), EVENTS) == AccountTraits(max_limit=limit)
    for entity in (LEADS, CONTACTS, COMPANIES, TASKS, CALLS):
        assert state.traits(datetime.now(UTC), entity) == UNKNOWN


@pytest.mark.parametrize(("numbers", "falling"), [([], True), ([3, 3, 1], True), ([1, 2], False)])
def test_an_order_is_one_of_all_records(numbers: list[int], falling: bool) -> None:  # noqa: FBT001
    assert is_falling(numbers) is falling
