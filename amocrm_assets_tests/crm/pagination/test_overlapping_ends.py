"""Overlapping pages are read until their ends meet, or show that nothing can prove that the list was read."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Literal

import pytest

from amocrm_assets.crm.pagination import EndUnproven, ListState, OverlappingPaginator, TieExceedsPage
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.crm.pagination.listing import ListedAccount

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination import Query

WINDOW = Window(1_000, 1_599)
BY_ID: Literal["id asc"] = "id asc"
BY_TIME: Literal["updated_at desc"] = "updated_at desc"
MAX_REQUESTS = 150


def paginator_of(
    order: Literal["id asc", "updated_at desc"] = BY_ID, *, filtered: bool = True
) -> OverlappingPaginator:
    return OverlappingPaginator(ListState(LEADS.live), order, WINDOW, filtered=filtered)


def listed(count: int) -> dict[int, int]:
    """So many leads, in an order that has nothing to do with their ids."""
    random = Random(count)
    return {number: random.randrange(1_000, 1_600) for number in range(count)}


def read(
    paginator: OverlappingPaginator, account: ListedAccount, *, failing: frozenset[int] = frozenset()
) -> list[int]:
    """The ids of the records that it returns, with two queries in flight; those of these numbers fail."""
    random, sent, pending = Random(1), 0, list["Query"]()
    got: list[int] = []
    while not paginator.done:
        while len(pending) < 2 and (query := paginator.next_query()):
            pending.append(query)
        query, sent = pending.pop(0), sent + 1
        assert sent < MAX_REQUESTS
        if sent in failing:
            paginator.state.page_size.failed(query.limit)
            paginator.failed(query)
        else:
            got += [record.id for record in paginator.add_page(query, account.respond(query, random))]
    return got


@pytest.mark.parametrize("order", [BY_ID, BY_TIME])
@pytest.mark.parametrize("cap", [50, 250])
@pytest.mark.parametrize("failing", [[], [1], [2], [3], [2, 3], [1, 5]], ids=str)
def test_each_record_is_returned_once_whichever_pages_fail(
    order: Literal["id asc", "updated_at desc"], cap: int, failing: list[int]
) -> None:
    account = ListedAccount(listed(700), page_cap=cap)
    paginator = paginator_of(order)
    got = read(paginator, account, failing=frozenset(failing))
    assert sorted(got) == sorted(account.live)
    assert account.request_count < 1.7 * 700 / min(cap, paginator.state.page_size.limit) + 5


@pytest.mark.parametrize("depth", [350, 399, 400])
def test_a_list_that_stops_at_some_depth_is_read_from_both_ends(depth: int) -> None:
    account = ListedAccount(listed(600), depth_max=depth)
    assert sorted(read(paginator_of(), account)) == sorted(account.live)


@pytest.mark.parametrize("order", [BY_ID, BY_TIME])
def test_a_list_whose_ends_do_not_meet_is_never_taken_for_read(
    order: Literal["id asc", "updated_at desc"],
) -> None:
    """By id there is nothing else to try; in the order of time it is read by id next."""
    account = ListedAccount(listed(900), depth_max=300)
    with pytest.raises(EndUnproven if order == BY_ID else (EndUnproven, TieExceedsPage)):
        read(paginator_of(order), account)


def test_a_list_that_shows_its_first_records_from_both_ends_is_never_taken_for_read() -> None:
    """It is sorted only within its pages, and without `next` nothing else says that others follow."""
    account = ListedAccount(listed(600), sorted_within_pages=True, next_never=True)
    with pytest.raises(EndUnproven):
        read(paginator_of(), account)


def test_a_second_that_fills_a_page_is_noticed_at_once() -> None:
    account = ListedAccount(dict.fromkeys(range(600), 1_300))
    with pytest.raises(TieExceedsPage):
        read(paginator_of(BY_TIME), account)
    assert account.request_count == 2


def test_a_second_outside_of_the_window_may_fill_pages() -> None:
    """Its records need not be separated."""
    live = {number: 1_000 + 3 * number for number in range(100)} | dict.fromkeys(range(1_000, 1_700), 5_000)
    got = read(paginator_of(BY_TIME, filtered=False), ListedAccount(live))
    assert sorted(got) == list(range(100))
