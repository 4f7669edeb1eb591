"""What a list's paginators share: which assumptions they begin with, and what the length of pages tells."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import PAGE_LIMIT, ListState, Query
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.query import MIN_PAGE
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets.entities import LEADS


def page(size: int, *, has_next: bool = True) -> Page:
    records = (RawRecord(each, 1_500, is_deleted=False, line=b"") for each in range(size))
    return Page(tuple(records), has_next)


def query(limit: int = PAGE_LIMIT) -> Query:
    return Query(LEADS.live, "updated_at asc", 1_000, 2_000, limit=limit)


@pytest.mark.parametrize(("known", "inclusive"), [(None, True), (True, True), (False, False)])
def test_from_is_inclusive_unless_it_is_known_not_to_be(*, known: bool | None, inclusive: bool) -> None:
    assert ListState(LEADS.live, AccountTraits(from_is_inclusive=known)).from_is_inclusive == inclusive


def test_a_list_begins_without_doubt_of_its_order_and_without_proof() -> None:
    assert LEADS.deleted is not None
    live, deleted = ListState(LEADS.live), ListState(LEADS.deleted)
    for state in (live, deleted):
        assert not any((state.order_doubted, state.order_seen, state.next_is_missing, state.is_capped))
    assert (live.kind_proven, deleted.kind_proven) == (True, False)


@pytest.mark.parametrize(
    ("size", "limit", "has_next", "capped"),
    [
        (MIN_PAGE, 250, True, True),
        (249, 250, True, True),
        (250, 250, True, False),
        (MIN_PAGE - 1, 250, True, False),
        (MIN_PAGE, 250, False, False),
        (50, 50, True, False),
        (49, 50, True, True),
    ],
)
def test_a_page_with_a_next_one_that_is_shorter_than_requested_shows_a_maximum(
    size: int, limit: int, *, has_next: bool, capped: bool
) -> None:
    state = ListState(LEADS.live)
    state.learn_size(query(limit), page(size, has_next=has_next))
    assert state.is_capped == state.has_small_pages == capped
    state.learn_size(query(), page(250))
    assert state.is_capped == capped


def test_pages_are_small_if_larger_ones_are_not_to_be_had() -> None:
    assert ListState(LEADS.live, AccountTraits(max_limit=125)).has_small_pages
    assert not ListState(LEADS.live, AccountTraits(max_limit=PAGE_LIMIT)).has_small_pages


def test_a_page_as_long_as_any_before_may_be_cut_off() -> None:
    state = ListState(LEADS.live)
    assert [state.may_be_cut_off(page(size)) for size in (MIN_PAGE - 1, MIN_PAGE)] == [False, True]
    assert not state.may_be_cut_off(NOTHING)
    state.learn_size(query(), page(50))
    state.learn_size(query(), page(20))
    assert [state.may_be_cut_off(page(size)) for size in (49, 50, 51)] == [False, True, True]
