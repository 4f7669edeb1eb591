"""Which seconds a keyset paginator requests, when it believes its end, and what it leaves to another paginator."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import KeysetPaginator, ListState
from amocrm_assets.crm.pagination.list_end import RECORDS_BEHIND_END
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.query import DenseRange
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


@pytest.mark.parametrize(
    ("first", "beside"), [(range(1_000, 1_250), 1_000), (range(1_351, 1_601), 1_600)], ids=["before", "behind"]
)
def test_a_lead_beside_the_slice_was_not_given_out_though_its_page_is_asked_for_again(
    first: range, beside: int
) -> None:
    """Pagination of the whole account, which may take over, would leave it out."""
    paginator = KeysetPaginator(ListState(LEADS.live), FROM_AT, TO_AT)
    _, given = respond(paginator, page(*first))
    seam, _ = respond(
        paginator, page(*range(first[100], first[200]))
    )  # out of place: the first page is asked for again

    assert seam.page == 2
    assert beside not in given
    assert set(given) == set(paginator.returned) == set(first) - {beside}


def seam_of(first: range) -> Page:
    """The second page of a list of consecutive seconds, which begins with the last records of the first one."""
    return page(*first[-2:], *range(first[-1] + 1, first[-1] + 100))


def test_one_second_more_is_requested_on_both_sides(paginator: KeysetPaginator) -> None:
    """It is undocumented whether the bounds of a filter are inclusive."""
    query = paginator.next_query()
    assert query
    assert (query.from_at, query.to_at, query.limit) == (FROM_AT - 1, TO_AT + 1, PAGE_LIMIT)


def test_some_records_more_are_requested_behind_the_end_where_the_density_is_known(state: ListState) -> None:
    query = KeysetPaginator(state, FROM_AT, TO_AT, records_per_second=0.5).next_query()
    assert query
    assert query.to_at == TO_AT + 1 + 2 * RECORDS_BEHIND_END


@pytest.mark.parametrize(("density", "pages"), [(None, 1), (0.5, 2)])
def test_an_empty_page_where_records_are_expected_is_requested_once_more(
    state: ListState, density: float | None, pages: int
) -> None:
    paginator = KeysetPaginator(state, FROM_AT, TO_AT, records_per_second=density)
    done: list[bool] = []
    for _ in range(pages):
        assert paginator.open_interval == Window(FROM_AT, TO_AT)
        respond(paginator, NOTHING)
        done.append(paginator.done)
    assert done == [False] * (pages - 1) + [True]
    assert paginator.open_interval is None


def test_nothing_of_a_page_is_complete_until_its_seam_was_seen(
    paginator: KeysetPaginator, state: ListState
) -> None:
    respond(paginator, page(*FIRST_PAGE))
    assert paginator.cursor == FIRST_PAGE[-1]
    assert paginator.open_interval == Window(FROM_AT, TO_AT)
    seam, _ = respond(paginator, seam_of(FIRST_PAGE))
    assert seam.page == 2
    assert paginator.open_interval == Window(FIRST_PAGE[-1] + 99, TO_AT)
    assert state.order_seen, "one seam is enough"


def test_a_seam_that_fails_is_replaced_by_a_smaller_first_page_whose_records_are_not_returned_again(
    paginator: KeysetPaginator, state: ListState
) -> None:
    respond(paginator, page(*FIRST_PAGE))
    seam = paginator.next_query()
    assert seam
    state.page_size.failed(PAGE_LIMIT)
    paginator.failed()
    again, given = respond(paginator, page(*FIRST_PAGE[: PAGE_LIMIT // 2]))
    assert (seam.page, again.page, again.limit) == (2, 1, PAGE_LIMIT // 2)
    assert again.from_at == FROM_AT - 1
    assert given == []


def test_a_first_page_that_fails_is_requested_again(paginator: KeysetPaginator) -> None:
    first = paginator.next_query()
    paginator.failed()
    assert paginator.next_query() == first


def test_records_behind_the_slice_are_waited_for_up_to_the_last_second_that_is_read(
    paginator: KeysetPaginator, state: ListState
) -> None:
    """The next slice has to return them, and nobody returns those of later seconds."""
    _, given = respond(paginator, page(FROM_AT, TO_AT, TO_AT + 1, 2_000, 2_001, has_next=False))
    assert given == [FROM_AT, TO_AT]
    assert state.unreturned.interval == Window(TO_AT + 1, 2_000)
    assert paginator.done


def test_a_record_of_the_cursors_second_in_a_page_that_is_requested_again_is_waited_for(
    paginator: KeysetPaginator, state: ListState
) -> None:
    """The page lacks the known record of that second, so nothing of it is accepted yet."""
    respond(paginator, page(*FIRST_PAGE))
    respond(paginator, seam_of(FIRST_PAGE))
    cursor = paginator.cursor
    other = RawRecord(9_999, cursor, is_deleted=False, line=b"")
    _, given = respond(paginator, Page((other, *page(cursor + 1).records), has_next=True))
    assert given == []
    assert state.unreturned.interval == Window(cursor, cursor + 1)


def test_a_page_shows_whether_from_is_inclusive() -> None:
    state = ListState(LEADS.live, AccountTraits(from_is_inclusive=False), to_at=2_000)
    respond(KeysetPaginator(state, FROM_AT, TO_AT), page(FROM_AT - 1, FROM_AT, has_next=False))
    assert state.from_is_inclusive


@pytest.mark.parametrize(("to_at", "rest"), [(TO_AT - 1, True), (TO_AT, False), (TO_AT + 5, False)])
def test_a_last_second_that_was_not_handed_off_is_still_read(
    paginator: KeysetPaginator, to_at: int, *, rest: bool
) -> None:
    dense = paginator.hand_off(to_at)
    assert dense == DenseRange(FROM_AT, min(to_at, TO_AT), {})
    assert paginator.done != rest
    assert paginator.open_interval == (Window(TO_AT, TO_AT) if rest else None)
    assert bool(paginator.next_query()) == rest


def test_after_a_range_was_handed_off_whole_pages_are_requested_behind_it(paginator: KeysetPaginator) -> None:
    """Even if the end of the list was being verified."""
    respond(paginator, page(1_100, 1_200, has_next=False))
    end = paginator.next_query()
    assert end
    paginator.failed()
    assert end.limit < PAGE_LIMIT
    paginator.hand_off(1_300)
    query = paginator.next_query()
    assert query
    assert (query.from_at, query.limit) == (1_300, PAGE_LIMIT)
    assert paginator.open_interval == Window(1_301, TO_AT)


@pytest.mark.parametrize(("step", "seconds", "density"), [(1, 250, 1.0), (2, 499, 250 / 499)])
def test_the_density_of_a_page_is_known(
    paginator: KeysetPaginator, step: int, seconds: int, density: float
) -> None:
    respond(paginator, page(*range(FROM_AT, FROM_AT + PAGE_LIMIT * step, step)))
    assert (paginator.page_seconds, paginator.records_per_second) == (seconds, density)


@pytest.mark.parametrize(("order_seen", "begin"), [(True, 1_200), (False, FROM_AT)])
def test_a_page_of_one_second_is_read_by_id_with_all_before_it_unless_the_list_is_sorted(
    paginator: KeysetPaginator, state: ListState, begin: int, *, order_seen: bool
) -> None:
    state.order_seen = order_seen
    dense = handed_off(paginator, tied(*[1_200] * PAGE_LIMIT, has_next=True))
    assert dense == DenseRange(begin, 1_200, {})
    assert paginator.open_interval == Window(1_201, TO_AT)


def test_a_page_without_a_known_record_of_its_first_second_is_requested_from_the_second_before(
    paginator: KeysetPaginator, state: ListState
) -> None:
    """Either users have edited them, or `from` excludes its own second, where others may be."""
    respond(paginator, page(*FIRST_PAGE))
    respond(paginator, seam_of(FIRST_PAGE))
    cursor = paginator.cursor
    query, given = respond(paginator, page(cursor + 1, cursor + 2))
    assert (query.from_at, given) == (cursor, [])
    shown = tied(cursor, cursor + 1).records
    query, given = respond(paginator, Page((*page(cursor).records, *shown), has_next=True))
    assert (query.from_at, given) == (cursor - 1, [0, 1])
    assert not state.from_is_inclusive


@pytest.mark.parametrize("has_next", [False, True])
def test_a_page_that_is_filled_by_the_second_before_the_slice_is_requested_without_it(
    paginator: KeysetPaginator, *, has_next: bool
) -> None:
    query, given = respond(paginator, tied(*[FROM_AT - 1] * PAGE_LIMIT, has_next=has_next))
    assert (query.from_at, given, paginator.open_interval) == (FROM_AT - 1, [], Window(FROM_AT, TO_AT))
    query, given = respond(paginator, page(FROM_AT, TO_AT, TO_AT + 1, has_next=False))
    assert (query.from_at, given) == (FROM_AT, [FROM_AT, TO_AT])
    assert paginator.done


def test_a_split_leaves_the_seconds_from_there_on_to_another_paginator(paginator: KeysetPaginator) -> None:
    rest = paginator.split(1_300)
    assert (paginator.cursor, paginator.to_at) == (FROM_AT, 1_299)
    assert (rest.cursor, rest.to_at) == (1_300, TO_AT)


def test_each_page_shows_how_long_pages_are(paginator: KeysetPaginator, state: ListState) -> None:
    respond(paginator, page(*FIRST_PAGE[:40], has_next=False))
    assert [state.may_be_cut_off(page(*FIRST_PAGE[:size])) for size in (39, 40)] == [False, True]


def test_what_was_returned_before_a_seam_behind_the_end_is_known_to_who_reads_it_by_id(
    paginator: KeysetPaginator, state: ListState
) -> None:
    respond(paginator, page(*range(TO_AT - 15, TO_AT + 5)))
    state.order_seen = True
    assert paginator.hand_off(TO_AT).known == {at: at for at in range(TO_AT - 15, TO_AT + 1)}
