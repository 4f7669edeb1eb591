"""Which records are waited for, and what follows if they never come."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.pagination import ListState, Query
from amocrm_assets.crm.pagination.page_size import PAGE_LIMIT
from amocrm_assets.crm.pagination.pages import NOTHING, Page, RawRecord
from amocrm_assets.crm.pagination.paginator_set import PaginatorSet
from amocrm_assets.crm.pagination.unreturned import FIRST_RECORDS, MAX_FAILED_CHECKS, Unreturned, UnreturnedCheck
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import ReadingUnproven

QUERY = Query(LEADS.live, "updated_at asc", 999, 2_000, details=True)
BARE = Query(LEADS.live, "updated_at asc", 999, 2_000)


def records(*seconds: int) -> list[RawRecord]:
    """A record in each of the seconds, whose id is the second."""
    return [RawRecord(at, at, is_deleted=False, line=b"") for at in seconds]


def waiting(*seconds: int) -> ListState:
    """A list of which these records were received and not returned."""
    state = ListState(LEADS.live)
    state.unreturned.learn("slice", QUERY, records(*seconds), [])
    return state


def test_a_record_of_another_slice_is_waited_for_until_that_one_returns_it() -> None:
    unreturned = Unreturned()
    unreturned.learn("left", QUERY, records(1, 2, 3), records(1))
    assert unreturned
    assert unreturned.interval == Window(2, 3)

    unreturned.learn("right", QUERY, [], records(2))
    assert unreturned.interval == Window(3, 3)
    unreturned.learn_returned(records(3))
    assert not unreturned
    assert unreturned.interval is None


def test_a_record_that_was_edited_in_between_is_still_waited_for() -> None:
    unreturned = Unreturned()
    unreturned.learn("left", QUERY, records(5), [])
    unreturned.learn("right", QUERY, [], [RawRecord(5, 9, is_deleted=False, line=b"")])
    assert unreturned.interval == Window(5, 5)


def test_a_page_that_comes_later_than_those_of_the_next_slice_waits_for_none_of_its_first_records() -> None:
    unreturned = Unreturned()
    for begin in range(0, FIRST_RECORDS + PAGE_LIMIT, PAGE_LIMIT):
        unreturned.learn("right", QUERY, [], records(*range(1_000 + begin, 1_000 + begin + PAGE_LIMIT)))
    last = 1_000 + FIRST_RECORDS - 1
    unreturned.learn("left", QUERY, records(*range(1_000, last + 1)), [])
    assert not unreturned

    unreturned.learn("left", QUERY, records(last + 1), [])
    assert unreturned, "further records of a slice are not remembered"


def test_first_records_of_slices_are_forgotten_once_all_are_behind_them() -> None:
    unreturned = Unreturned()
    unreturned.learn("right", QUERY, [], [RawRecord(9, at, is_deleted=False, line=b"") for at in (4, 5)])
    unreturned.forget(5)
    unreturned.learn("left", QUERY, [RawRecord(9, 5, is_deleted=False, line=b"")], [])
    assert not unreturned
    unreturned.learn("left", QUERY, [RawRecord(9, 4, is_deleted=False, line=b"")], [])
    assert unreturned


def test_of_the_records_that_are_looked_for_those_that_left_their_second_are_moved_out() -> None:
    check = UnreturnedCheck(waiting(5, 7))
    assert check.open_interval == Window(5, 7)
    query = check.next_query()
    assert query == BARE
    assert check.next_query() is None

    assert check.add_page(query, Page(tuple(records(7)), has_next=False)) == []
    assert check.is_contradicted
    assert check.done
    assert check.seen.moved_out == 1


def test_a_check_that_finds_none_of_them_is_done() -> None:
    check = UnreturnedCheck(waiting(5))
    query = check.next_query()
    assert query
    check.add_page(query, NOTHING)
    assert check.done
    assert not check.is_contradicted
    assert check.open_interval is None


def test_each_query_that_found_some_is_sent_once() -> None:
    state = waiting(5, 7)
    state.unreturned.learn("slice", Query(LEADS.live, "updated_at asc", 8, 2_000), records(9), [])
    check = UnreturnedCheck(state)
    bounds = []
    while query := check.next_query():
        bounds.append(query.from_at)
        check.add_page(query, NOTHING)
    assert bounds == [999, 8]
    assert check.done
    assert check.seen.moved_out == 3


def test_their_seconds_are_read_again_once_and_then_the_reading_fails() -> None:
    state, paginators = waiting(5, 7), PaginatorSet()
    for is_last in (False, True):
        check = UnreturnedCheck(state)
        paginators.add(check)
        query = check.next_query()
        assert query
        if is_last:
            with pytest.raises(ReadingUnproven, match="leaves them out of the responses for their own seconds"):
                check.add_page(query, Page(tuple(records(5, 7)), has_next=False))
            return
        check.add_page(query, Page(tuple(records(5, 7)), has_next=False))
        paginators.finish(check)
        paginators.check_unreturned(check)
        (again,) = paginators
        assert again.open_interval == Window(5, 7)
        # What is behind these seconds was returned by others, which need not be remembered any more.
        state.unreturned.learn(again, QUERY, records(5, 8), [])
        assert state.unreturned.interval == Window(5, 7)


def test_a_check_that_keeps_failing_fails_the_reading() -> None:
    check = UnreturnedCheck(waiting(5))
    for _ in range(MAX_FAILED_CHECKS - 1):
        assert check.next_query()
        check.failed()
    assert check.next_query()
    with pytest.raises(ReadingUnproven):
        check.failed()


def test_a_list_is_checked_after_the_last_of_its_paginators() -> None:
    state, paginators = waiting(5), PaginatorSet()
    other = UnreturnedCheck(waiting(9))
    finished = UnreturnedCheck(state)
    paginators.add(other)
    paginators.check_unreturned(finished)
    assert [type(each) for each in paginators if each.state is state] == [UnreturnedCheck]
    paginators.check_unreturned(finished)
    assert sum(each.state is state for each in paginators) == 1


def test_a_list_that_is_given_up_waits_for_no_record() -> None:
    state, paginators = waiting(5), PaginatorSet()
    paginators.give_up(state)
    assert not state.unreturned
