"""Which page of keyset pagination is believed to be the last one, and what is requested before."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import Page
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.keyset_slices import (
    FIRST_PAGE,
    FROM_AT,
    TO_AT,
    handed_off,
    list_state,
    page,
    respond,
    slice_paginator,
    tied,
)

__all__ = ["list_state", "slice_paginator"]


@pytest.mark.parametrize("begin", [1, 2])
def test_a_page_without_next_is_no_end_where_next_was_missing_before(
    paginator: KeysetPaginator, state: ListState, begin: int
) -> None:
    """Only a page that ends in the cursor's second may be the last one, wherever it begins."""
    state.next_is_missing = True
    respond(paginator, tied(*[FROM_AT] * begin, 1_100, 1_200))
    assert paginator.cursor == 1_200
    assert paginator.open_interval == Window(1_200, TO_AT)
    query, _ = respond(paginator, tied(*[FROM_AT] * begin, 1_100, 1_200))
    assert query.limit == PAGE_LIMIT
    assert paginator.done


def test_a_full_page_is_followed_by_others_though_it_has_no_next_one(paginator: KeysetPaginator) -> None:
    respond(paginator, page(*FIRST_PAGE, has_next=False))
    query = paginator.next_query()
    assert query
    assert query.page == 2


def test_a_short_page_that_reaches_behind_the_end_is_the_last_one(paginator: KeysetPaginator) -> None:
    _, given = respond(paginator, page(FROM_AT, 1_200, TO_AT + 1))
    assert given == [FROM_AT, 1_200]
    assert paginator.done


@pytest.mark.parametrize("again", [40, 30])
def test_a_page_that_was_not_counted_and_may_be_a_part_is_requested_as_a_whole_and_then_without_its_beginning(
    paginator: KeysetPaginator, again: int
) -> None:
    """Even if some of its records have left the list in the meantime."""
    shown = tied(*[1_100] * 20, *range(1_101, 1_121))
    begins: list[int] = []
    for sent in (shown.records, shown.records[:again], shown.records[21:again]):
        query, _ = respond(paginator, Page(sent, has_next=False))
        begins.append(query.from_at or 0)
        assert paginator.done is (len(begins) == 3)
    assert begins == [FROM_AT - 1, FROM_AT - 1, 1_101]


@pytest.mark.parametrize("has_next", [False, True])
def test_a_page_behind_the_end_that_may_be_a_part_of_its_list_needs_a_seam(
    paginator: KeysetPaginator, *, has_next: bool
) -> None:
    """A list that is sorted only within its pages would hide records of the slice on the next one."""
    seconds = range(TO_AT - 15, TO_AT + 5)
    _, given = respond(paginator, page(*seconds, has_next=has_next))
    assert given == list(seconds[:16])
    assert not paginator.done
    seam, given = respond(paginator, page(*seconds[-2:], TO_AT + 5, has_next=False))
    assert (seam.page, given) == (2, [])
    assert paginator.done


def test_a_page_with_nothing_new_ends_the_list_only_if_it_comes_twice(paginator: KeysetPaginator) -> None:
    done: list[bool] = []
    for _ in range(2):
        respond(paginator, page(FROM_AT - 1, has_next=False))
        done.append(paginator.done)
    assert done == [False, True]


def test_records_that_come_again_are_counted(paginator: KeysetPaginator) -> None:
    respond(paginator, page(1_100, 1_200, has_next=False))
    assert paginator.seen.duplicates == 0
    _, given = respond(paginator, page(1_200, has_next=False))
    assert (given, paginator.seen.duplicates, paginator.done) == ([], 1, True)


def test_a_second_response_with_records_that_the_end_did_not_have_is_read_from_there_again(
    paginator: KeysetPaginator, state: ListState
) -> None:
    """So its pages lack `next` where others follow."""
    respond(paginator, page(1_100, 1_200, has_next=False))
    _, given = respond(paginator, page(1_200, 1_250, has_next=False))
    assert given == [1_250]
    assert state.next_is_missing
    query = paginator.next_query()
    assert query
    assert (query.from_at, query.limit) == (FROM_AT - 1, PAGE_LIMIT)


def test_an_end_that_is_as_long_as_the_longest_page_is_read_by_id() -> None:
    """The server may have a maximum page size of ten and send no `next`: more may be in the last second."""
    state = ListState(LEADS.live, AccountTraits(from_is_inclusive=False), to_at=2_000)
    state.next_is_missing = True
    paginator = KeysetPaginator(state, FROM_AT, TO_AT)
    ten = tied(*[1_299] * 9, 1_300)
    assert handed_off(paginator, ten) is None
    assert handed_off(paginator, Page(ten.records[8:], has_next=False)) is None, "the seam"
    dense = handed_off(paginator, ten)
    assert dense is not None
    assert (dense.from_at, dense.to_at) == (FROM_AT, TO_AT)
