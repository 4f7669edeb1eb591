"""A last page is counted from the other end of its list, which shows that none of its records is missing."""

from __future__ import annotations

from random import Random

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, Query
from amocrm_assets.crm.pagination.end_count import MAX_FIRST_RECORDS, EndCount
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord, Unusable
from amocrm_assets.crm.pagination.read_planner import ReadPlanner
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.keyset_slices import (  # noqa: F401  # fixtures
    FROM_AT,
    TO_AT,
    list_state,
    page,
    respond,
    slice_paginator,
    tied,
)
from amocrm_assets_tests.crm.pagination.listing import ListedAccount
from amocrm_assets_tests.crm.pagination.planned_reads import WINDOW, expected, read

FIRST = Query(LEADS.live, "updated_at asc", FROM_AT - 1, TO_AT + 1)
LAST_PAGE = page(*range(1_001, 1_041), has_next=False)
FIRST_RECORDS = page(*range(1_010, 1_000, -1), has_next=False)


@pytest.mark.parametrize(
    ("seconds", "size"),
    [
        (range(1_001, 1_041), MAX_FIRST_RECORDS),
        (range(1_001, 1_016), 4),  # the request is for 11: one for 10 would not be given up if it is too slow
        (range(1_001, 1_015), 3),
        (range(1_001, 1_014), None),
        (range(1_001, 1_021), 6),  # a third of the page
        ([*range(1_001, 1_008), *[1_008] * 20], 7),
        ([*range(1_001, 1_008), *[1_008] * 23], 7),
        ([1_001, 1_002, *[1_003] * 20], None),
        ([1_001] * 40, None),
        ([*[1_001] * 10, *[1_002] * 20], 10),
        ([*[1_001] * 11, *[1_002] * 20], None),
    ],
)
def test_so_many_first_records_are_left_when_the_others_are_skipped(
    seconds: range | list[int], size: int | None
) -> None:
    count = EndCount.of(FIRST, tied(*seconds), begin=FROM_AT)
    assert (count and count.size) == size
    if count:
        limit = len(seconds) - count.size
        assert count.query(TO_AT) == Query(LEADS.live, "updated_at desc", FROM_AT - 1, TO_AT + 1, 2, limit)


def test_a_second_page_and_one_with_records_without_a_time_are_not_counted() -> None:
    second = Query(LEADS.live, "updated_at asc", FROM_AT - 1, TO_AT + 1, page=2)
    assert EndCount.of(second, LAST_PAGE, begin=FROM_AT) is None
    assert (
        EndCount.of(FIRST, Page(LAST_PAGE.records, has_next=False, unusable=(Unusable(9, b""),)), begin=FROM_AT)
        is None
    )


def test_a_page_is_confirmed_by_its_first_records_alone() -> None:
    count = EndCount.of(FIRST, LAST_PAGE, begin=FROM_AT)
    assert count
    assert count.is_confirmed_by(FIRST_RECORDS)
    moved = RawRecord(1_001, 1_002, is_deleted=False, line=b"")
    for other in (
        NOTHING,
        Page(FIRST_RECORDS.records[1:], has_next=False),
        page(*range(1_011, 1_000, -1)),
        page(*range(1_011, 1_001, -1)),
        page(*range(1_001, 1_011)),
        Page((*FIRST_RECORDS.records[:-1], moved), has_next=False),
        Page(FIRST_RECORDS.records, has_next=False, unusable=(Unusable(9, b""),)),
    ):
        assert not count.is_confirmed_by(other)


def test_a_last_page_is_the_end_once_it_was_counted(paginator: KeysetPaginator) -> None:
    _, returned = respond(paginator, LAST_PAGE)
    assert len(returned) == 40
    assert not paginator.done
    assert paginator.open_interval == Window(FROM_AT, TO_AT)
    query, returned = respond(paginator, FIRST_RECORDS)
    assert (query.order, query.page, query.limit, returned) == ("updated_at desc", 2, 30, [])
    assert paginator.done


def test_records_that_were_not_on_the_counted_page_are_read_with_it_again(paginator: KeysetPaginator) -> None:
    respond(paginator, page(*range(1_020, 1_060), has_next=False))
    respond(paginator, page(*range(1_030, 1_000, -1), has_next=False))
    query, returned = respond(paginator, page(*range(1_001, 1_060), has_next=False))
    assert (query.order, query.page, query.from_at) == ("updated_at asc", 1, FROM_AT - 1)
    assert returned == list(range(1_001, 1_020))
    query, _ = respond(paginator, page(*range(1_003, 1_060), has_next=False))
    assert query.order == "updated_at asc", "one count is enough"


@pytest.mark.parametrize("again", [NOTHING, page(*range(1_009, 1_000, -1), has_next=False)])
def test_a_page_whose_records_have_moved_out_is_verified_as_before(
    paginator: KeysetPaginator, again: Page
) -> None:
    respond(paginator, LAST_PAGE)
    respond(paginator, again)
    assert not paginator.done
    query, _ = respond(paginator, page(*range(1_003, 1_041), has_next=False))
    assert (query.order, query.page, query.from_at) == ("updated_at asc", 1, 1_002)
    assert paginator.done


def test_a_page_whose_count_fails_is_requested_again_as_a_whole_and_then_without_its_first_second(
    paginator: KeysetPaginator,
) -> None:
    respond(paginator, LAST_PAGE)
    assert paginator.next_query()
    paginator.failed()
    for from_at in (FROM_AT - 1, 1_002):
        assert not paginator.done
        query, _ = respond(paginator, page(*range(from_at + 1, 1_041), has_next=False))
        assert (query.order, query.page, query.from_at) == ("updated_at asc", 1, from_at)
    assert paginator.done


@pytest.mark.parametrize("fails", [False, True])
def test_records_that_were_added_after_a_count_had_failed_are_read_and_verified(
    paginator: KeysetPaginator, *, fails: bool
) -> None:
    respond(paginator, LAST_PAGE)
    if fails:
        assert paginator.next_query()
        paginator.failed()
    else:
        respond(paginator, NOTHING)
    _, returned = respond(paginator, page(*range(1_003, 1_045), has_next=False))
    assert returned == list(range(1_041, 1_045))
    query, _ = respond(paginator, page(*range(1_001, 1_045), has_next=False))
    assert (query.order, query.from_at) == ("updated_at asc", FROM_AT - 1)


def test_no_witness_is_requested_for_a_count_without_records() -> None:
    plan = ReadPlanner(WINDOW, [LEADS.live])
    for sent in (LAST_PAGE, NOTHING):
        plan.add_page(*(plan.next_query() or pytest.fail("no query")), sent)
    _, query = plan.next_query() or pytest.fail("no query")
    assert (query.order, query.page, query.from_at) == ("updated_at asc", 1, 1_002)


@pytest.mark.parametrize("damage", ["head", "half", "hole", "end"])
@pytest.mark.parametrize("count", [2, 3, 9, 14, 24, 30, 240])
def test_no_single_damaged_page_of_a_window_loses_a_lead(damage: str, count: int) -> None:
    leads = {number: 1_000 + number * 599 // count for number in range(count)} | {10**6: WINDOW.from_at - 10}
    for number in range(1, 5):
        account = ListedAccount(leads, damage={number: damage})
        got, _ = read(account, Random(number), permits=1, plan=ReadPlanner(WINDOW, [LEADS.live]))
        assert set(got) == expected(account), number


@pytest.mark.parametrize(
    ("seconds", "count"),
    [*((599, count) for count in (12, 30, 300, 520)), *((6, count) for count in (12, 100, 240))],
)
def test_no_lead_that_is_missing_in_one_response_is_lost(seconds: int, count: int) -> None:
    """The page may be too short to be counted, or its first leads share a second, or it is the second page."""
    at = (WINDOW.from_at + number * seconds // count * (599 // seconds) for number in range(count))
    leads = dict(enumerate(at)) | {10**6: WINDOW.from_at - 10}
    for response in range(1, 5):
        for first in (0, 12, 50):
            for missing in (1, 20):
                account = ListedAccount(leads, lacks={response: (first, first + missing)})
                got, _ = read(account, Random(1), permits=1, plan=ReadPlanner(WINDOW, [LEADS.live]))
                assert set(got) == expected(account), (response, first, missing)
