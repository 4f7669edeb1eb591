"""A short page with a next one is believed when it comes twice."""

from __future__ import annotations

from dataclasses import replace

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.pages import Page, RawRecord
from amocrm_assets.crm.pagination.short_pages import MAX_RESPONSES, MAX_SIZES, ShortPages
from amocrm_assets.entities import LEADS

QUERY = Query(LEADS.live, "updated_at asc", 1, 2)


def page(*ids: int, has_next: bool = True) -> Page:
    return Page(tuple(RawRecord(each, 1, is_deleted=False, line=b"") for each in ids), has_next)


def needs_retry(short: ShortPages, *pages: Page, query: Query = QUERY) -> list[bool]:
    return [short.needs_retry(query, each) for each in pages]


def test_a_page_that_is_full_or_the_last_one_is_believed_at_once() -> None:
    full = page(*range(QUERY.limit))
    assert needs_retry(ShortPages(), full, page(1, has_next=False)) == [False, False]


def test_a_short_page_has_to_come_twice_with_as_many_records() -> None:
    assert needs_retry(ShortPages(), page(1, 2), page(1, 2, 3), page(2, 3)) == [True, True, False]


def test_a_page_that_is_believed_ends_the_comparison_with_those_before_it() -> None:
    """A second short page, of the same query later, is the first one of its own comparison."""
    full, last = page(*range(QUERY.limit)), page(1, has_next=False)
    for believed in (full, last):
        assert needs_retry(ShortPages(), page(1, 2), believed, page(1, 2)) == [True, False, True]


def test_a_size_that_was_confirmed_is_not_doubted_again_and_others_are() -> None:
    short = ShortPages()
    assert needs_retry(short, page(1, 2), page(1, 2), page(3, 4), page(5, 6, 7)) == [True, False, False, True]


def test_a_list_with_pages_of_many_sizes_is_not_asked_twice_for_ever() -> None:
    short = ShortPages()
    for size in range(1, MAX_SIZES + 1):
        assert needs_retry(short, *[page(*range(size))] * 2) == [True, False]
    assert needs_retry(short, page(*range(40))) == [False]


def test_pages_that_are_edited_all_the_time_are_believed_at_last() -> None:
    pages = [page(*range(number + 1)) for number in range(MAX_RESPONSES)]
    assert needs_retry(ShortPages(), *pages) == [True] * (MAX_RESPONSES - 1) + [False]


def test_what_one_list_has_confirmed_says_nothing_of_another() -> None:
    short = ShortPages()
    needs_retry(short, page(1), page(1))
    deleted = next(each for each in LEADS.lists(with_deleted=True) if each.only_deleted)
    assert needs_retry(short, page(1), query=replace(QUERY, record_list=deleted)) == [True]
