"""What the newest records up to an empty page show, and what is requested next."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.crm.pagination.appended import AppendedPlanner
from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage, AppendedQuery
from amocrm_assets.crm.pagination.emptiness import (
    MAX_CONTRADICTIONS,
    MAX_UNFILTERED,
    NEWEST_RECORDS,
    EmptinessProofs,
    EmptyPage,
    Newest,
)
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.query import MIN_PAGE, Query
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.entities import LEADS, TASKS
from amocrm_assets.errors import ReadingUnproven
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import LISTS, WINDOW, read
from amocrm_assets_tests.crm.pagination.test_appended import DAY, EVENTS, Listed, record
from amocrm_assets_tests.crm.pagination.test_appended import read as read_events

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.emptiness import Verdict

FROM, TO = WINDOW.from_at, WINDOW.to_at
SLICE = Query(LEADS.live, "updated_at asc", FROM, TO)
SLICE_OF_TRASH = replace(SLICE, record_list=LISTS[1])


def page_of(*times: int, has_next: bool = False, deleted: bool = False, unusable: bool = False) -> Page:
    records = tuple(RawRecord(number, at, deleted, b"") for number, at in enumerate(times))
    return Page(records, has_next, (Unusable(99, b""),) if unusable else ())


def assess(page: Any, query: Any = SLICE) -> tuple[Verdict, EmptinessProofs]:
    proofs = EmptinessProofs()
    proofs.add(EmptyPage("slice", query, NOTHING, 1))
    newest, _ = proofs.next_query() or pytest.fail("no query")
    return proofs.add_page(newest, page), proofs


@pytest.mark.parametrize(
    ("page", "verdict"),
    [
        (page_of(FROM - 1, FROM - 2, has_next=True), "empty"),
        (page_of(FROM - 1, FROM - 1, FROM - 2, has_next=True), "empty"),
        (page_of(FROM - 1), "empty"),
        (page_of(*[FROM - 1] * (MIN_PAGE - 1)), "empty"),
        (page_of(*[FROM - 1] * MIN_PAGE), "unclear"),
        (page_of(FROM - 1, FROM - 1, has_next=True), "unclear"),
        (page_of(FROM - 1, FROM - 2, unusable=True), "unclear"),
        (page_of(unusable=True), "unclear"),
        (page_of(FROM + 1, FROM - 2, unusable=True), "contradicted"),
        (page_of(FROM, FROM - 1), "unclear"),
        (page_of(FROM + 1, FROM - 1), "contradicted"),
        (page_of(TO, FROM), "contradicted"),
        (page_of(TO + 1, TO), "contradicted"),
        (page_of(FROM - 2, FROM - 1), "unsorted"),
        (page_of(FROM - 9, FROM - 5, FROM - 9), "unsorted"),
        (page_of(FROM - 9, FROM + 9, FROM - 9), "contradicted"),
        (page_of(), "nothing"),
        (None, "unsorted"),
    ],
)
def test_the_newest_records_up_to_the_end_of_some_seconds_show(page: Page | None, verdict: Verdict) -> None:
    assert assess(page)[0] == verdict


DAY_OF_EVENTS = AppendedQuery(EVENTS, DAY.from_at, DAY.to_at, 1, 100)


def events_at(*times: int, has_next: bool = True) -> AppendedPage:
    return AppendedPage(tuple(record(number, at) for number, at in enumerate(times)), has_next)


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        ((DAY.to_at + 1, DAY.to_at + 2), "empty"),
        ((DAY.to_at + 1, DAY.to_at + 1), "unclear"),
        ((DAY.to_at, DAY.to_at + 1), "unclear"),
        ((DAY.to_at - 1, DAY.to_at + 1), "contradicted"),
        ((DAY.from_at - 1, DAY.to_at + 1), "contradicted"),
        ((DAY.to_at + 2, DAY.to_at + 1), "unsorted"),
        ((), "nothing"),
    ],
)
def test_where_the_oldest_events_come_first_those_after_the_seconds_show(
    times: tuple[int, ...], verdict: Verdict
) -> None:
    before = events_at(DAY.from_at - 9, DAY.from_at - 5)
    found, proofs = assess(before, DAY_OF_EVENTS)
    assert found == "ascending"
    assert proofs.can_prove("slice", DAY_OF_EVENTS)
    newest, query = proofs.next_query() or pytest.fail("no query")
    assert query == replace(DAY_OF_EVENTS, to_at=2**31 - 1, limit=NEWEST_RECORDS)
    assert proofs.add_page(newest, events_at(*times)) == verdict
    assert proofs.is_proven(DAY_OF_EVENTS) == (verdict == "empty")
    assert not proofs.is_proven(replace(DAY_OF_EVENTS, to_at=DAY.to_at + 1))


def test_leads_that_come_oldest_first_are_not_in_the_requested_order() -> None:
    assert assess(page_of(FROM - 9, FROM - 5))[0] == "unsorted"


def test_events_in_no_order_show_nothing() -> None:
    assert assess(events_at(DAY.from_at - 5, DAY.from_at - 9, DAY.from_at - 7), DAY_OF_EVENTS)[0] == "unsorted"


def test_live_records_show_nothing_about_deleted_ones() -> None:
    assert assess(page_of(FROM - 1), SLICE_OF_TRASH)[0] == "live"
    assert assess(page_of(FROM - 1, deleted=True), SLICE_OF_TRASH)[0] == "empty"
    mixed = page_of(FROM - 1, deleted=True).records + page_of(FROM - 2).records
    assert assess(Page(mixed, has_next=False), SLICE_OF_TRASH)[0] == "live"


def test_seconds_behind_the_newest_record_are_known_to_be_empty_until_one_of_them_has_a_record() -> None:
    _, proofs = assess(page_of(FROM - 5, FROM - 8))
    for begin, end in ((FROM, TO), (FROM - 4, TO), (TO, TO)):
        assert proofs.is_proven(replace(SLICE, from_at=begin, to_at=end))
    for begin, end in ((FROM - 5, TO), (FROM, TO + 1)):
        assert not proofs.is_proven(replace(SLICE, from_at=begin, to_at=end))
    assert not proofs.is_proven(SLICE_OF_TRASH)
    assert not proofs.is_proven(Query(LEADS.live, "updated_at desc"))

    for record_list, at in ((LEADS.live, FROM - 5), (LISTS[1], TO)):
        proofs.see_records(record_list, page_of(at))
        assert proofs.is_proven(SLICE)
    proofs.see_records(LEADS.live, page_of(FROM - 5, TO))
    assert not proofs.is_proven(SLICE)


@pytest.mark.parametrize(
    "query",
    [
        replace(SLICE, page=2),
        Query(LEADS.live, "updated_at desc"),
        Query(TASKS.live, "id asc", FROM, TO),
    ],
)
def test_queries_without_a_beginning_in_time_cannot_be_proven_empty(query: Query) -> None:
    assert not EmptinessProofs().can_prove("slice", query)


@pytest.mark.parametrize("page", [None, page_of(FROM - 2, FROM - 1)])
def test_a_list_that_does_not_return_its_newest_records_is_not_asked_for_them_again(page: Page | None) -> None:
    _, proofs = assess(page)
    assert not proofs.can_prove("slice", SLICE)
    assert proofs.can_prove("slice", SLICE_OF_TRASH)


def test_newest_records_of_one_second_are_not_requested_again_for_the_same_page() -> None:
    _, proofs = assess(page_of(FROM - 1, FROM - 1, has_next=True))
    assert not proofs.can_prove("slice", SLICE)
    assert proofs.can_prove("another slice", SLICE)


def test_the_newest_records_are_few_and_in_the_order_of_time() -> None:
    proofs = EmptinessProofs()
    proofs.add(EmptyPage("slice", replace(SLICE, order="id asc", details=True), NOTHING, 1))
    assert proofs.parts == {"slice"}
    newest, query = proofs.next_query() or pytest.fail("no query")
    assert query == Query(LEADS.live, "updated_at desc", 1, TO, limit=NEWEST_RECORDS)
    assert proofs.parts == {"slice"}
    assert proofs.next_query() is None
    proofs.add_page(newest, NOTHING)
    assert proofs.parts == set()


def test_one_proof_is_enough_for_all_empty_pages_behind_it() -> None:
    proofs = EmptinessProofs()
    pages = [EmptyPage(part, replace(SLICE, from_at=FROM + part), NOTHING, 1) for part in range(3)]
    for each in pages:
        proofs.add(each)
    newest, _ = proofs.next_query() or pytest.fail("no query")
    assert proofs.pop_proven() == []
    proofs.add_page(newest, page_of(FROM - 1))
    assert proofs.pop_proven() == pages[1:]
    assert proofs.next_query() is None


class Hiding(ListedAccount):
    """Returns nothing for the seconds of the window, and their records for others."""

    def respond(self, ask: Query, random: Random) -> Page:
        return NOTHING if ask.from_at and ask.from_at >= FROM - 1 else super().respond(ask, random)


def test_records_that_are_returned_for_other_seconds_only_fail_the_reading() -> None:
    account = Hiding({1: FROM + 5, 2: FROM - 5})
    with pytest.raises(ReadingUnproven, match=rf"from {FROM - 1} to {TO + 1}.*should contain them, 6 times"):
        read(account, Random(1), plan=ReadPlanner(WINDOW, [LEADS.live]))
    assert account.request_count == MAX_CONTRADICTIONS


def test_contradictions_are_counted_for_each_query_of_each_part() -> None:
    proofs = EmptinessProofs()
    often = EmptyPage("slice", SLICE, NOTHING, 1)
    for _ in range(MAX_CONTRADICTIONS - 1):
        proofs.contradict(often)
    proofs.contradict(EmptyPage("another slice", SLICE, NOTHING, 1))
    proofs.contradict(EmptyPage("slice", SLICE_OF_TRASH, NOTHING, 1))
    with pytest.raises(ReadingUnproven):
        proofs.contradict(often)


@pytest.mark.parametrize(("at", "last"), [(TO, "contradicted"), (TO + 1, "unsorted")])
def test_a_list_that_ignores_filters_of_many_seconds_only_is_asked_for_others(at: int, last: Verdict) -> None:
    proofs = EmptinessProofs()
    for time in range(1, MAX_UNFILTERED + 1):
        proofs.add(EmptyPage(time, SLICE, NOTHING, 1))
        newest, _ = proofs.next_query() or pytest.fail("no query")
        assert proofs.add_page(newest, page_of(at)) == (last if time == MAX_UNFILTERED else "contradicted")


def test_newest_records_that_cannot_be_received_leave_the_page_to_a_witness() -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    plan.add_page(*(plan.next_query() or pytest.fail("no query")), NOTHING)
    newest, query = plan.next_query() or pytest.fail("no query")
    assert isinstance(newest, Newest)
    plan.add_failure(newest, query)
    for page in (page_of(FROM - 5), NOTHING):
        plan.add_page(*(plan.next_query() or pytest.fail("no query")), page)
    assert plan.done


def test_newest_events_that_cannot_be_received_leave_the_page_to_a_witness() -> None:
    plan = AppendedPlanner(DAY, [EVENTS])
    plan.add_page(*(plan.next_query() or pytest.fail("no query")), NO_RECORDS)  # type: ignore[arg-type]
    newest, query = plan.next_query() or pytest.fail("no query")
    assert isinstance(newest, Newest)
    plan.add_failure(newest, query)  # type: ignore[arg-type]
    witness, lead = plan.next_query() or pytest.fail("no query")
    assert lead.record_list == LEADS.live
    plan.add_page(witness, lead, page_of(1))  # type: ignore[arg-type]
    plan.add_page(*(plan.next_query() or pytest.fail("no query")), NO_RECORDS)  # type: ignore[arg-type]
    assert plan.done


@pytest.mark.parametrize(("order", "requests"), [("newest", 2), ("oldest", 3)])
def test_a_day_without_events_takes_one_request_for_those_beside_it(order: str, requests: int) -> None:
    """One more, once, if the oldest ones come first."""
    times = [at + number for number in (100, 200) for at in (DAY.from_at - 300, DAY.to_at)]
    listed = Listed([record(number, at) for number, at in enumerate(times)], order=order)
    assert read_events(listed) == []
    assert len(listed.queries) == requests


@pytest.mark.parametrize(
    "plan", [ReadPlanner(WINDOW, [LEADS.live]), AppendedPlanner(DAY, [EVENTS])], ids=["leads", "events"]
)
def test_newest_records_that_fail_the_second_time_leave_the_page_to_a_repetition(plan: Any) -> None:
    nothing, lead = (NOTHING, page_of(1)) if isinstance(plan, ReadPlanner) else (NO_RECORDS, page_of(1))
    for page in (nothing, nothing, lead, nothing):
        plan.add_page(*(plan.next_query() or pytest.fail("no query")), page)
    newest, query = plan.next_query() or pytest.fail("no query")
    assert isinstance(newest, Newest)
    plan.add_failure(newest, query)
    assert not plan.done
    plan.add_page(*(plan.next_query() or pytest.fail("no query")), nothing)
    assert plan.done
