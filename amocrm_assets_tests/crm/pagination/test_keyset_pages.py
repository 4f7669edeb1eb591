"""What a keyset paginator requests and returns, page by page, and when it is done."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import DenseRange, KeysetPaginator, ListState, Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.keyset_slices import FROM_AT, TO_AT, page, respond, slice_paginator, tied

__all__ = ["slice_paginator"]


def tie(count: int, at: int, *, has_next: bool = True) -> Page:
    """Leads of one second."""
    return tied(*[at] * count, has_next=has_next)


def due(paginator: KeysetPaginator) -> Query:
    query = paginator.next_query()
    assert query
    return query


@pytest.fixture
def state() -> ListState:
    return ListState(LEADS.live)


@pytest.mark.parametrize(
    ("density", "behind"), [(None, 0), (1.0, 5), (0.3, 17), (10.0, 1), (5 / 3600, 3600), (0.001, 3600)]
)
def test_a_slice_of_known_density_requests_about_five_records_behind_its_end(
    state: ListState, density: float | None, behind: int
) -> None:
    query = due(KeysetPaginator(state, FROM_AT, TO_AT, records_per_second=density))
    assert (query.from_at, query.to_at, query.page, query.limit) == (FROM_AT - 1, TO_AT + 1 + behind, 1, 250)


def test_nothing_is_requested_until_the_response_has_arrived_nor_once_the_slice_is_read(
    paginator: KeysetPaginator,
) -> None:
    query = due(paginator)
    assert paginator.next_query() is None
    paginator.add_page(query, page(1_500, 1_600, has_next=False))
    assert paginator.done
    assert paginator.next_query() is None
    assert paginator.open_interval is None


def test_an_empty_page_of_a_slice_of_which_nothing_was_seen_is_its_end(paginator: KeysetPaginator) -> None:
    respond(paginator, NOTHING)
    assert paginator.done


def test_an_empty_page_that_contradicts_the_one_before_is_requested_once_more(state: ListState) -> None:
    paginator = KeysetPaginator(state, FROM_AT, TO_AT, records_per_second=1.0)
    respond(paginator, NOTHING)
    assert not paginator.done
    respond(paginator, NOTHING)
    assert paginator.done


def test_a_page_tells_its_seconds_and_its_density(paginator: KeysetPaginator) -> None:
    respond(paginator, page(*range(1_001, 1_201, 2)))
    assert paginator.page_seconds == 199
    assert paginator.records_per_second == 100 / 199


def test_a_page_that_others_follow_is_open_until_the_second_one_was_seen(paginator: KeysetPaginator) -> None:
    respond(paginator, page(*range(1_001, 1_251)))
    assert paginator.cursor == 1_250
    assert paginator.open_interval == Window(1_001, TO_AT)
    assert due(paginator).page == 2


def test_a_full_page_without_a_next_one_is_followed_by_others(paginator: KeysetPaginator) -> None:
    respond(paginator, page(*range(1_001, 1_251), has_next=False))
    query = due(paginator)
    assert (query.order, query.page) == ("updated_at asc", 2), "the seam, and not the count of a last page"


def test_after_a_failed_second_page_the_first_is_requested_again_and_its_records_are_returned_once(
    paginator: KeysetPaginator,
) -> None:
    first = page(*range(1_001, 1_251))
    query, returned = respond(paginator, first)
    assert len(returned) == 250
    assert due(paginator).page == 2
    paginator.failed()
    again, returned = respond(paginator, first)
    assert (again.page, again.from_at, returned) == (1, query.from_at, [])
    assert paginator.seen.duplicates == 250


@pytest.mark.parametrize(
    "behind_end",
    [page(*range(1_560, 1_610), has_next=False), page(*range(1_590, 1_605), has_next=True)],
    ids=["as long as any", "shorter, with a next page"],
)
def test_a_page_beyond_the_end_that_may_be_a_part_is_all_once_the_second_one_fits(
    state: ListState, behind_end: Page
) -> None:
    paginator = KeysetPaginator(state, FROM_AT, TO_AT)
    state.learn_size(Query(LEADS.live, "updated_at asc"), page(*range(50), has_next=False))
    respond(paginator, behind_end)
    assert not paginator.done
    seam, returned = respond(paginator, page(*range(behind_end.records[-1].id - 1, 1_630)))
    assert (seam.page, returned) == (2, [])
    assert paginator.done


def test_a_short_page_beyond_the_end_proves_the_end(paginator: KeysetPaginator) -> None:
    _, returned = respond(paginator, page(1_001, TO_AT, TO_AT + 1, has_next=False))
    assert returned == [1_001, TO_AT]
    assert paginator.done


@pytest.mark.parametrize("has_next", [False, True])
def test_a_page_that_ends_in_the_last_second_of_the_slice_does_not_prove_the_end(
    paginator: KeysetPaginator, *, has_next: bool
) -> None:
    """Others of that second may be missing, or follow."""
    _, returned = respond(paginator, page(1_001, TO_AT, has_next=has_next))
    assert returned == [1_001, TO_AT]
    assert not paginator.done
    query, returned = respond(paginator, Page((*page(TO_AT).records, *tied(TO_AT).records), has_next=False))
    assert (query.page, query.from_at) == (1, TO_AT if has_next else FROM_AT - 1)
    assert returned == [0]


def test_records_behind_the_end_wait_for_the_slice_that_returns_them() -> None:
    state = ListState(LEADS.live, to_at=1_700)
    respond(KeysetPaginator(state, FROM_AT, TO_AT), page(1_500, 1_700, 1_701, has_next=False))
    assert state.unreturned.interval == Window(1_700, 1_700)


@pytest.mark.parametrize("at", [1_001, 1_300])
def test_a_second_that_fills_a_page_is_left_to_be_read_by_id_with_all_before_it(
    paginator: KeysetPaginator, at: int
) -> None:
    assert paginator.add_page(due(paginator), tie(250, at)) == ([], DenseRange(1_001, at, {}))
    assert paginator.cursor == at + 1
    assert paginator.state.unreturned.interval == Window(at, at)


def test_in_a_sorted_list_nothing_is_before_a_second_that_fills_a_page(paginator: KeysetPaginator) -> None:
    paginator.state.order_seen = True
    assert paginator.add_page(due(paginator), tie(250, 1_300)) == ([], DenseRange(1_300, 1_300, {}))


@pytest.mark.parametrize("to_at", [TO_AT - 1, TO_AT, TO_AT + 1])
def test_what_is_handed_off_ends_with_the_slice(paginator: KeysetPaginator, to_at: int) -> None:
    assert paginator.hand_off(to_at) == DenseRange(FROM_AT, min(to_at, TO_AT), {})
    assert paginator.done is (to_at >= TO_AT)
    assert paginator.open_interval == (None if paginator.done else Window(TO_AT, TO_AT))


def test_a_first_record_in_the_second_before_shows_that_from_is_inclusive() -> None:
    state = ListState(LEADS.live, AccountTraits(from_is_inclusive=False))
    respond(KeysetPaginator(state, FROM_AT, TO_AT), page(1_000, 1_001, 1_600, has_next=False))
    assert state.from_is_inclusive


def test_a_short_last_page_is_confirmed_by_a_second_response(paginator: KeysetPaginator) -> None:
    _, returned = respond(paginator, page(1_001, 1_005, has_next=False))
    assert returned == [1_001, 1_005]
    assert paginator.open_interval == Window(1_001, TO_AT)
    query, returned = respond(paginator, page(1_001, 1_005, has_next=False))
    assert (query.from_at, query.limit, returned) == (1_000, 7, [])
    assert paginator.done


def test_a_last_page_of_records_that_were_returned_before_is_confirmed_too(state: ListState) -> None:
    paginator = KeysetPaginator(state, FROM_AT, TO_AT, known={1_001: 1_001})
    assert respond(paginator, page(1_001, has_next=False))[1] == []
    assert not paginator.done
    respond(paginator, page(1_001, has_next=False))
    assert paginator.done
    assert paginator.seen.duplicates == 2


@pytest.mark.parametrize("again", [page(1_005, 1_009, has_next=False), page(1_005, has_next=True)])
def test_a_last_page_that_others_follow_is_requested_again_in_a_list_whose_links_prove_nothing(
    paginator: KeysetPaginator, again: Page
) -> None:
    first, _ = respond(paginator, page(1_001, 1_005, has_next=False))
    respond(paginator, again)
    assert paginator.state.next_is_missing
    assert due(paginator) == first


def test_seconds_handed_off_while_the_end_is_confirmed_are_no_part_of_what_is_open(
    paginator: KeysetPaginator,
) -> None:
    respond(paginator, page(1_001, 1_005, has_next=False))
    paginator.hand_off(1_300)
    assert paginator.open_interval == Window(1_301, TO_AT)
    query = due(paginator)
    assert (query.from_at, query.limit) == (1_300, 250)


def test_where_links_prove_nothing_each_page_that_leads_further_is_followed_by_others(
    paginator: KeysetPaginator,
) -> None:
    paginator.state.next_is_missing = True
    respond(paginator, page(1_001, 1_001, 1_001, 1_005, has_next=False))
    query, _ = respond(paginator, page(1_005, has_next=False))
    assert (query.from_at, query.limit) == (1_005, 250)
    assert paginator.done  # it leads no further, and twice no next page was named


def test_a_longest_page_that_comes_again_is_the_end_of_what_the_list_shows_and_is_read_by_id(
    paginator: KeysetPaginator,
) -> None:
    shown = page(*range(1_001, 1_031), has_next=False)
    respond(paginator, shown)
    respond(paginator, page(*range(1_009, 1_000, -1), has_next=False))  # not the first ten
    query = due(paginator)
    assert query.from_at == 1_002
    _, dense = paginator.add_page(query, shown)
    assert dense == DenseRange(1_001, TO_AT, {at: at for at in range(1_001, 1_031)})
    assert paginator.done


@pytest.mark.parametrize(("order_seen", "from_at"), [(False, 1_001), (True, 1_250)])
def test_what_is_handed_off_begins_with_the_page_whose_second_one_was_not_seen_unless_the_list_is_sorted(
    paginator: KeysetPaginator, *, order_seen: bool, from_at: int
) -> None:
    respond(paginator, page(*range(1_001, 1_251)))
    due(paginator)
    paginator.state.order_seen = order_seen
    assert paginator.hand_off(1_400) == DenseRange(from_at, 1_400, {at: at for at in range(from_at, 1_251)})


def test_after_pages_with_records_an_empty_one_is_requested_once_more(paginator: KeysetPaginator) -> None:
    paginator.state.from_is_inclusive = False
    respond(paginator, page(*range(1_001, 1_251)))
    _, returned = respond(paginator, page(*range(1_249, 1_448)))
    assert returned[-1] == paginator.cursor == 1_447
    for _ in range(2):
        assert not paginator.done
        respond(paginator, NOTHING)
    assert paginator.done
