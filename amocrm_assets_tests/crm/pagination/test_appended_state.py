"""What the pages of a list of events show about it: its bounds, its page size, and what is odd about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from amocrm_assets.crm.pagination.appended_pages import NO_RECORDS, AppendedPage, AppendedQuery, AppendedRecord
from amocrm_assets.crm.pagination.appended_state import AppendedState
from amocrm_assets.crm.pagination.pages import Unusable
from amocrm_assets.crm.pagination.traits import AccountTraits
from amocrm_assets_tests.crm.pagination.test_appended import EVENTS, record

QUERY = AppendedQuery(EVENTS, 1000, 2000, 1, 100)


def page_of(count: int, *, has_next: bool = False) -> AppendedPage:
    return AppendedPage(tuple(record(number, 1500) for number in range(count)), has_next)


def test_a_list_has_records_once_a_response_has_one() -> None:
    state = AppendedState(EVENTS)
    assert (state.duplicates, state.tied_seconds, state.longest_page, state.has_records) == (0, 0, 0, False)
    state.learn(QUERY, NO_RECORDS)
    assert not state.has_records
    state.learn(QUERY, page_of(1))
    assert state.has_records
    state.learn(QUERY, NO_RECORDS)
    assert state.has_records


def test_an_unusable_record_is_one_too() -> None:
    state = AppendedState(EVENTS)
    state.learn(QUERY, AppendedPage((), has_next=False, unusable=(Unusable(None, b"{}"),)))
    assert state.has_records


@pytest.mark.parametrize(
    ("at", "bounds"), [(1000, (5, 10)), (1001, (4, 10)), (1999, (4, 10)), (2000, (4, 9)), (1500, (4, 10))]
)
def test_a_record_at_a_bound_shows_that_the_bound_is_inclusive(at: int, bounds: tuple[int, int]) -> None:
    state = AppendedState(EVENTS)
    assert state.bounds(5, 9) == (4, 10)
    state.learn(QUERY, AppendedPage((record(1, 1500), record(2, at)), has_next=False))
    state.learn(QUERY, page_of(1))
    assert state.bounds(5, 9) == bounds


@pytest.mark.parametrize(
    ("size", "has_next", "limit"), [(50, True, 100), (249, True, 100), (250, True, 250), (50, False, 250)]
)
def test_a_page_that_is_cut_off_below_its_limit_shows_that_the_documented_size_is_the_largest(
    size: int, *, has_next: bool, limit: int
) -> None:
    state = AppendedState(EVENTS, AccountTraits(max_limit=250))
    assert state.limit == 250
    state.learn(replace(QUERY, limit=250), page_of(size, has_next=has_next))
    assert state.limit == limit


def test_a_page_that_failed_makes_later_ones_smaller() -> None:
    state = AppendedState(EVENTS)
    state.failed(QUERY)
    assert state.limit == 50


@pytest.mark.parametrize(
    ("types", "kind", "is_wanted"),
    [
        (("a", "b"), "a", True),
        (("a", "b"), "c", False),
        (("a", "b"), None, True),
        ((), "c", True),
        ((), None, True),
    ],
)
def test_a_record_is_left_out_only_if_it_is_certainly_of_another_type(
    types: tuple[str, ...], kind: str | None, *, is_wanted: bool
) -> None:
    state = AppendedState(replace(EVENTS, types=types))
    event = AppendedRecord("e1", 1500, kind, b"{}")
    state.learn(QUERY, AppendedPage((record(2, 1500), event), has_next=False))
    assert state.is_wanted(event) is is_wanted
    assert [each.kind for each in state.findings] == [] if is_wanted else ["types_ignored"]


@pytest.mark.parametrize(
    ("longest", "limit", "size", "has_next", "may_be"),
    [
        (0, 100, 9, False, False),  # no server has pages so short
        (0, 100, 10, False, True),
        (11, 100, 10, False, False),
        (10, 100, 10, False, True),
        (100, 10, 10, False, True),  # as many as were requested
        (100, 10, 9, False, False),
        (100, 5, 5, False, True),
        (100, 100, 1, True, True),
    ],
)
def test_a_page_may_be_cut_off_if_it_has_a_next_one_or_none_was_longer(
    longest: int, limit: int, size: int, *, has_next: bool, may_be: bool
) -> None:
    state = AppendedState(EVENTS)
    state.longest_page = longest
    query = replace(QUERY, limit=limit)
    assert state.may_be_cut_off(query, page_of(size, has_next=has_next)) is may_be


def test_unusable_records_are_a_finding_that_says_that_records_may_be_missing() -> None:
    state = AppendedState(EVENTS)
    state.found_unusable([Unusable("e7", b"{}")])
    (finding,) = state.findings
    assert (finding.kind, finding.may_miss) == ("records_unusable", True)
    assert "id e7" in finding.cause
