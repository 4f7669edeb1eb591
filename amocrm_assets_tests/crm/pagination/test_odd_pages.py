"""How often a page that is odd has to come before it is accepted."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.pagination.odd_pages import EQUAL_ANSWERS_WITHOUT_ID, MAX_ODD_ANSWERS, OddPages
from amocrm_assets.crm.pagination.pages import Page, RawRecord, Unusable
from amocrm_assets.entities import LEADS

QUERY = Query(LEADS.live, "updated_at asc", 1_000, 2_000)
WHOLE = Page((RawRecord(1, 1_500, is_deleted=False, line=b""),), has_next=False)
OTHER_TIMES = Page((RawRecord(1, 900, is_deleted=False, line=b""),), has_next=False)


def unusable(*ids: int | None) -> Page:
    return Page((), has_next=False, unusable=tuple(Unusable(each, b"{}") for each in ids))


def assessed(pages: OddPages, *responses: Page) -> list[bool]:
    """Whether each of the responses to one query has to be requested again."""
    return [pages.assess(QUERY, page)[1] for page in responses]


@pytest.mark.parametrize("page", [unusable(1), unusable(1, 2), OTHER_TIMES])
def test_what_came_twice_is_a_fact(page: Page) -> None:
    assert assessed(OddPages(), page, page) == [True, False]


@pytest.mark.parametrize("page", [unusable(None), unusable(1, None)])
def test_a_record_without_an_id_is_requested_more_often(page: Page) -> None:
    times = EQUAL_ANSWERS_WITHOUT_ID
    assert assessed(OddPages(), *[page] * times) == [*[True] * (times - 1), False]


def test_other_records_without_a_time_are_another_response() -> None:
    assert assessed(OddPages(), unusable(1), unusable(2), unusable(1, 2), unusable(2)) == [True, True, True, False]


def test_two_pages_that_are_odd_in_one_way_are_equal_whatever_else_they_contain() -> None:
    both = Page(OTHER_TIMES.records, has_next=False, unusable=unusable(None).unusable)
    assert assessed(OddPages(), OTHER_TIMES, both) == [True, False]


def test_a_whole_page_ends_the_count() -> None:
    assert assessed(OddPages(), OTHER_TIMES, WHOLE, OTHER_TIMES, OTHER_TIMES) == [True, False, True, False]


def test_the_last_of_many_different_responses_counts() -> None:
    different = [unusable(each) for each in range(MAX_ODD_ANSWERS)]
    assert assessed(OddPages(), *different) == [*[True] * (MAX_ODD_ANSWERS - 1), False]


def test_what_the_probe_of_the_account_found_is_accepted_at_once() -> None:
    expecting = OddPages(frozenset({"filter_ignored"}))
    assert expecting.assess(QUERY, OTHER_TIMES) == ("filter_ignored", False)
    assert expecting.assess(QUERY, unusable(1)) == ("unusable", True)
