"""Which paginator replaces another one, and which of them has the next permit."""

from __future__ import annotations

from typing import Literal

import pytest

from amocrm_assets.crm.pagination import EndUnproven, KeysetPaginator, ListState, OverlappingPaginator, Query
from amocrm_assets.crm.pagination.pages import RawRecord
from amocrm_assets.crm.pagination.paginator_set import (
    DENSE_PAGE_SECONDS,
    DENSE_PAGES,
    MAX_BEGUN_AGAIN,
    PaginatorSet,
)
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven

WINDOW = Window(1_000, 1_599)
QUERY = Query(LEADS.live, "updated_at asc", 999, 1_600)


def by_number(
    order: Literal["id asc", "updated_at desc"], window: Window = WINDOW, *, filtered: bool = True
) -> OverlappingPaginator:
    return OverlappingPaginator(ListState(LEADS.live), order, window, filtered=filtered)


def test_nothing_is_counted_before_the_first_paginator() -> None:
    assert set(PaginatorSet().counts_by_name.values()) == {0}


def test_a_range_by_id_is_as_far_as_its_end_and_every_other_paginator_as_its_first_open_second() -> None:
    paginators, state = PaginatorSet(), ListState(LEADS.live)
    by_id = by_number("id asc", Window(1_000, 1_099))
    whole = by_number("updated_at desc", Window(1_050, 1_599), filtered=False)
    later, next_to_it, last_second = (KeysetPaginator(state, at, 1_599) for at in (1_200, 1_100, 1_099))
    for each in (by_id, later, next_to_it, last_second, whole):
        paginators.add(each)
    # Of equal ones the first one that was added.
    assert paginators.furthest_behind_first() == [whole, last_second, by_id, next_to_it, later]


@pytest.mark.parametrize(
    ("seconds", "is_capped", "is_dense"),
    [
        (DENSE_PAGE_SECONDS, False, True),
        (DENSE_PAGE_SECONDS + 1, False, False),
        (DENSE_PAGE_SECONDS + 1, True, True),
    ],
)
def test_so_many_pages_are_left_to_a_range_by_id_where_they_are_of_few_seconds_or_small(
    seconds: int, *, is_capped: bool, is_dense: bool
) -> None:
    paginators, state = PaginatorSet(), ListState(LEADS.live)
    state.is_capped = is_capped
    paginator = KeysetPaginator(state, 1_000, 9_999, records_per_second=30.0)
    paginator.page_seconds = seconds
    paginators.read_dense(paginator)
    end = 1_000 + DENSE_PAGES * seconds
    assert [each.open_interval for each in paginators] == [Window(1_000, end - 1)] * is_dense
    assert paginator.open_interval == Window(end if is_dense else 1_000, 9_999)


def test_the_first_records_of_slices_are_forgotten_when_the_last_one_before_the_others_has_finished() -> None:
    paginators, state = PaginatorSet(), ListState(LEADS.live)
    record = RawRecord(1, 1_004, is_deleted=False, line=b"")
    finished, other = KeysetPaginator(state, 1_000, 1_005), KeysetPaginator(state, 1_006, 1_599)
    state.unreturned.learn(finished, QUERY, [], [record])
    paginators.add(other)
    paginators.check_unreturned(finished)
    state.unreturned.learn(other, QUERY, [record], [])
    assert state.unreturned


def test_a_list_without_a_proven_end_is_begun_again_so_often_by_time_and_then_by_id() -> None:
    paginators = PaginatorSet()
    paginators.add(by_number("updated_at desc", filtered=False))
    orders = []

    def begin_again() -> None:
        while True:
            (paginator,) = paginators
            assert isinstance(paginator, OverlappingPaginator)
            orders.append(paginator.order)
            paginators.begin_again(paginator, QUERY, EndUnproven())

    with pytest.raises(ReadingUnproven, match="the list ends after 0 records"):
        begin_again()
    times = 1 + MAX_BEGUN_AGAIN
    assert orders == ["updated_at desc"] * times + ["id asc"] * times
    assert paginators.counts.whole_account_scans == 1
